/** What the tests of CONNECT share: CONNECTs that must be refused or accepted, wills, and the sizes of packets. */
import { expect } from '@jest/globals';
import { PeerProtocolError } from '../../../src/index.js';
import type { WireClient } from '../../../src/testing/index.js';
import { text } from '../../unit/packet/wire.js';
import { openRig } from '../../wire/rig.js';
import type { ClientOptions, Rig } from '../../wire/rig.js';
import { connecting, expectRefused, open } from './support.js';
import type { ConnectBytes } from './support.js';

export const a = text('a');

/** Statements that clients of this rig break from now on, as the host is told of them. */
export function brokenOf(rig: Rig): readonly string[] {
  const broken: string[] = [];
  rig.broker.on('clientError', (error) => void broken.push(error instanceof PeerProtocolError ? error.statement : String(error)));
  return broken;
}

/** CONNACK with this reason code and a close, and nothing of it took effect. `statement` is the one it breaks. */
export function expectBroken(connect: ConnectBytes, reasonCode: number, statement?: string): void {
  const rig = openRig();
  const broken = brokenOf(rig);
  expectRefused(connecting(rig, connect), reasonCode);
  expect(rig.stats).toMatchObject({ clients: 0, sessions: 0, connectsAccepted: 0, willsPublished: 0 });
  expect(broken).toEqual([statement ?? expect.anything()]);
}

export const expectMalformed = (connect: ConnectBytes, statement?: string): void => expectBroken(connect, 0x81, statement);

export function expectAccepted(connect: ConnectBytes): void {
  const rig = openRig();
  const sent = connecting(rig, connect);
  expect(sent.received()).toMatchObject([{ type: 'connack', reasonCode: 0, sessionPresent: false }]);
  expect([sent.closed, rig.stats.clients]).toEqual([false, 1]);
}

/** Connects and says which Session Present it got; the client stays connected. */
export function sessionPresent(rig: Rig, clientId: string, options: ClientOptions = {}): boolean | undefined {
  const [connack] = open(rig).connect({ clientId, clean: false, ...options }).received();
  expect(connack).toMatchObject({ type: 'connack', reasonCode: 0 });
  return connack?.sessionPresent;
}

/** Connect Flags as hex. */
export const flagsOf = (value: number): string => value.toString(16).padStart(2, '0');

/** Sizes of the whole packets that have arrived, which are thrown away. */
export function sizesOf(client: WireClient): readonly number[] {
  const bytes = Buffer.from(client.receivedHex().replaceAll(' ', ''), 'hex');
  const sizes: number[] = [];
  for (let at = 0; at < bytes.length; at += sizes.at(-1) ?? 0) {
    let remaining = 0;
    let lengthBytes = 0;
    for (let more = true; more; lengthBytes += 1) {
      const byte = bytes.readUInt8(at + 1 + lengthBytes);
      remaining += (byte & 0x7f) * 128 ** lengthBytes;
      more = byte >= 0x80;
    }
    sizes.push(1 + lengthBytes + remaining);
  }
  return sizes;
}

/** Stray and missing continuations, overlong forms, surrogates, beyond U+10FFFF, bytes that never occur. */
const illFormed = [
  '80', 'ff', 'fe', '61 c3', 'e2 82', 'f0 9f 98', 'c3 28', 'e2 28 a1', 'c0 80', 'c1 bf', 'e0 80 80', 'e0 9f bf', 'f0 80 80 80',
  'f0 8f bf bf', 'ed a0 80', 'ed bf bf', 'ed a0 80 ed b0 80', 'f4 90 80 80', 'f5 80 80 80',
].map((hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex')); // prettier-ignore

/** Each ill-formed string in the field that `connect` fills is malformed; well-formed ones are not. */
export function expectUtf8(connect: (field: string) => ConnectBytes): void {
  for (const value of ['x', 'é€😀', '\uFEFFx']) expectAccepted(connect(text(value)));
  for (const value of illFormed) expectMalformed(connect(text(value)), 'MQTT-1.5.4-1');
}
