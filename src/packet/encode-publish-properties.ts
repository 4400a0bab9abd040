/** Properties of a message that the host makes, in the form in which `Message` holds them. */
import { BrokerError } from '../errors/errors.js';
import { checkProperties } from './check-properties.js';
import type { Properties } from './packets.js';
import { PropertyHome } from './property.js';
import { variableByteIntegerMax } from './protocol.js';
import { propertiesBytes, writeProperties } from './write-properties.js';

export interface EncodedProperties {
  /** Property Length left out. */
  readonly bytes: Uint8Array;
  /** Where the four bytes of the Message Expiry Interval stand, or -1. */
  readonly expiryAt: number;
}

const none: EncodedProperties = { bytes: new Uint8Array(0), expiryAt: -1 };

/** @throws BrokerError `ODN_ERR_ARGUMENT`: names the property, its value and the limit. */
export function encodePublishProperties(properties: Properties): EncodedProperties {
  for (const name of ['topicAlias', 'subscriptionIdentifiers'] as const) {
    if (properties[name] !== undefined) {
      throw new BrokerError(
        'ODN_ERR_ARGUMENT',
        `property ${name} is ${String(properties[name])}: only the broker sets it`,
      );
    }
  }
  checkProperties(properties, PropertyHome.publish);
  const length = propertiesBytes(properties, PropertyHome.publish);
  if (length === 0) return none;
  if (length > variableByteIntegerMax) {
    throw new BrokerError('ODN_ERR_ARGUMENT', `properties are ${length} bytes long: at most ${variableByteIntegerMax}`);
  }
  const bytes = Buffer.allocUnsafeSlow(length);
  writeProperties(bytes, 0, properties, PropertyHome.publish);
  return { bytes, expiryAt: expiryAt(properties) };
}

/** They are written in the order of their identifiers: only Payload Format Indicator (two bytes) stands before. */
function expiryAt({ messageExpirySeconds, payloadFormatIndicator }: Properties): number {
  if (messageExpirySeconds === undefined) return -1;
  return payloadFormatIndicator === undefined ? 1 : 3;
}
