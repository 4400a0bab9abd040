/** What the tests of PUBACK, PUBREC, PUBREL, PUBCOMP and SUBACK share: all 256 reason codes, and packets that must stay small. */
import { expect } from '@jest/globals';
import type { AuthorizeAnswer } from '../../../src/index.js';
import type { AckPacket, Properties, SubackPacket } from '../../../src/packet/packets.js';
import { encodePacket } from '../../../src/packet/write-packets.js';
import type { WireClient } from '../../../src/testing/index.js';
import { decodePacket } from '../../../src/testing/wire-codec.js';
import { packet } from '../../unit/packet/wire.js';
import { openRig } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, expectDisconnected, expectOpen, open, subscriber } from './support.js';
import type { Qos } from './support.js';

export const allCodes: readonly number[] = Array.from({ length: 256 }, (_, code) => code);
export const byteHex = (byte: number): string => byte.toString(16).padStart(2, '0');

// ---- Clients that wait for an acknowledgement, or owe one, under Packet Identifier 1 ----

export interface Waiting {
  readonly rig: Rig;
  readonly client: WireClient;
}

/** It has been sent a PUBLISH of this QoS. */
export function sentPublish(qos: Qos): Waiting {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 't', qos);
  client(rig, 'pub').publish({ topic: 't', payload: 'x', qos });
  return { rig, client: sub.skip() };
}

/** It has been sent a PUBREL. */
export function sentPubrel(): Waiting {
  const waiting = sentPublish(2);
  waiting.client.pubrec(1).skip();
  return waiting;
}

/** It has sent a QoS 2 PUBLISH and got PUBREC. */
export function gotPubrec(): Waiting {
  const rig = openRig();
  return { rig, client: client(rig, 'pub').publish({ topic: 't', qos: 2, packetId: 1 }).skip() };
}

// ---- Reason codes ----

export const receiverCodes: readonly number[] = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
export const releaseCodes: readonly number[] = [0x00, 0x92];

/** Sends the acknowledgement with every code there is: of `legal` ones `done` looks at the effect, all others close. */
export function expectCodes(first: number, waiting: () => Waiting, legal: readonly number[], done: (at: Waiting, code: number) => void): void {
  for (const code of allCodes) {
    const at = waiting();
    at.client.sendsBytes(packet(first, `0001 ${byteHex(code)}`));
    if (legal.includes(code)) {
      done(at, code);
      expectOpen(at.client);
    } else expectDisconnected(at.client, 0x82);
  }
}

/** What a PUBLISH is answered when `authorize` refuses it with this code. */
export function refusedWith(reasonCode: number, qos: 1 | 2): WireClient {
  const rig = openRig({ authorize: (): AuthorizeAnswer => ({ action: 'deny', reasonCode }) });
  return client(rig, 'pub').publish({ topic: 't', qos, packetId: 1 });
}

/** Codes of a hook that a PUBACK or PUBREC has; what else a hook says becomes 0x87. */
export const hookCodes: readonly number[] = [0x80, 0x83, 0x87, 0x90, 0x97, 0x99];

// ---- Maximum Packet Size ----

/** The smallest Maximum Packet Size with which a client can connect: its CONNACK takes as much. */
export function smallestSize(rig: Rig): number {
  const connack = open(rig).connect({ clientId: 'tiny', properties: { maximumPacketSize: 1000 } }).receivedHex();
  return connack.split(' ').length;
}

/** A client that takes no packet beyond what it must take to be connected. */
export const tiny = (rig: Rig): WireClient => client(rig, 'tiny', { properties: { maximumPacketSize: smallestSize(rig) } });

const reasons = ['x'.repeat(60), 'é'.repeat(30), '€'.repeat(100)];

/**
 * A PUBLISH is refused with a Reason String. The answer has it if it is then not larger than the client's Maximum
 * Packet Size, to the byte; if not, the answer is the code alone.
 */
export function expectReasonLeftOut(type: 'puback' | 'pubrec'): void {
  const [first, qos] = type === 'puback' ? (['40', 1] as const) : (['50', 2] as const);
  for (const reasonString of reasons) {
    const rig = openRig({ authorize: (): AuthorizeAnswer => ({ action: 'deny', reasonString }) });
    const answerAt = (maximumPacketSize: number): string =>
      client(rig, 'c', { properties: { maximumPacketSize } }).publish({ topic: 't', qos, packetId: 1 }).receivedHex();
    const whole = answerAt(1000);
    const size = whole.split(' ').length;
    expect(decodePacket(Buffer.from(whole.replaceAll(' ', ''), 'hex'), 5)).toEqual({ type, packetId: 1, reasonCode: 0x87, properties: { reasonString } });
    for (const fits of [size, size + 1]) expect(answerAt(fits)).toBe(whole);
    for (const small of [size - 1, size - 10, smallestSize(rig)]) expect(answerAt(small)).toBe(`${first} 03 00 01 87`);
  }
}

const reasonString = 'why';
const userProperties = [['k', 'v'], ['k', 'ü']] as const; // prettier-ignore

/**
 * No hook makes the broker send this property in this packet, so its writer is given one, at every Maximum Packet
 * Size: what comes out is never larger, and has the property where there is room. User Properties go first.
 */
export function expectLeftOut(name: 'reasonString' | 'userProperties', bare: AckPacket | SubackPacket): void {
  const write = (properties: Properties, maximumPacketBytes = Infinity): Buffer | undefined =>
    encodePacket({ ...bare, properties }, 5, { maximumPacketBytes, problemInformation: true });
  const smallest = write({}) as Buffer;
  expect(decodePacket(smallest, 5).properties ?? {}).toEqual({});
  for (const given of [{ [name]: name === 'reasonString' ? reasonString : userProperties }, { reasonString, userProperties }] as const) {
    const whole = write(given) as Buffer;
    expect(decodePacket(whole, 5).properties).toEqual(given);
    const withReason = 'reasonString' in given ? (write({ reasonString }) as Buffer) : smallest;
    expect(whole.length).toBeGreaterThan(smallest.length);
    for (let max = 1; max <= whole.length + 1; max += 1) {
      const expected = [whole, withReason, smallest].find(({ length }) => length <= max);
      expect([max, write(given, max)]).toEqual([max, expected]);
    }
  }
}
