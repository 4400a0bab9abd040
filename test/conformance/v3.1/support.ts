/** What the tests of MQTT 3.1 share: its packets as bytes, and clients that speak it. */
import { expect } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import type { ClientOptions, Rig } from '../../wire/rig.js';

/** CONNACK: accepted. Its first byte has no meaning yet. */
export const accepted = '20 02 00 00';
/** CONNACK with one of the return codes 1 to 5. */
export const refused = (code: number): string => `20 02 00 0${code}`;

export const open = (rig: Rig, options: ClientOptions = {}): WireClient => rig.open({ protocolVersion: 3, ...options });

/** A connected client with Clean Session 1; its CONNACK is taken. */
export const client = (rig: Rig, clientId: string, options: ClientOptions = {}): WireClient =>
  rig.client(clientId, { protocolVersion: 3, ...options });

/** The same with Clean Session 0. */
export const resumable = (rig: Rig, clientId: string, options: ClientOptions = {}): WireClient =>
  client(rig, clientId, { clean: false, ...options });

export const subscriber = (rig: Rig, clientId: string, filter: string, qos: 0 | 1 | 2 = 0): WireClient =>
  client(rig, clientId).subscribe(filter, { qos }).skip();

/** It was told nothing, and closed. */
export function expectClosed(sent: WireClient): void {
  expect([sent.receivedHex(), sent.closed]).toEqual(['', true]);
}

export function expectAnswer(sent: WireClient, hex: string, closed = false): void {
  expect([sent.receivedHex(), sent.closed]).toEqual([hex, closed]);
}

/** It still answers. */
export const expectOpen = (sent: WireClient): void => expectAnswer(sent.skip().pingreq(), 'd0 00');

export interface ConnectBytes {
  readonly first?: number;
  readonly name?: string;
  readonly level?: number;
  /** Connect Flags. */
  readonly flags?: string;
  /** Client Identifier and what follows it; default `a`. */
  readonly payload?: string;
}

export const a = text('a');

export const connectBytes = ({ first = 0x10, name = 'MQIsdp', level = 3, flags = '02', payload = a }: ConnectBytes = {}): Buffer =>
  packet(first, `${text(name)} ${level.toString(16).padStart(2, '0')} ${flags} 0000 ${payload}`);

/** Sends it on a connection of its own. */
export const connecting = (rig: Rig, connect: ConnectBytes = {}): WireClient => open(rig).sendsBytes(connectBytes(connect));
