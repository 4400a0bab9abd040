/** What the tests of MQTT 3.1.1 share: clients that speak it, its packets as bytes, and every string field there is. */
import { expect } from '@jest/globals';
import { PeerProtocolError } from '../../../src/index.js';
import type { WireClient } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig } from '../../wire/rig.js';
import type { ClientOptions, Rig } from '../../wire/rig.js';

export const qoses = [0, 1, 2] as const;
export type Qos = (typeof qoses)[number];

/** CONNACK: accepted, no session present. */
export const accepted = '20 02 00 00';

export const open = (rig: Rig, options: ClientOptions = {}): WireClient => rig.open({ protocolVersion: 4, ...options });

/** A connected client with CleanSession 1; its CONNACK is taken. */
export const client = (rig: Rig, clientId: string, options: ClientOptions = {}): WireClient =>
  rig.client(clientId, { protocolVersion: 4, ...options });

/** The same with CleanSession 0. */
export const resumable = (rig: Rig, clientId: string, options: ClientOptions = {}): WireClient =>
  client(rig, clientId, { clean: false, ...options });

/** A client that has subscribed; its SUBACK, and retained messages, are thrown away. */
export const subscriber = (rig: Rig, clientId: string, filter: string, qos: Qos = 0, options: ClientOptions = {}): WireClient =>
  client(rig, clientId, options).subscribe(filter, { qos }).skip();

/** Sends a CONNECT with CleanSession 0 and says which Session Present it got; the client stays connected. */
export function sessionPresent(rig: Rig, clientId: string, clean = false): boolean | undefined {
  const [connack] = open(rig).connect({ clientId, clean }).received();
  expect(connack).toMatchObject({ type: 'connack', reasonCode: 0 });
  return connack?.sessionPresent;
}

/** MQTT 3.1.1 has no DISCONNECT from the server: it closes, and says nothing. */
export function expectClosed(sent: WireClient): void {
  expect([sent.receivedHex(), sent.closed]).toEqual(['', true]);
}

/** It still answers. */
export function expectOpen(sent: WireClient): void {
  sent.skip().pingreq();
  expect([sent.receivedHex(), sent.closed]).toEqual(['d0 00', false]);
}

// ---- CONNECT as bytes ----

export interface ConnectBytes {
  /** Protocol Name behind its length, and Protocol Level. */
  readonly protocol?: string;
  /** Connect Flags. */
  readonly flags?: string;
  readonly keepAlive?: string;
  /** Payload; default the Client Identifier `a`. */
  readonly payload?: string;
}

export const a = text('a');

export const connectBytes = ({ protocol = `${text('MQTT')} 04`, flags = '02', keepAlive = '0000', payload = a }: ConnectBytes = {}): Buffer =>
  packet(0x10, `${protocol} ${flags} ${keepAlive} ${payload}`);

/** Sends it on a connection of its own. */
export const connecting = (rig: Rig, connect: ConnectBytes): WireClient => open(rig).sendsBytes(connectBytes(connect));

/** Statements that clients of this rig break from now on, as the host is told of them. */
export function brokenOf(rig: Rig): readonly string[] {
  const broken: string[] = [];
  rig.broker.on('clientError', (error) => void broken.push(error instanceof PeerProtocolError ? error.statement : String(error)));
  return broken;
}

/** It has not the format of a CONNECT: closed without a byte, and nothing of it took effect. `statement` is the one it breaks. */
export function expectNoConnack(connect: ConnectBytes, statement?: string): void {
  const rig = openRig();
  const broken = brokenOf(rig);
  expectClosed(connecting(rig, connect));
  expect(rig.stats).toMatchObject({ clients: 0, sessions: 0, willsPublished: 0 });
  expect(broken).toEqual([statement ?? expect.anything()]);
}

export function expectConnack(connect: ConnectBytes): void {
  const rig = openRig();
  expect(connecting(rig, connect).receivedHex()).toBe(accepted);
  expect(rig.stats.clients).toBe(1);
}

// ---- strings ----

/** Sends `value` in one string field and returns the client. */
type StringField = (rig: Rig, value: Buffer) => WireClient;

/** Every string that a client sends, by field. */
export const stringFields: Readonly<Record<string, StringField>> = {
  'Client Identifier': (rig, value) => connecting(rig, { payload: text(value) }),
  'Will Topic': (rig, value) => connecting(rig, { flags: '06', payload: `${a} ${text(value)} ${text('x')}` }),
  'User Name': (rig, value) => connecting(rig, { flags: '82', payload: `${a} ${text(value)}` }),
  'Topic Name': (rig, value) => client(rig, 'a').sendsBytes(packet(0x30, `${text(value)} 78`)),
  'Topic Filter of SUBSCRIBE': (rig, value) => client(rig, 'a').sendsBytes(packet(0x82, `0001 ${text(value)} 00`)),
  'Topic Filter of UNSUBSCRIBE': (rig, value) => client(rig, 'a').sendsBytes(packet(0xa2, `0001 ${text(value)}`)),
};

export const fieldNames = Object.keys(stringFields);

export const sendString = (rig: Rig, field: string, value: Buffer): WireClient => (stringFields[field] as StringField)(rig, value);

/** Stray and missing continuations, overlong forms, surrogates, beyond U+10FFFF, bytes that never occur. */
export const illFormed = [
  '80', 'ff', 'fe', '61 c3', 'e2 82', 'f0 9f 98', 'c3 28', 'e2 28 a1', 'c0 80', 'c1 bf', 'e0 80 80', 'e0 9f bf', 'f0 80 80 80',
  'f0 8f bf bf', 'ed a0 80', 'ed bf bf', 'ed a0 80 ed b0 80', 'f4 90 80 80', 'f5 80 80 80',
].map((hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex')); // prettier-ignore

/** Each ill-formed string in this field closes the connection, a well-formed one of as many bytes does not. */
export function expectUtf8(field: string): void {
  const good = sendString(openRig(), field, Buffer.from('é€😀'));
  expect(good.closed).toBe(false);
  for (const value of illFormed) {
    const rig = openRig();
    const broken = brokenOf(rig);
    expectClosed(sendString(rig, field, value));
    expect(rig.stats).toMatchObject({ clients: 0, subscriptions: 0, retainedMessages: 0 });
    expect(broken).toEqual(['MQTT-1.5.3-1']);
  }
}
