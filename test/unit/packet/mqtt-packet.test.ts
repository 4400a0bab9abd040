/** Differential tests against mqtt-packet, an independent codec: the same packets, the same fields. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { PacketReader } from '../../../src/packet/packet-reader.js';
import type { BrokerPacket } from '../../../src/packet/packets.js';
import type { ProtocolVersion } from '../../../src/packet/protocol.js';
import { connackReturnCode, encodePacket } from '../../../src/packet/write-packets.js';
import { ackProperties, authProperties, connackProperties, packetId, properties, theirs } from './arbitraries.js';
import { clientCase, connectCase } from './client-packets.js';
import { connectedReader, defaultLimits, outcomeOf } from './wire.js';
import { userPropertiesOf } from '../../../src/testing/wire-user-properties.js';

const versions = [3, 4, 5] as const;
const limits = { maximumPacketBytes: Infinity, problemInformation: true };

describe.each(versions)('version %i: what mqtt-packet writes is read to the same fields', (version) => {
  test('CONNECT', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(connectCase(version), ({ ours, bytes }) => {
        const { packets, error } = outcomeOf(new PacketReader(defaultLimits), [bytes]);
        expect({ packets, error }).toEqual({ packets: [ours], error: undefined });
        const { properties: own, will } = ours as { properties: object; will?: { properties: object } };
        for (const name of Object.keys(own)) seen.add(name);
        for (const name of Object.keys(will?.properties ?? {})) seen.add(`will ${name}`);
      }),
      { numRuns: 300 },
    );
    expect(seen.size).toBe(version === 5 ? 9 + 7 : 0); // all that a CONNECT may carry, and its will
  });

  test('every other packet', () => {
    const seen = new Set<unknown>();
    fc.assert(
      fc.property(fc.array(clientCase(version), { minLength: 1, maxLength: 8 }), (cases) => {
        const { packets, error } = outcomeOf(connectedReader(version), [
          Buffer.concat(cases.map(({ bytes }) => bytes)),
        ]);
        expect(error).toBeUndefined();
        expect(packets).toHaveLength(cases.length);
        for (const [index, { ours }] of cases.entries()) expect(packets[index]).toMatchObject(ours);
        for (const each of packets) seen.add((each as { type: number }).type);
      }),
      { numRuns: 300 },
    );
    expect(seen.size).toBe(version === 5 ? 10 : 9);
  });
});

type Fields = Record<string, unknown>;

/** What mqtt-packet reads from `content`. */
function parse(content: Uint8Array, protocolVersion: ProtocolVersion): Fields {
  const found: Fields[] = [];
  const parser = mqttPacket.parser({ protocolVersion });
  parser.on('packet', (each) => found.push(each as unknown as Fields));
  parser.on('error', (error) => {
    throw error as Error;
  });
  expect(parser.parse(Buffer.from(content))).toBe(0);
  expect(found).toHaveLength(1);
  const [{ properties: read, ...fields } = {}] = found;
  if (read === undefined) return fields;
  // mqtt-packet gathers user properties and loses their order: they are read once more.
  const pairs = userPropertiesOf(Buffer.from(content));
  return { ...fields, properties: { ...(read as Fields), ...(pairs.length > 0 && { userProperties: pairs }) } };
}

const commands = {
  2: 'connack',
  4: 'puback',
  5: 'pubrec',
  6: 'pubrel',
  7: 'pubcomp',
  9: 'suback',
  11: 'unsuback',
  13: 'pingresp',
  14: 'disconnect',
  15: 'auth',
};
const codes = (...list: readonly number[]) => fc.constantFrom(...list);
const suback = codes(0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2);
const unsuback = codes(0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91);
const receiver = codes(0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99);
const manyOf = (arbitrary: fc.Arbitrary<number>) => fc.array(arbitrary, { minLength: 1, maxLength: 200 });

const ack = (type: 4 | 5 | 6 | 7, reasonCode: fc.Arbitrary<number>) =>
  fc.record({ type: fc.constant(type), packetId, reasonCode, properties: ackProperties });
const brokerPacket: fc.Arbitrary<BrokerPacket> = fc.oneof(
  fc.record({
    type: fc.constant(2 as const),
    sessionPresent: fc.boolean(),
    reasonCode: codes(0, 0x80, 0x81, 0x82, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x97, 0x9c, 0x9d, 0x9f),
    properties: connackProperties,
  }),
  ack(4, receiver),
  ack(5, receiver),
  ack(6, codes(0, 0x92)),
  ack(7, codes(0, 0x92)),
  fc.record({ type: fc.constant(9 as const), packetId, reasonCodes: manyOf(suback), properties: ackProperties }),
  fc.record({ type: fc.constant(11 as const), packetId, reasonCodes: manyOf(unsuback), properties: ackProperties }),
  fc.constant({ type: 13 as const }),
  fc.record({
    type: fc.constant(14 as const),
    reasonCode: codes(0, 0x81, 0x82, 0x83, 0x8b, 0x8d, 0x8e, 0x93, 0x95, 0x9c, 0xa2),
    properties: properties('reasonString', 'serverReference', 'userProperties'),
  }),
  fc.record({ type: fc.constant(15 as const), reasonCode: codes(0, 0x18), properties: authProperties }),
);

/** The fields mqtt-packet should find, of those that the packet has in `version`. */
function expected(packet: BrokerPacket, version: ProtocolVersion): Fields {
  const fields: Fields = { cmd: commands[packet.type as keyof typeof commands] };
  if ('packetId' in packet) fields['messageId'] = packet.packetId;
  if (packet.type === 2) {
    if (version !== 5) fields['returnCode'] = connackReturnCode(packet.reasonCode);
    fields['sessionPresent'] = packet.sessionPresent && packet.reasonCode === 0 && version !== 3;
  }
  if (packet.type === 9)
    fields['granted'] = packet.reasonCodes.map((code) => (version === 5 ? code : Math.min(code, 0x80)));
  if (packet.type === 11 && version === 5) fields['granted'] = packet.reasonCodes;
  if (version === 5 && 'reasonCode' in packet) fields['reasonCode'] = packet.reasonCode;
  if (version === 5 && 'properties' in packet) {
    const { userProperties } = packet.properties;
    const named = theirs(packet.properties);
    fields['properties'] = named && { ...named, ...(userProperties && { userProperties }) };
  }
  return fields;
}

test.each(versions)('version %i: what is encoded is parsed by mqtt-packet to the same fields', (version) => {
  let parsed = 0;
  const seen = new Set<string>();
  fc.assert(
    fc.property(brokerPacket, (packet) => {
      const content = encodePacket(packet, version, limits);
      const exists = version === 5 || (packet.type !== 14 && packet.type !== 15);
      const refused = version !== 5 && packet.type === 2 && connackReturnCode(packet.reasonCode) === undefined;
      if (!exists || refused) return void expect(content).toBeUndefined();
      const found = parse(content as Buffer, version);
      for (const [name, value] of Object.entries(expected(packet, version))) {
        expect([name, plain(found[name])]).toEqual([name, plain(value)]);
      }
      parsed += 1;
      if ('properties' in packet) for (const name of Object.keys(packet.properties)) seen.add(`${packet.type} ${name}`);
      else seen.add(`${packet.type}`);
    }),
    { numRuns: 1000 },
  );
  expect(parsed).toBeGreaterThan(300);
  // PINGRESP, CONNACK, four acknowledgements, SUBACK and UNSUBACK, DISCONNECT, AUTH: all their properties.
  if (version === 5) expect(seen.size).toBe(1 + 17 + 4 * 2 + 2 * 2 + 3 + 4);
});

/** Without prototypes, which mqtt-packet's user properties lack. */
const plain = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));
