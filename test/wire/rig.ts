/**
 * One broker on virtual time and raw clients of it; it is closed behind each test, and must then have nothing left.
 * These suites run twice, on a store that answers at once and on one that is late (see jest.config.js): once the
 * turn has ended, a test sees the same.
 */
import { afterEach } from '@jest/globals';
import type { Action, AuthorizeAnswer, Broker, BrokerOptions } from '../../src/index.js';
import { VirtualClock, wire } from '../../src/testing/index.js';
import type { WireClient, WireConnect, WirePacket, WireVersion } from '../../src/testing/index.js';
import { brokerOnClock } from '../../src/testing/wire-broker.js';

/** What a client of a rig may set beside the fields of its CONNECT. */
export interface ClientOptions extends Omit<WireConnect, 'clientId'> {
  readonly protocolVersion?: WireVersion;
  readonly halfOpen?: boolean;
}

export class Rig {
  readonly clock: VirtualClock;
  readonly broker: Broker;
  /** What came out as `error`; a test that expects some takes them out. */
  readonly errors: Error[] = [];
  /** Every `dropped` event as `why topic clientId`. */
  readonly dropped: string[] = [];

  constructor(options: BrokerOptions, clock = new VirtualClock()) {
    this.clock = clock;
    this.broker = brokerOnClock(this.clock, options);
    this.broker.on('error', (error) => void this.errors.push(error));
    this.broker.on('dropped', (why, { topic }, clientId) => void this.dropped.push(`${why} ${topic} ${String(clientId)}`));
    this.clock.flush(); // a late store opens late
  }

  get stats(): ReturnType<Broker['stats']> {
    return this.broker.stats();
  }

  /** Opens a connection and sends nothing. */
  open({ protocolVersion, halfOpen }: ClientOptions = {}): WireClient {
    return wire({
      broker: this.broker,
      clock: this.clock,
      ...(protocolVersion !== undefined && { protocolVersion }),
      ...(halfOpen !== undefined && { halfOpen }),
    });
  }

  /** A connected client; its CONNACK is taken, what followed it is not. */
  client(clientId: string, options: ClientOptions = {}): WireClient {
    const { protocolVersion: _version, halfOpen: _halfOpen, ...connect } = options;
    return this.open(options).connected({ ...connect, clientId });
  }

  /** The same with a session that lasts: Clean Start 0, and in 5.0 an expiry of an hour. */
  resumable(clientId: string, { properties, ...options }: ClientOptions = {}): WireClient {
    const lasting = { sessionExpiryInterval: 3600, ...properties };
    const isVersion5 = (options.protocolVersion ?? 5) === 5;
    return this.client(clientId, { clean: false, ...options, ...(isVersion5 && { properties: lasting }) });
  }

  /** A client that has subscribed; SUBACK and retained messages are thrown away. */
  subscriber(clientId: string, filter: string, qos: 0 | 1 | 2 = 0, options: ClientOptions = {}): WireClient {
    return this.client(clientId, options).subscribe(filter, { qos }).skip();
  }

  /** Lets promises go on until nothing is left to do. */
  settle(): Promise<void> {
    return this.clock.settle();
  }

  /** Closes the broker; a peer that does not read costs it the grace period. */
  async close(): Promise<void> {
    const closed = this.broker.close();
    await this.settle();
    this.clock.advance(this.broker.options.closeGraceSeconds * 1000 + 1);
    await this.settle();
    await closed;
    const { connections, clients } = this.stats;
    const { errors, clock } = this;
    const left = { errors: errors.map(String), connections, clients, deadlines: clock.pending };
    if (errors.length + connections + clients + clock.pending > 0) throw new Error(`left behind: ${JSON.stringify(left)}`);
  }
}

const rigs: Rig[] = [];

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

export function openRig(options: BrokerOptions = {}): Rig {
  const rig = new Rig(options);
  rigs.push(rig);
  return rig;
}

/** For `test.each`: what both versions of today promise, and what all three do. */
export const both = [
  { name: 'v3.1.1', protocolVersion: 4 },
  { name: 'v5', protocolVersion: 5 },
] as const;
export const three = [{ name: 'v3.1', protocolVersion: 3 }, ...both] as const;

// ---- What tests compare ----

/** The PUBLISHes that arrived since the last look; everything else that did is thrown away. */
export const publishes = (client: WireClient): WirePacket[] =>
  client.received().filter(({ type }) => type === 'publish');

/** Their payloads. */
export const payloads = (client: WireClient): (string | undefined)[] => publishes(client).map(({ payload }) => payload);

/** The subscription identifiers of a PUBLISH, ascending. */
export function identifiersOf({ properties }: WirePacket): number[] {
  const ids = properties?.subscriptionIdentifier ?? [];
  return (typeof ids === 'number' ? [ids] : [...ids]).toSorted((a, b) => a - b);
}

/** Payloads by QoS: order is promised within each, and on a durable store QoS 2 leaves a little later than the rest. */
export function byQos(packets: readonly WirePacket[]): Readonly<Record<number, readonly (string | undefined)[]>> {
  const found: Record<number, (string | undefined)[]> = {};
  for (const { qos = -1, payload } of packets) (found[qos] ??= []).push(payload);
  return found;
}

/** Packets in short: `publish 1 x`, `puback 1 0x10`, `pingresp`. A reason code of 0 is left out. */
export const short = (packets: readonly WirePacket[]): string[] =>
  packets.map(({ type, packetId, payload, reasonCode, reasonCodes }) =>
    [type, packetId, payload, ...(reasonCodes ?? [reasonCode ?? 0]).filter((code) => code > 0 || reasonCodes !== undefined).map(hex)]
      .filter((part) => part !== undefined && part !== '')
      .join(' '),
  );

const hex = (code: number): string => `0x${code.toString(16).padStart(2, '0')}`;

/** `count` payloads: `1`, `2`, `3` … */
export const numbered = (count: number, from = 1): string[] => Array.from({ length: count }, (_, index) => String(from + index));

// ---- Hooks whose answers the test gives ----

interface Question {
  readonly clientId: string;
  readonly action: Action;
  readonly answer: (answer: AuthorizeAnswer) => void;
}

/** `authorize` questions of one kind of action wait here; all others are allowed at once. */
export class Questions {
  readonly open: Question[] = [];
  readonly #type: Action['type'];
  /** Asks about these clients only. */
  readonly #clientIds: readonly string[] | undefined;

  constructor(type: Action['type'], clientIds?: readonly string[]) {
    this.#type = type;
    this.#clientIds = clientIds;
  }

  readonly authorize = (client: { readonly id: string }, action: Action): AuthorizeAnswer | Promise<AuthorizeAnswer> => {
    if (action.type !== this.#type || this.#clientIds?.includes(client.id) === false) return true;
    return new Promise((answer) => this.open.push({ clientId: client.id, action, answer }));
  };

  /** Answers the question that has been open longest. */
  answer(answer: AuthorizeAnswer = true): void {
    const question = this.open.shift();
    if (question === undefined) throw new Error('no question is open');
    question.answer(answer);
  }

  /** Answers until nothing more is asked; says how many questions there were. */
  async answerAll(rig: Rig, answer: (question: Question) => AuthorizeAnswer = () => true): Promise<number> {
    let asked = 0;
    for (let question = this.open.shift(); question !== undefined; question = this.open.shift()) {
      question.answer(answer(question));
      asked += 1;
      await rig.settle();
    }
    return asked;
  }
}
