/** Properties of the host's own messages: what it may set, what it is told, and the bytes. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isBrokerError } from '../../../src/errors/errors.js';
import { encodePublishProperties } from '../../../src/packet/encode-publish-properties.js';
import type { Properties } from '../../../src/packet/packets.js';
import { PropertyHome } from '../../../src/packet/property.js';
import { readProperties } from '../../../src/packet/read-properties.js';
import { publishProperties } from './arbitraries.js';
import { bytes, defaultLimits } from './wire.js';

/** The message of the BrokerError, or `undefined` when the properties are taken. */
function complaint(properties: object): string | undefined {
  try {
    encodePublishProperties(properties as Properties);
    return undefined;
  } catch (error) {
    expect(isBrokerError(error)).toBe(true);
    expect(error).toMatchObject({ code: 'ODN_ERR_ARGUMENT' });
    return (error as Error).message;
  }
}

test('what is encoded is read again, and expiryAt points at the Message Expiry Interval', () => {
  fc.assert(
    fc.property(publishProperties, (properties) => {
      const { bytes: content, expiryAt } = encodePublishProperties(properties);
      expect(readProperties(content, 0, content.length, PropertyHome.publish, defaultLimits)).toEqual(properties);
      if (properties.messageExpirySeconds === undefined) expect(expiryAt).toBe(-1);
      else expect(Buffer.from(content).readUInt32BE(expiryAt)).toBe(properties.messageExpirySeconds);
    }),
    { numRuns: 300 },
  );
});

test('the bytes', () => {
  const properties: Properties = {
    contentType: 't',
    messageExpirySeconds: 258,
    payloadFormatIndicator: 1,
    userProperties: [
      ['b', ''],
      ['a', '1'],
    ],
  };
  const { bytes: content, expiryAt } = encodePublishProperties(properties);
  expect(Buffer.from(content)).toEqual(bytes("01 01 02 00000102 03 0001 't' 26 0001 'b' 0000 26 0001 'a' 0001 '1'"));
  expect(expiryAt).toBe(3);
  expect(encodePublishProperties({ messageExpirySeconds: 1 }).expiryAt).toBe(1);
});

test("control characters are the host's own business", () => {
  expect(complaint({ contentType: 'a\n' })).toBeUndefined();
});

test('none, or only undefined ones, are no bytes', () => {
  expect(encodePublishProperties({})).toEqual({ bytes: new Uint8Array(0), expiryAt: -1 });
  expect(complaint({ contentType: undefined, topicAlias: undefined })).toBeUndefined();
  expect(encodePublishProperties({ userProperties: [] }).bytes).toHaveLength(0);
});

describe('is refused, naming property, value and limit', () => {
  test.each([
    [{ topicAlias: 1 }, 'property topicAlias is 1: only the broker sets it'],
    [{ subscriptionIdentifiers: [3] }, 'property subscriptionIdentifiers is 3: only the broker sets it'],
    [{ willDelaySeconds: 1 }, 'property willDelaySeconds may not stand in this packet'],
    [{ contentTyp: 'x' }, 'property contentTyp is not defined'],
    [{ payloadFormatIndicator: 2 }, 'property payloadFormatIndicator is 2: must be an integer from 0 to 1'],
    [{ payloadFormatIndicator: true }, 'property payloadFormatIndicator is true: must be an integer from 0 to 1'],
    [{ messageExpirySeconds: -1 }, 'property messageExpirySeconds is -1: must be an integer from 0 to 4294967295'],
    [{ messageExpirySeconds: 1.5 }, 'property messageExpirySeconds is 1.5: must be an integer from 0 to 4294967295'],
    [
      { messageExpirySeconds: 4_294_967_296 },
      'property messageExpirySeconds is 4294967296: must be an integer from 0 to 4294967295',
    ],
    [
      { messageExpirySeconds: Number.NaN },
      'property messageExpirySeconds is NaN: must be an integer from 0 to 4294967295',
    ],
    [{ contentType: 5 }, 'property contentType is 5: must be a string'],
    [{ contentType: 'ü'.repeat(32_768) }, 'property contentType is 65536 bytes long: at most 65535'],
    [{ contentType: 'a\uD800b' }, 'property contentType contains a lone surrogate: must be well-formed Unicode'],
    [{ contentType: 'a\0' }, 'property contentType must not contain U+0000'],
    [{ responseTopic: 'a/#' }, 'property responseTopic is "a/#": must not contain the wildcards # and +'],
    [{ responseTopic: '+' }, 'property responseTopic is "+": must not contain the wildcards # and +'],
    [{ correlationData: 'text' }, 'property correlationData must be a Uint8Array'],
    [{ correlationData: new Uint8Array(65_536) }, 'property correlationData is 65536 bytes long: at most 65535'],
    [{ userProperties: { a: 'b' } }, 'property userProperties must be an array of [name, value]'],
    [{ userProperties: [['a']] }, 'property userProperties must be an array of [name, value]'],
    [{ userProperties: [['a', 1]] }, 'property userProperties is 1: must be a string'],
    [
      { userProperties: [['\uDC00', 'b']] },
      'property userProperties contains a lone surrogate: must be well-formed Unicode',
    ],
    [{ userProperties: [['a', '\0']] }, 'property userProperties must not contain U+0000'],
  ])('%#', (properties, message) => {
    expect(complaint(properties)).toBe(message);
  });

  test('but not at its limits', () => {
    const properties = {
      messageExpirySeconds: 4_294_967_295,
      contentType: 'x'.repeat(65_535),
      responseTopic: '😀',
      correlationData: new Uint8Array(65_535),
    };
    expect(complaint(properties)).toBeUndefined();
  });
});
