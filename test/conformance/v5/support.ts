/** What the tests of MQTT 5.0 share: clients that speak it, CONNECT as bytes, and how a connection ends. */
import { expect } from '@jest/globals';
import { PeerProtocolError } from '../../../src/index.js';
import type { WireClient } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import type { ClientOptions, Rig } from '../../wire/rig.js';

export const qoses = [0, 1, 2] as const;
export type Qos = (typeof qoses)[number];

/** Never: as large a Session Expiry Interval as there is. */
export const never = 0xffffffff;

/** A connection that has sent nothing yet. */
export const open = (rig: Rig, options: ClientOptions = {}): WireClient => rig.open({ protocolVersion: 5, ...options });

/** A connected client with Clean Start 1; its CONNACK is taken. */
export const client = (rig: Rig, clientId: string, options: ClientOptions = {}): WireClient =>
  rig.client(clientId, { protocolVersion: 5, ...options });

/** A client with Clean Start 0 whose session never expires. */
export const resumable = (rig: Rig, clientId: string, options: ClientOptions = {}): WireClient =>
  client(rig, clientId, { clean: false, ...options, properties: { sessionExpiryInterval: never, ...options.properties } });

/** A client that has subscribed; its SUBACK, and retained messages, are thrown away. */
export const subscriber = (rig: Rig, clientId: string, filter: string, qos: Qos = 0, options: ClientOptions = {}): WireClient =>
  client(rig, clientId, options).subscribe(filter, { qos }).skip();

/** The broker said DISCONNECT with this reason code, nothing else, and closed. */
export function expectDisconnected(sent: WireClient, reasonCode: number): void {
  expect([sent.received(), sent.closed]).toMatchObject([[{ type: 'disconnect', reasonCode }], true]);
}

/** The broker refused the CONNECT with this reason code and closed. */
export function expectRefused(sent: WireClient, reasonCode: number): void {
  expect([sent.received(), sent.closed]).toMatchObject([[{ type: 'connack', reasonCode, sessionPresent: false }], true]);
}

/** It still answers. */
export function expectOpen(sent: WireClient): void {
  sent.skip().pingreq();
  expect([sent.receivedHex(), sent.closed]).toEqual(['d0 00', false]);
}

// ---- CONNECT as bytes ----

export interface ConnectBytes {
  /** Protocol Name behind its length, and Protocol Version. */
  readonly protocol?: string;
  /** Connect Flags. */
  readonly flags?: string;
  readonly keepAlive?: string;
  /** Properties without their length. */
  readonly properties?: string;
  /** Payload; default the Client Identifier `a`. */
  readonly payload?: string;
}

/** A length below 128 in front of properties. */
export const propertiesBytes = (hex: string): string => `${hex.replaceAll(' ', '').length / 2 < 16 ? '0' : ''}${(hex.replaceAll(' ', '').length / 2).toString(16)} ${hex}`;

export const connectBytes = ({
  protocol = `${text('MQTT')} 05`,
  flags = '02',
  keepAlive = '0000',
  properties = '',
  payload = text('a'),
}: ConnectBytes = {}): Buffer => packet(0x10, `${protocol} ${flags} ${keepAlive} ${propertiesBytes(properties)} ${payload}`);

/** Sends it on a connection of its own. */
export const connecting = (rig: Rig, connect: ConnectBytes): WireClient => open(rig).sendsBytes(connectBytes(connect));

/** Statements that clients of this rig break from now on, as the host is told of them. */
export function brokenOf(rig: Rig): string[] {
  const broken: string[] = [];
  rig.broker.on('clientError', (error) => void broken.push(error instanceof PeerProtocolError ? error.statement : String(error)));
  return broken;
}
