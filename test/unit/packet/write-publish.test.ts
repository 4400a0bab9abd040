/** PUBLISH as the broker writes it, against mqtt-packet: from whatever it came, the fields of its shape and no other. */
import { isUtf8 } from 'node:buffer';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodePublishProperties } from '../../../src/packet/encode-publish-properties.js';
import { Message, type Publication } from '../../../src/packet/publication.js';
import { publishPacketBytes, PublishShape, writePublishHead } from '../../../src/packet/write-publish.js';
import { decodePacket } from '../../../src/testing/wire-codec.js';
import { binary, packetId, positive16, publishProperties, qos, someText, theirs } from './arbitraries.js';
import { generate } from './client-packets.js';
import { connectedReader } from './wire.js';

const source = fc.record({
  version: fc.constantFrom(3 as const, 4 as const, 5 as const),
  topic: someText,
  // Around the sizes at which lengths take one more byte.
  payload: fc.oneof(binary, fc.integer({ min: 90, max: 140 }).map((size) => Buffer.alloc(size, 0x61)), fc.integer({ min: 16_200, max: 16_600 }).map((size) => Buffer.alloc(size, 0x62))),
  qos,
  properties: publishProperties,
  /** Of the publisher; it stands before or behind the others. */
  alias: fc.option(fc.record({ topicAlias: positive16, isFirst: fc.boolean() }), { nil: undefined }),
});
type Source = typeof source extends fc.Arbitrary<infer T> ? T : never;

const target = fc.record({
  version: fc.constantFrom(3 as const, 4 as const, 5 as const),
  qos,
  retain: fc.boolean(),
  dup: fc.boolean(),
  packetId,
  topicAlias: fc.option(positive16, { nil: 0 }),
  topicOmitted: fc.boolean(),
  subscriptionIdentifiers: fc.option(fc.array(fc.integer({ min: 1, max: 268_435_455 }), { minLength: 1, maxLength: 5 }), { nil: undefined }),
  expirySeconds: fc.integer({ min: 0, max: 4_294_967_295 }),
});

/** As a client published it with its own version: a view into the received chunk. */
function received({ version, topic, payload, qos: level, properties, alias }: Source): Publication {
  const rest = theirs(properties);
  const own = alias === undefined ? rest : alias.isFirst ? { topicAlias: alias.topicAlias, ...rest } : { ...rest, topicAlias: alias.topicAlias };
  const bytes = generate({ cmd: 'publish', topic, payload, qos: level, dup: false, retain: false, messageId: 7, ...(version === 5 && { properties: own }) }, version);
  const reader = connectedReader(version);
  reader.push(bytes);
  if (reader.next() !== 3) throw new Error('no PUBLISH was read');
  reader.publish.topic = topic;
  reader.publish.topicBytes = Buffer.from(topic);
  return reader.publish;
}

/** As the host, or a will, made it. */
function made({ topic, payload, qos: level, properties }: Source): Publication {
  const { bytes, expiryAt } = encodePublishProperties(properties);
  return new Message(topic, Buffer.from(topic), level, false, undefined, Infinity, Buffer.concat([bytes, payload]), bytes.length, expiryAt);
}

const ways = { received, kept: (from: Source) => received(from).keep(), made } as const;

/** The properties that mqtt-packet must find, under its names; user properties as pairs. */
function expected({ properties, version }: Source, shape: PublishShape, way: keyof typeof ways): object {
  const own = version === 5 || way === 'made' ? properties : {};
  const { userProperties, messageExpirySeconds, correlationData, ...rest } = own;
  const ids = shape.subscriptionIdentifiers;
  return {
    ...theirs(rest),
    ...(correlationData !== undefined && { correlationData: shown(correlationData) }),
    ...(messageExpirySeconds !== undefined && { messageExpiryInterval: shape.expirySeconds }),
    ...(shape.topicAlias > 0 && { topicAlias: shape.topicAlias }),
    ...(ids !== undefined && { subscriptionIdentifier: ids.length === 1 ? ids[0] : ids }),
    ...(userProperties !== undefined && { userProperties }),
  };
}

/** As the wire codec shows bytes. */
const shown = (bytes: Uint8Array): string => (isUtf8(bytes) ? Buffer.from(bytes).toString() : `0x${Buffer.from(bytes).toString('hex')}`);

test.each(Object.keys(ways) as (keyof typeof ways)[])('what is written of a publication that was %s, mqtt-packet reads to the same fields', (way) => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(source, target, (from, to) => {
      const publication = ways[way](from);
      const shape = Object.assign(new PublishShape(), to, {
        dup: to.dup && to.qos > 0,
        ...(to.version !== 5 && { topicAlias: 0, subscriptionIdentifiers: undefined }),
        topicOmitted: to.topicOmitted && to.topicAlias > 0 && to.version === 5,
      });
      const { payload } = from;
      const bytes = Buffer.alloc(publishPacketBytes(publication, shape) + 1, 0xee);
      const payloadAt = writePublishHead(bytes, 0, publication, shape);
      payload.copy(bytes, payloadAt);
      expect([payloadAt + payload.length, bytes.at(-1)]).toEqual([bytes.length - 1, 0xee]); // its size, and not a byte more
      const { properties = {}, ...fields } = decodePacket(bytes.subarray(0, -1), shape.version);
      expect(fields).toEqual({
        type: 'publish',
        topic: shape.topicOmitted ? '' : from.topic,
        payload: shown(payload),
        qos: shape.qos,
        retain: shape.retain,
        dup: shape.dup,
        ...(shape.qos > 0 && { packetId: shape.packetId }),
      });
      expect(properties).toEqual(shape.version === 5 ? expected(from, shape, way) : {});
      for (const name of Object.keys(properties)) seen.add(name);
    }),
    { numRuns: 400 },
  );
  // Everything that a PUBLISH from a broker may carry.
  expect(seen.size).toBe(8);
});
