/** Arbitrary conversations of one client, valid and not, and what a broker makes of them however they are cut. */
import fc from 'fast-check';
import type { Broker, BrokerOptions } from '../../src/index.js';
import { createBroker, memoryStorage } from '../../src/index.js';
import type { BrokerEngine } from '../../src/broker/engine.js';
import { encodePacket } from '../../src/testing/wire-codec.js';
import { memoryTransportPair, virtualClock, wire, type VirtualClock, type WireSendPacket, type WireVersion } from '../../src/testing/index.js';

// ---- packets ----

const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
/** Few identifiers, so that packets have to do with each other. */
const messageId = fc.integer({ min: 1, max: 4 });
const filters = ['#', 'a/+', 'a/b', '$share/g/a/#', 'retained/#', '+', 'ü'];
const topics = ['a', 'a/b', 'retained/1', 'ü', '$SYS/x', 'no'];
const payload = fc.oneof(
  { weight: 8, arbitrary: fc.string({ maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom(200, 20_000).map((length) => 'x'.repeat(length)) },
);

const only5 = <T>(version: WireVersion, properties: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  version === 5 ? fc.option(properties, { nil: undefined }) : fc.constant(undefined);

/** What packets are made from: with hazards some are illegal, and end the conversation. */
interface Words {
  readonly filter: fc.Arbitrary<string>;
  readonly topic: fc.Arbitrary<string>;
  readonly topicAlias: fc.Arbitrary<number>;
  readonly maximumPacketSize: fc.Arbitrary<number>;
  readonly hazards: boolean;
}

const words = (hazards: boolean): Words => ({
  filter: fc.constantFrom(...filters, ...(hazards ? ['a#', '$share/g'] : [])),
  topic: fc.constantFrom(...topics, ...(hazards ? ['a/+'] : [])),
  topicAlias: fc.constantFrom(1, 2, ...(hazards ? [33] : [])),
  maximumPacketSize: fc.constantFrom(300, 100_000, ...(hazards ? [30] : [])),
  hazards,
});

function connect(version: WireVersion, { maximumPacketSize, hazards }: Words): fc.Arbitrary<WireSendPacket> {
  const properties = fc.record(
    {
      sessionExpiryInterval: fc.constantFrom(0, 10, 0xffff_ffff),
      receiveMaximum: fc.constantFrom(1, 2, 100),
      topicAliasMaximum: fc.constantFrom(0, 1, 10),
      maximumPacketSize,
      requestProblemInformation: fc.boolean(),
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  const will = fc.record({ topic: fc.constantFrom('wills/1', ...(hazards ? ['$SYS/w'] : [])), payload, qos, retain: fc.boolean() });
  return fc
    .record({
      clientId: fc.constantFrom('known', 'new', ''),
      clean: fc.boolean(),
      keepalive: fc.constantFrom(0, 10),
      will: fc.option(will, { nil: undefined, freq: 3 }),
      properties: only5(version, properties),
    })
    .map(({ clientId, clean, ...fields }) => ({
      cmd: 'connect',
      protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
      protocolVersion: version,
      // mqtt-packet writes no empty identifier where the version does not have one.
      clientId: clientId === '' && version === 3 ? 'new' : clientId,
      clean: clean || clientId === '',
      ...fields,
    }));
}

function later(version: WireVersion, { filter, topic, topicAlias, hazards }: Words): fc.Arbitrary<WireSendPacket> {
  const publishProperties = fc.record(
    {
      topicAlias,
      messageExpiryInterval: fc.constantFrom(0, 1, 100),
      contentType: fc.constantFrom('', 'text/plain'),
      userProperties: fc.constant([['k', 'v'], ['k', 'w']]),
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  const publish = fc
    .record({ topic, payload, qos, retain: fc.boolean(), dup: fc.boolean(), messageId, properties: only5(version, publishProperties) })
    .map((fields) => ({
      cmd: 'publish',
      ...fields,
      // An alias may stand for the topic, set before or not.
      topic: hazards && fields.topic === 'no' && fields.properties?.topicAlias !== undefined ? '' : fields.topic,
      dup: fields.dup && fields.qos > 0,
    }));
  const subscription = fc
    .record({ topic: filter, qos, nl: fc.boolean(), rap: fc.boolean(), rh: fc.constantFrom(0, 1, 2) })
    .map((fields) => ({ ...fields, nl: fields.nl && (hazards || !fields.topic.startsWith('$share/')) }));
  const subscriptions = fc.array(subscription, { minLength: 1, maxLength: 3 });
  const identifier = only5(version, fc.record({ subscriptionIdentifier: fc.constantFrom(1, 7) }));
  const acknowledgement = fc.record({
    cmd: fc.constantFrom('puback', 'pubrec', 'pubrel', 'pubcomp'),
    messageId,
    reasonCode: version === 5 ? fc.constantFrom(0, 0, 0x80) : fc.constant(0),
  });
  return fc.oneof(
    { weight: 8, arbitrary: publish },
    { weight: 4, arbitrary: fc.record({ cmd: fc.constant('subscribe'), messageId, subscriptions, properties: identifier }) },
    { weight: 2, arbitrary: fc.record({ cmd: fc.constant('unsubscribe'), messageId, unsubscriptions: fc.array(filter, { minLength: 1, maxLength: 2 }) }) },
    { weight: 6, arbitrary: acknowledgement },
    { weight: 1, arbitrary: fc.constant({ cmd: 'pingreq' }) },
    ...(hazards ? [{ weight: 1, arbitrary: connect(version, words(true)) }] : []),
  );
}

/** What becomes of a packet's bytes on the way: mostly nothing. */
const mutation = fc.oneof(
  { weight: 12, arbitrary: fc.constant((bytes: Buffer): Buffer => bytes) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, flip]) => (bytes: Buffer): Buffer => {
      const changed = Buffer.from(bytes);
      const index = at % changed.length;
      changed[index] = (changed[index] ?? 0) ^ flip;
      return changed;
    }),
  },
  { weight: 1, arbitrary: fc.nat().map((at) => (bytes: Buffer): Buffer => bytes.subarray(0, at % bytes.length)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 4 }).map((more) => (bytes: Buffer): Buffer => Buffer.concat([bytes, more])) },
);

/** CONNECT, up to twenty packets behind it, perhaps DISCONNECT; in two of five some are illegal or damaged. */
export function conversation(version: WireVersion): fc.Arbitrary<Buffer> {
  const withHazards = (hazards: boolean): fc.Arbitrary<Buffer> => {
    const written = (packets: fc.Arbitrary<WireSendPacket>): fc.Arbitrary<Buffer> =>
      fc.tuple(packets, hazards ? mutation : fc.constant(undefined)).map(([packet, mutate]) => {
        const bytes = encodePacket(packet, version);
        return mutate === undefined ? bytes : mutate(bytes);
      });
    const disconnect = { cmd: 'disconnect', reasonCode: version === 5 ? 4 : 0 };
    const last = fc.option(written(fc.constantFrom({ ...disconnect, reasonCode: 0 }, disconnect)), { nil: Buffer.alloc(0) });
    const rest = fc.array(written(later(version, words(hazards))), { minLength: 2, maxLength: 20, size: 'max' });
    return fc.tuple(written(connect(version, words(hazards))), rest, last).map(([first, more, end]) => Buffer.concat([first, ...more, end]));
  };
  return fc.oneof({ weight: 3, arbitrary: withHazards(false) }, { weight: 2, arbitrary: withHazards(true) });
}

/** Where to cut: some places, or everywhere. */
export const cuts: fc.Arbitrary<readonly number[] | 'every byte'> = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.nat(), { minLength: 1, maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constant('every byte' as const) },
);

export function pieces(bytes: Buffer, where: readonly number[] | 'every byte'): Buffer[] {
  const at = where === 'every byte' ? bytes.keys() : new Set(where.map((cut) => cut % Math.max(bytes.length, 1)));
  const sorted = [...at, bytes.length].toSorted((a, b) => a - b);
  return sorted.map((end, index) => bytes.subarray(sorted[index - 1] ?? 0, end)).filter((piece) => piece.length > 0);
}

// ---- what comes of it ----

export interface Outcome {
  /** Everything that was written to the client, and to another who subscribes to everything. */
  readonly sent: string;
  readonly watched: string;
  readonly closed: boolean;
  /** Packets of the client that the broker took in. */
  readonly packetsReceived: number;
  readonly state: object;
}

/** A broker with something to find: a retained message, a session with a queue, and a watcher. */
function furnished(options: BrokerOptions): { readonly broker: Broker; readonly clock: VirtualClock; readonly watcher: ReturnType<typeof wire> } {
  const clock = virtualClock();
  const broker = createBroker({ storage: memoryStorage(), seed: 7, ...options, clock: clock.fork() });
  const watcher = wire({ broker, clock }).connected({ clientId: 'watcher' }).subscribe(['#', '$SYS/#'], { qos: 1 });
  wire({ broker, clock }).connected({ clientId: 'known', clean: false, properties: { sessionExpiryInterval: 100 } }).subscribe('a/#', { qos: 2 }).drop();
  watcher.publish({ topic: 'retained/1', payload: 'kept', qos: 1, retain: true });
  for (const level of [0, 1, 2] as const) watcher.publish({ topic: 'a/b', payload: `queued ${level}`, qos: level });
  watcher.receivedHex();
  return { broker, clock, watcher };
}

/** Feeds `chunks` one by one, ends the turn after each when `turns`, and waits for hooks in the end. */
export async function outcomeOf(chunks: readonly Buffer[], options: BrokerOptions, turns: boolean): Promise<Outcome> {
  const { broker, clock, watcher } = furnished(options);
  const before = broker.stats().packetsReceived;
  const [mine, theirs] = memoryTransportPair();
  const sent: Buffer[] = [];
  let closed = false;
  mine.start({
    onBytes: (chunk) => void sent.push(Buffer.from(chunk)),
    onDrain: () => undefined,
    onEnd: () => undefined, // stays half-open, so that the broker is given the same bytes in any case
    onClose: () => void (closed = true),
  });
  broker.accept(theirs);
  for (const chunk of chunks) {
    mine.write(chunk);
    if (turns) clock.flush();
  }
  clock.flush();
  if (options.authorize !== undefined) await clock.settle();
  const atOnce = stateOf(broker);
  clock.advance(60_000); // grace, keep alive, expiry
  if (options.authorize !== undefined) await clock.settle();
  return {
    sent: Buffer.concat(sent).toString('hex'),
    watched: watcher.receivedHex(),
    closed,
    packetsReceived: broker.stats().packetsReceived - before,
    state: { atOnce, later: stateOf(broker) },
  };
}

/** Counters, sessions with all that belongs to them, and retained messages. */
function stateOf(broker: Broker): object {
  const { engine } = broker as unknown as { readonly engine: BrokerEngine };
  const sessions = [...engine.sessions.sessions].map(([clientId, session]) => {
    const inflight: unknown[] = [];
    session.sender.inflight.forEach((packetId, state, entry) => inflight.push([packetId, state, entry?.sequence]));
    const { queue } = session.sender;
    return {
      clientId,
      connected: session.connected,
      sessionExpirySeconds: session.sessionExpirySeconds,
      subscriptions: [...session.subscriptions.values()].map(({ session: _, ...record }) => record),
      received: [...(session.received ?? [])],
      inflight,
      queue: [queue.messages, queue.bytes, queue.nextSequence],
      will: session.will?.message.topic,
    };
  });
  const retained: unknown[] = [];
  const cursor = engine.router.retained.cursor('#');
  for (let entry = cursor.next(1000); entry !== undefined && entry !== null; entry = cursor.next(1000)) {
    retained.push([entry.topic, entry.value.bytes]);
  }
  return { stats: broker.stats(), deadlines: engine.deadlines.size, sessions, retained };
}
