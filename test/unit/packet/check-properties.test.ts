/** Properties of the host's for packets other than PUBLISH; the rest is in encode-publish-properties.test.ts. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkProperties } from '../../../src/packet/check-properties.js';
import type { Properties } from '../../../src/packet/packets.js';
import { PropertyHome } from '../../../src/packet/property.js';
import { connackProperties } from './arbitraries.js';

const check =
  (properties: object, home: PropertyHome = PropertyHome.connack) =>
  () =>
    checkProperties(properties as Properties, home);
const argument = (message: string) => expect.objectContaining({ code: 'ODN_ERR_ARGUMENT', message });

test('what CONNACK may carry passes', () => {
  fc.assert(fc.property(connackProperties, (properties) => expect(check(properties)).not.toThrow()));
});

test.each([
  [{ retainAvailable: 1 }, 'property retainAvailable is 1: must be a boolean'],
  [{ receiveMaximum: 0 }, 'property receiveMaximum is 0: must be an integer from 1 to 65535'],
  [{ receiveMaximum: 65_536 }, 'property receiveMaximum is 65536: must be an integer from 1 to 65535'],
  [{ maximumPacketSize: 0 }, 'property maximumPacketSize is 0: must be an integer from 1 to 4294967295'],
  [{ serverReference: 'a\0' }, 'property serverReference must not contain U+0000'],
  [{ contentType: 'a' }, 'property contentType may not stand in this packet'],
])('%j is refused', (properties, message) => {
  expect(check(properties)).toThrow(argument(message));
});

test('Subscription Identifiers', () => {
  const { subscribe } = PropertyHome;
  expect(check({ subscriptionIdentifiers: [1, 268_435_455] }, subscribe)).not.toThrow();
  expect(check({ subscriptionIdentifiers: [0] }, subscribe)).toThrow(
    argument('property subscriptionIdentifiers is 0: must be an integer from 1 to 268435455'),
  );
  expect(check({ subscriptionIdentifiers: 1 }, subscribe)).toThrow(
    argument('property subscriptionIdentifiers must be an array of numbers'),
  );
});
