/** Arbitrary packets of a client: as mqtt-packet writes them, and as our reader shall understand them. */
import fc from 'fast-check';
import mqttPacket, { type Packet } from 'mqtt-packet';
import type { Properties } from '../../../src/packet/packets.js';
import type { ProtocolVersion } from '../../../src/packet/protocol.js';
import {
  ackProperties,
  authProperties,
  binary,
  connectProperties,
  packetId,
  positive16,
  properties,
  publishProperties,
  qos,
  someText,
  text,
  theirs,
  uint16,
  willProperties,
} from './arbitraries.js';

/** What mqtt-packet writes for `packet`. */
export function generate(packet: Record<string, unknown>, protocolVersion: ProtocolVersion): Buffer {
  return mqttPacket.generate(packet as unknown as Packet, { protocolVersion });
}

/** A packet of a client: what our reader shall make of it, and its bytes as mqtt-packet writes them. */
export interface ClientCase {
  readonly ours: object;
  readonly bytes: Buffer;
}

const reasons = fc.constantFrom(0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99);
const releaseReasons = fc.constantFrom(0, 0x92);
const disconnectReasons = fc.constantFrom(0, 4, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99);
const never: fc.Arbitrary<Properties> = fc.constant({});
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** As `current` in wire.ts shows it. */
const shown = (ours: Properties): object => ({
  ...ours,
  ...(ours.correlationData && { correlationData: hex(ours.correlationData) }),
  ...(ours.authenticationData && { authenticationData: hex(ours.authenticationData) }),
});

export function connectCase(version: ProtocolVersion): fc.Arbitrary<ClientCase> {
  const inVersion5 = (arbitrary: fc.Arbitrary<Properties>) => (version === 5 ? arbitrary : never);
  const will = fc.record({
    topic: someText,
    payload: binary,
    qos,
    retain: fc.boolean(),
    properties: inVersion5(willProperties),
  });
  const model = {
    /** mqtt-packet writes an empty one only where 3.1.1 takes it. */
    clientId: version === 3 ? someText : text,
    cleanStart: fc.boolean(),
    keepAliveSeconds: uint16,
    properties: inVersion5(connectProperties),
    will: fc.option(will, { nil: undefined }),
    username: fc.option(text, { nil: undefined }),
    password: fc.option(binary, { nil: undefined }),
  };
  return fc
    .record(model)
    .map(({ cleanStart: cleans, ...given }) => ({ ...given, cleanStart: cleans || given.clientId === '' }))
    .map(({ clientId, cleanStart, keepAliveSeconds, properties: own, will: theWill, username, password }) => ({
      ours: {
        type: 1,
        protocolVersion: version,
        clientId,
        cleanStart,
        keepAliveSeconds,
        properties: shown(own),
        ...(theWill && { will: { ...theWill, payload: hex(theWill.payload), properties: shown(theWill.properties) } }),
        ...(username !== undefined && { username }),
        ...(username !== undefined && password && { password: hex(password) }),
      },
      bytes: generate(
        {
          cmd: 'connect',
          protocolVersion: version,
          protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
          clientId,
          clean: cleanStart,
          keepalive: keepAliveSeconds,
          properties: theirs(own),
          will: theWill && { ...theWill, properties: theirs(theWill.properties) },
          username,
          password: username === undefined ? undefined : password,
        },
        version,
      ),
    }));
}

function publishCase(version: ProtocolVersion): fc.Arbitrary<ClientCase> {
  const payload = fc.oneof(
    binary,
    fc.integer({ min: 16_000, max: 40_000 }).map((size) => Buffer.alloc(size, 0x61)),
  );
  const model = {
    topic: someText,
    payload,
    qos,
    retain: fc.boolean(),
    dup: fc.boolean(),
    packetId,
    properties: version === 5 ? publishProperties : never,
    topicAlias: version === 5 ? fc.option(positive16, { nil: 0 }) : fc.constant(0),
    topicLeftOut: fc.boolean(),
  };
  return fc.record(model).map((given) => {
    const topic = given.topicAlias > 0 && given.topicLeftOut ? '' : given.topic;
    const dup = given.dup && given.qos > 0;
    const own = { ...given.properties, ...(given.topicAlias > 0 && { topicAlias: given.topicAlias }) };
    const bytes = generate(
      { ...given, cmd: 'publish', topic, dup, messageId: given.packetId, properties: theirs(own) },
      version,
    );
    return {
      ours: {
        type: 3,
        version,
        topic: hex(Buffer.from(topic)),
        qos: given.qos,
        retain: given.retain,
        dup,
        packetId: given.qos === 0 ? 0 : given.packetId,
        topicAlias: given.topicAlias,
        properties: shown(own),
        payload: hex(given.payload),
        whole: hex(bytes),
        ...(own.messageExpirySeconds !== undefined && { messageExpirySeconds: own.messageExpirySeconds }),
      },
      bytes,
    };
  });
}

function ackCase(version: ProtocolVersion, cmd: string, type: number): fc.Arbitrary<ClientCase> {
  const codes = type < 6 ? reasons : releaseReasons;
  return fc
    .record({
      packetId,
      reasonCode: version === 5 ? codes : fc.constant(0),
      properties: version === 5 ? ackProperties : never,
    })
    .map((given) => ({
      ours: { type, packetId: given.packetId, reasonCode: given.reasonCode },
      bytes: generate(
        { cmd, messageId: given.packetId, reasonCode: given.reasonCode, properties: theirs(given.properties) },
        version,
      ),
    }));
}

function subscribeCase(version: ProtocolVersion): fc.Arbitrary<ClientCase> {
  const filter = fc.oneof(someText, fc.constantFrom('#', '+/a', '$share/g/a/#'));
  const request = fc.record({
    topicFilter: filter,
    qos,
    noLocal: version === 5 ? fc.boolean() : fc.constant(false),
    retainAsPublished: version === 5 ? fc.boolean() : fc.constant(false),
    retainHandling: version === 5 ? fc.constantFrom(0, 1, 2) : fc.constant(0),
  });
  const model = {
    packetId,
    subscriptions: fc.array(request, { minLength: 1, maxLength: 5 }),
    properties: version === 5 ? properties('subscriptionIdentifiers', 'userProperties') : never,
  };
  return fc.record(model).map((given) => ({
    ours: { type: 8, ...given },
    bytes: generate(
      {
        cmd: 'subscribe',
        messageId: given.packetId,
        properties: theirs(given.properties),
        subscriptions: given.subscriptions.map((each) => ({
          topic: each.topicFilter,
          qos: each.qos,
          nl: each.noLocal,
          rap: each.retainAsPublished,
          rh: each.retainHandling,
        })),
      },
      version,
    ),
  }));
}

function unsubscribeCase(version: ProtocolVersion): fc.Arbitrary<ClientCase> {
  const model = {
    packetId,
    topicFilters: fc.array(someText, { minLength: 1, maxLength: 5 }),
    properties: version === 5 ? properties('userProperties') : never,
  };
  return fc.record(model).map((given) => ({
    ours: { type: 10, ...given },
    bytes: generate(
      {
        cmd: 'unsubscribe',
        messageId: given.packetId,
        unsubscriptions: given.topicFilters,
        properties: theirs(given.properties),
      },
      version,
    ),
  }));
}

function disconnectCase(version: ProtocolVersion): fc.Arbitrary<ClientCase> {
  const own = version === 5 ? properties('sessionExpirySeconds', 'reasonString', 'userProperties') : never;
  return fc
    .record({ reasonCode: version === 5 ? disconnectReasons : fc.constant(0), properties: own })
    .map((given) => ({
      ours: { type: 14, ...given },
      bytes: generate(
        { cmd: 'disconnect', reasonCode: given.reasonCode, properties: theirs(given.properties) },
        version,
      ),
    }));
}

const authCase: fc.Arbitrary<ClientCase> = fc
  .record({ reasonCode: fc.constantFrom(0x18, 0x19), properties: authProperties })
  .map((given) => ({
    ours: { type: 15, reasonCode: given.reasonCode, properties: shown(given.properties) },
    bytes: generate({ cmd: 'auth', reasonCode: given.reasonCode, properties: theirs(given.properties) }, 5),
  }));

/** Any packet of a client but CONNECT. */
export function clientCase(version: ProtocolVersion): fc.Arbitrary<ClientCase> {
  return fc.oneof(
    publishCase(version),
    publishCase(version),
    ackCase(version, 'puback', 4),
    ackCase(version, 'pubrec', 5),
    ackCase(version, 'pubrel', 6),
    ackCase(version, 'pubcomp', 7),
    subscribeCase(version),
    unsubscribeCase(version),
    disconnectCase(version),
    fc.constant({ ours: { type: 12 }, bytes: generate({ cmd: 'pingreq' }, version) }),
    ...(version === 5 ? [authCase] : []),
  );
}
