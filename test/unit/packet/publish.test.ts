/** PUBLISH by bytes: offsets, packet identifier, topic, and properties checked in place. */
import { describe, expect, test } from '@jest/globals';
import { decodePublishProperties } from '../../../src/packet/read-properties.js';
import { bytes, connectedReader, fault, outcome, packet, text } from './wire.js';

const v5 = (properties: string, first = 0x30): Buffer => {
  const list = bytes(properties);
  return packet(first, Buffer.concat([bytes("0001 't'"), Buffer.of(list.length), list, bytes("'hi'")]));
};

describe('offsets', () => {
  test('3.x: point into the chunk itself', () => {
    const reader = connectedReader(4);
    const chunk = Buffer.concat([bytes('c000'), packet(0x3d, "0003 'a/b' 1234 'hello'"), bytes('c000')]);
    reader.push(chunk);
    expect(reader.next()).toBe(12);
    expect(reader.next()).toBe(3);
    const { publish } = reader;
    expect(publish.buffer).toBe(chunk);
    expect(publish).toMatchObject({
      version: 4,
      qos: 2,
      retain: true,
      dup: true,
      packetStart: 2,
      topicStart: 6,
      topicEnd: 9,
      packetId: 0x1234,
      packetIdAt: 9,
      propertiesStart: 11,
      propertiesEnd: 11,
      payloadStart: 11,
      end: 16,
      topicAlias: 0,
      aliasAt: -1,
      expiryAt: -1,
    });
    expect(reader.packet).toBeUndefined();
    expect(reader.next()).toBe(12);
  });

  test('5.0: properties, alias and expiry', () => {
    const reader = connectedReader(5);
    reader.push(packet(0x32, "0001 't' 0001 0a 02 00000e10 23 0007 01 01 'x'"));
    expect(reader.next()).toBe(3);
    const { publish } = reader;
    expect(publish).toMatchObject({ propertiesStart: 8, propertiesEnd: 18, payloadStart: 18, end: 19 });
    expect(publish).toMatchObject({ expiryAt: 9, aliasAt: 13, topicAlias: 7, messageExpirySeconds: 3600 });
    expect(decodePublishProperties(publish)).toEqual({
      messageExpirySeconds: 3600,
      topicAlias: 7,
      payloadFormatIndicator: 1,
    });
    publish.topic = 't';
    publish.topicBytes = Buffer.from('t');
    const message = publish.keep();
    expect(message.expiryAt).toBe(1);
    expect(decodePublishProperties(message)).toEqual({ messageExpirySeconds: 3600, payloadFormatIndicator: 1 });
  });

  test('nothing stays from the packet before', () => {
    const reader = connectedReader(5);
    reader.push(Buffer.concat([v5('02 00000001 23 0001', 0x30), packet(0x30, "0001 't' 00")]));
    expect(reader.next()).toBe(3);
    const kept = reader.publish.keep();
    expect(reader.next()).toBe(3);
    expect(reader.publish).toMatchObject({
      topicAlias: 0,
      aliasAt: -1,
      expiryAt: -1,
      packetId: 0,
      expiresAtMs: Infinity,
    });
    expect(reader.publish.keep()).not.toBe(kept);
  });

  test('an idle reader holds on to no chunk', () => {
    const reader = connectedReader(4);
    reader.push(packet(0x30, "0001 't' 'payload'"));
    reader.next();
    expect(reader.next()).toBe(0);
    expect(reader.publish.buffer).toHaveLength(0);
  });
});

describe('Topic Name', () => {
  test('v5 [MQTT-3.3.2-1], v3.1.1 [MQTT-3.3.2-1] is there and whole', () => {
    for (const version of [3, 4, 5] as const) {
      for (const body of ['', '00', '0001', "0003 'ab'"])
        expect(fault(version, packet(0x30, body))).toBe('0x81 MQTT-3.3.2-1');
    }
  });

  test('v5 [X5-3.3.2.1-1], v3.1.1 [MQTT-4.7.3-1] is empty only with an alias', () => {
    expect(fault(5, packet(0x30, '0000 00'))).toBe('0x82 X5-3.3.2.1-1');
    expect(fault(5, packet(0x30, '0000 05 02 00000001'))).toBe('0x82 X5-3.3.2.1-1');
    expect(outcome(5, packet(0x30, '0000 03 23 0001')).packets).toMatchObject([{ topic: '', topicAlias: 1 }]);
    expect(fault(4, packet(0x30, '0000'))).toBe('0x81 MQTT-4.7.3-1');
    expect(fault(4, packet(0x30, "0000 'x'"))).toBe('0x81 MQTT-4.7.3-1');
    expect(fault(3, packet(0x30, "0000 'x'"))).toBe('0x81 MQTT-4.7.3-1');
  });

  test('its bytes are left to the topic table', () => {
    expect(fault(5, packet(0x30, '0001 ff 00'))).toBeUndefined();
    expect(fault(4, packet(0x30, "0001 '#'"))).toBeUndefined();
  });
});

describe('Packet Identifier', () => {
  test('v5 [MQTT-2.2.1-3], v3.1.1 [MQTT-2.3.1-1] is there and not 0', () => {
    for (const first of [0x32, 0x34]) {
      expect(fault(5, packet(first, "0001 't' 0000 00"))).toBe('0x82 MQTT-2.2.1-3');
      expect(fault(4, packet(first, "0001 't' 0000"))).toBe('0x82 MQTT-2.3.1-1');
      expect(fault(3, packet(first, "0001 't' 0000"))).toBe('0x82 MQTT-2.3.1-1');
      expect(fault(5, packet(first, "0001 't' 00"))).toBe('0x81 MQTT-2.2.1-3');
      expect(fault(4, packet(first, "0001 't'"))).toBe('0x81 MQTT-2.3.1-1');
    }
  });

  test('v5 [MQTT-2.2.1-2], v3.1.1 [MQTT-2.3.1-5] QoS 0 has none: what follows the topic is payload', () => {
    expect(outcome(4, packet(0x30, "0001 't' 0000")).packets).toMatchObject([{ packetId: 0, payload: '0000' }]);
  });
});

describe('properties, checked in place', () => {
  test.each([
    ['no Property Length', packet(0x30, "0001 't'"), '0x81 MQTT-4.13.1-1'],
    ['Property Length beyond the packet', packet(0x30, "0001 't' 02 01"), '0x81 MQTT-4.13.1-1'],
    ['[MQTT-1.5.5-1] Property Length not minimal', packet(0x30, "0001 't' 8000"), '0x81 MQTT-1.5.5-1'],
    ['[X5-1.5.5-1] Property Length of five bytes', packet(0x30, "0001 't' 8080808001"), '0x81 X5-1.5.5-1'],
    ['a property of another packet [X5-2.2.2.2-1]', v5('11 00000001'), '0x81 X5-2.2.2.2-1'],
    ['a will property [X5-2.2.2.2-1]', v5('18 00000001'), '0x81 X5-2.2.2.2-1'],
    ['an unknown property [X5-2.2.2.2-1]', v5('7f'), '0x81 X5-2.2.2.2-1'],
    ['an identifier of two bytes [X5-2.2.2.2-1]', v5('8101 00'), '0x81 X5-2.2.2.2-1'],
    ['[MQTT-3.3.4-6] a Subscription Identifier', v5('0b 01'), '0x82 MQTT-3.3.4-6'],
    ['[X5-2.2.2.2-3] expiry twice', v5('02 00000001 02 00000001'), '0x82 X5-2.2.2.2-3'],
    ['[X5-2.2.2.2-3] Content Type twice', v5("03 0001 'a' 01 00 03 0001 'a'"), '0x82 X5-2.2.2.2-3'],
    ['[X5-3.3.2.3.2-1] payload format 2', v5('01 02'), '0x82 X5-3.3.2.3.2-1'],
    ['[MQTT-3.3.2-8] Topic Alias 0', v5('23 0000'), '0x94 MQTT-3.3.2-8'],
    ['[MQTT-3.3.2-14] Response Topic with #', v5("08 0003 'a/#'"), '0x82 MQTT-3.3.2-14'],
    ['[MQTT-3.3.2-14] Response Topic with +', v5("08 0003 'a+b'"), '0x82 MQTT-3.3.2-14'],
    ['[MQTT-3.3.2-13] Response Topic ill-formed', v5('08 0001 ff'), '0x81 MQTT-1.5.4-1'],
    ['[MQTT-3.3.2-19] Content Type ill-formed', v5('03 0002 c080'), '0x81 MQTT-1.5.4-1'],
    ['[MQTT-1.5.4-2] Content Type with U+0000', v5('03 0001 00'), '0x81 MQTT-1.5.4-2'],
    ['[X5-1.5.4-1] Content Type with a control character', v5('03 0001 0a'), '0x81 X5-1.5.4-1'],
    ['[MQTT-1.5.7-1] User Property name ill-formed', v5("26 0001 ff 0001 'v'"), '0x81 MQTT-1.5.4-1'],
    ['[MQTT-1.5.7-1] User Property value ill-formed', v5("26 0001 'n' 0001 ff"), '0x81 MQTT-1.5.4-1'],
    ['expiry cut', v5('02 000000'), '0x81 MQTT-4.13.1-1'],
    ['alias cut', v5('23 00'), '0x81 MQTT-4.13.1-1'],
    ['payload format cut', v5('01'), '0x81 MQTT-4.13.1-1'],
    ['[X5-1.5.6-1] Correlation Data cut', v5('09 0002 ff'), '0x81 MQTT-4.13.1-1'],
    ['a string cut in its length', v5('03 00'), '0x81 MQTT-4.13.1-1'],
    ['a User Property without a value', v5("26 0001 'n'"), '0x81 MQTT-4.13.1-1'],
  ])('v5 %s', (_, content, expected) => {
    expect(fault(5, content)).toBe(expected);
  });

  test('all that may be there, User Properties in order and repeated', () => {
    const content = v5(
      "26 0001 'b' 0001 '1' 01 01 02 ffffffff 03 0001 'c' 08 0001 'r' 26 0001 'a' 0001 '2' 09 0002 00ff 23 ffff 26 0001 'b' 0001 '1'",
    );
    expect(outcome(5, content).packets).toMatchObject([
      {
        topicAlias: 65_535,
        alias: '23ffff',
        messageExpirySeconds: 4_294_967_295,
        payload: '6869',
        properties: {
          payloadFormatIndicator: 1,
          messageExpirySeconds: 4_294_967_295,
          contentType: 'c',
          responseTopic: 'r',
          correlationData: '00ff',
          topicAlias: 65_535,
          userProperties: [
            ['b', '1'],
            ['a', '2'],
            ['b', '1'],
          ],
        },
      },
    ]);
  });

  // Lengths 35 and 43 are the bytes of # and +.
  test.each([35, 43])('v5 [MQTT-3.3.2-14] a Response Topic of %i bytes is not taken for a wildcard', (length) => {
    expect(fault(5, v5(`08 ${text('r'.repeat(length))}`))).toBeUndefined();
  });

  test('userPropertiesMax', () => {
    const many = (count: number): Buffer => v5('26 0000 0000'.repeat(count));
    expect(fault(5, many(3), { userPropertiesMax: 3 })).toBeUndefined();
    expect(fault(5, many(4), { userPropertiesMax: 3 })).toBe('0x97 MQTT-4.13.1-1');
    expect(fault(5, v5('26 0000 0000'), { userPropertiesMax: 0 })).toBe('0x97 MQTT-4.13.1-1');
  });

  test('strictText: false lets control characters pass', () => {
    expect(fault(5, v5('03 0001 0a'), { strictText: false })).toBeUndefined();
  });

  test('decoded bytes do not point into the chunk', () => {
    const reader = connectedReader(5);
    const chunk = v5('09 0001 aa');
    reader.push(chunk);
    reader.next();
    const { correlationData } = decodePublishProperties(reader.publish);
    chunk.fill(0);
    expect(correlationData).toEqual(Buffer.of(0xaa));
  });
});
