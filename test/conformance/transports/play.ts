/** Scenarios as data: what each client sends, and which packets it then gets. Every transport must show the same. */
import { expect } from '@jest/globals';
import { createBroker, type Broker, type BrokerOptions } from '../../../src/index.js';
import type { WirePacket, WireSendPacket } from '../../../src/testing/index.js';
import { bytesOfHex, encodePacket } from '../../../src/testing/wire-codec.js';
import { Client, openDoor, type TransportName } from './client.js';

/** 4 is MQTT 3.1.1. */
export type Version = 4 | 5;
/** A packet for mqtt-packet, hexadecimal, or bytes. */
type Sent = WireSendPacket | string | Uint8Array;
interface Cut {
  /** Bytes of each piece. */
  readonly cutInto: number;
  readonly sends: readonly Sent[];
}
/** What the client does: sends, in one piece or cut, or vanishes; or what the host does. */
type Act = Sent | readonly Sent[] | Cut | typeof drop | HostAct;
type HostAct = (broker: Broker) => unknown;
/** The fields of a packet that matter, the end of the connection, or what depends on the version. */
type Expected = Partial<WirePacket> | 'closed' | ((version: Version) => readonly (Partial<WirePacket> | 'closed')[]);
/** The client is connected to the broker by its first step. */
export type Step = readonly [client: string, act: Act, ...expected: Expected[]];

export const drop = Symbol('drop');
/** Sends nothing: what is expected comes by itself. */
export const nothing: Act = [];

/** Plays the scenario in each version. In the end every client that is still connected has got nothing but what it expected. */
export const plays =
  (versions: readonly Version[], steps: readonly Step[], options: BrokerOptions = {}) =>
  async ({ transport }: { readonly transport: TransportName }): Promise<void> => {
    for (const version of versions) await play(transport, version, steps, options);
  };

async function play(transport: TransportName, version: Version, steps: readonly Step[], options: BrokerOptions): Promise<void> {
  const broker = createBroker({ closeGraceSeconds: 0.5, ...options });
  const errors: Error[] = [];
  broker.on('error', (error) => void errors.push(error));
  const clients = new Map<string, Client>();
  try {
    const door = await openDoor(broker, transport);
    for (const [at, [name, act, ...expected]] of steps.entries()) {
      const client = clients.get(name) ?? (await Client.dial(door, version));
      clients.set(name, client);
      if (typeof act === 'function') act(broker);
      else perform(client, act, version);
      const all = expected.flatMap((one) => (typeof one === 'function' ? one(version) : [one]));
      const got: unknown[] = [];
      while (got.length < all.length && got.at(-1) !== 'closed') got.push(await client.next());
      expect({ version, step: at + 1, got }).toMatchObject({ version, step: at + 1, got: all });
    }
    await expectNothingMore(clients, version);
  } finally {
    for (const client of clients.values()) client.drop();
    await broker.close();
  }
  expect(errors).toEqual([]);
}

function perform(client: Client, act: Exclude<Act, HostAct>, version: Version): void {
  if (act === drop) client.drop();
  else if (isCut(act)) client.send(bytesOf(act.sends, version), act.cutInto);
  else client.send(bytesOf(isList(act) ? act : [act], version));
}

const isCut = (act: Sent | readonly Sent[] | Cut): act is Cut => typeof act === 'object' && 'cutInto' in act;
const isList = (act: Sent | readonly Sent[]): act is readonly Sent[] => Array.isArray(act);

const bytesOf = (sent: readonly Sent[], version: Version): Buffer =>
  Buffer.concat(
    sent.map((one) => {
      if (typeof one === 'string') return bytesOfHex(one);
      if (one instanceof Uint8Array) return one;
      return encodePacket({ protocolId: 'MQTT', protocolVersion: version, ...one }, version);
    }),
  );

/** After the first round of PINGREQ all that was sent is processed; what came of it would show in the second. */
async function expectNothingMore(clients: ReadonlyMap<string, Client>, version: Version): Promise<void> {
  for (let round = 1; round <= 2; round += 1) {
    for (const [name, client] of clients) {
      if (!client.isOpen) continue;
      perform(client, { cmd: 'pingreq' }, version);
      expect({ version, name, got: await client.next() }).toEqual({ version, name, got: { type: 'pingresp' } });
    }
  }
}

// ---- What is sent ----

export const connect = (clientId: string, fields: object = {}): WireSendPacket => ({ cmd: 'connect', clientId, clean: true, keepalive: 0, ...fields });

/** With a session that lasts. */
export const resume = (clientId: string, fields: object = {}): WireSendPacket =>
  connect(clientId, { clean: false, properties: { sessionExpiryInterval: 3600 }, ...fields });

export const publish = (topic: string, payload: string, fields: { readonly messageId?: number; readonly [field: string]: unknown } = {}): WireSendPacket => ({
  cmd: 'publish',
  topic,
  payload,
  qos: 0,
  retain: false,
  dup: false,
  ...fields,
});

/** Filters with the QoS that is asked for. */
export const subscribe = (messageId: number, filters: Readonly<Record<string, 0 | 1 | 2>>, fields: object = {}): WireSendPacket => ({
  cmd: 'subscribe',
  messageId,
  subscriptions: Object.entries(filters).map(([topic, qos]) => ({ topic, qos })),
  ...fields,
});

export const answer = (cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', messageId: number): WireSendPacket => ({ cmd, messageId });
export const disconnect = (reasonCode = 0): WireSendPacket => ({ cmd: 'disconnect', reasonCode });

// ---- What is expected ----

export const accepted: Expected = { type: 'connack', reasonCode: 0, sessionPresent: false };
export const resumed: Expected = { type: 'connack', reasonCode: 0, sessionPresent: true };

export const message = (topic: string, payload: string, fields: Partial<WirePacket> = {}): Partial<WirePacket> => ({
  type: 'publish',
  topic,
  payload,
  qos: 0,
  retain: false,
  dup: false,
  ...fields,
});

export const suback = (packetId: number, ...reasonCodes: number[]): Partial<WirePacket> => ({ type: 'suback', packetId, reasonCodes });

/** Closed; MQTT 5.0 is told why. */
export const ends =
  (reasonCode: number): Expected =>
  (version) =>
    version === 5 ? [{ type: 'disconnect', reasonCode }, 'closed'] : ['closed'];

/** CONNACK with the return code of 3.1.1 or the reason code of 5.0, and closed. */
export const refused =
  (returnCode: number, reasonCode: number): Expected =>
  (version) => [{ type: 'connack', reasonCode: version === 5 ? reasonCode : returnCode, sessionPresent: false }, 'closed'];
