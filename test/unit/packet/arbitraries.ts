/**
 * Arbitrary values and properties in our shape, and what properties are called in mqtt-packet, which serves as the
 * second opinion: it writes what our reader reads, and reads what our writer writes.
 */
import fc from 'fast-check';
import type { Properties, UserProperties } from '../../../src/packet/packets.js';

const character = fc.constantFrom('a', 'b', 'Z', '7', '/', ' ', '$', 'ü', '€', '中', '😀', '\uFEFF');
export const text = fc.string({ unit: character, maxLength: 12 });
export const someText = fc.string({ unit: character, minLength: 1, maxLength: 40 });
export const binary = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
export const packetId = fc.integer({ min: 1, max: 65_535 });
export const uint16 = fc.integer({ min: 0, max: 65_535 });
const uint32 = fc.integer({ min: 0, max: 4_294_967_295 });
export const positive16 = fc.integer({ min: 1, max: 65_535 });
const positive32 = fc.integer({ min: 1, max: 4_294_967_295 });
const bit = fc.constantFrom(0 as const, 1 as const);
export const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);

/** In any order, names repeated anywhere, both parts empty or not. */
const userProperties: fc.Arbitrary<UserProperties> = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 6 });

const anyProperty = {
  payloadFormatIndicator: bit,
  messageExpirySeconds: uint32,
  contentType: text,
  responseTopic: someText,
  correlationData: binary,
  sessionExpirySeconds: uint32,
  assignedClientIdentifier: text,
  serverKeepAliveSeconds: uint16,
  requestProblemInformation: fc.boolean(),
  requestResponseInformation: fc.boolean(),
  willDelaySeconds: uint32,
  responseInformation: text,
  serverReference: text,
  reasonString: text,
  receiveMaximum: positive16,
  topicAliasMaximum: uint16,
  maximumQoS: bit,
  retainAvailable: fc.boolean(),
  userProperties,
  maximumPacketSize: positive32,
  wildcardSubscriptionAvailable: fc.boolean(),
  subscriptionIdentifierAvailable: fc.boolean(),
  sharedSubscriptionAvailable: fc.boolean(),
  authenticationData: binary,
  subscriptionIdentifiers: fc.integer({ min: 1, max: 268_435_455 }).map((id) => [id]),
} as const;

/** Any of the named properties, each there or not. */
export function properties(...names: readonly (keyof typeof anyProperty)[]): fc.Arbitrary<Properties> {
  const model = Object.fromEntries(names.map((name) => [name, anyProperty[name]]));
  return fc.record(model as Record<string, fc.Arbitrary<unknown>>, { requiredKeys: [], noNullPrototype: true });
}

const authentication = (rest: fc.Arbitrary<Properties>, required: boolean): fc.Arbitrary<Properties> => {
  const withMethod = fc
    .tuple(rest, text, fc.option(binary, { nil: undefined }))
    .map(([others, authenticationMethod, authenticationData]) => ({
      ...others,
      authenticationMethod,
      ...(authenticationData && { authenticationData }),
    }));
  return required ? withMethod : fc.oneof(rest, withMethod);
};

export const connectProperties = authentication(
  properties(
    'sessionExpirySeconds',
    'receiveMaximum',
    'maximumPacketSize',
    'topicAliasMaximum',
    'requestResponseInformation',
    'requestProblemInformation',
    'userProperties',
  ),
  false,
);
const message = [
  'payloadFormatIndicator',
  'messageExpirySeconds',
  'contentType',
  'responseTopic',
  'correlationData',
] as const;
export const publishProperties = properties(...message, 'userProperties');
export const willProperties = properties(...message, 'willDelaySeconds', 'userProperties');
export const ackProperties = properties('reasonString', 'userProperties');
export const authProperties = authentication(ackProperties, true);
export const connackProperties = authentication(
  properties(
    'sessionExpirySeconds',
    'receiveMaximum',
    'maximumQoS',
    'retainAvailable',
    'maximumPacketSize',
    'assignedClientIdentifier',
    'topicAliasMaximum',
    'reasonString',
    'userProperties',
    'wildcardSubscriptionAvailable',
    'subscriptionIdentifierAvailable',
    'sharedSubscriptionAvailable',
    'serverKeepAliveSeconds',
    'responseInformation',
    'serverReference',
  ),
  false,
);

const theirNames: Readonly<Record<string, string>> = {
  messageExpirySeconds: 'messageExpiryInterval',
  sessionExpirySeconds: 'sessionExpiryInterval',
  willDelaySeconds: 'willDelayInterval',
  serverKeepAliveSeconds: 'serverKeepAlive',
  subscriptionIdentifiers: 'subscriptionIdentifier',
  subscriptionIdentifierAvailable: 'subscriptionIdentifiersAvailable',
};

/** Our properties as mqtt-packet calls and writes them; `undefined` for none. */
export function theirs(ours: Properties): Record<string, unknown> | undefined {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(ours) as [string, unknown][]) {
    const theirName = theirNames[name] ?? name;
    if (name === 'payloadFormatIndicator') result[theirName] = value === 1;
    else if (name === 'subscriptionIdentifiers') result[theirName] = (value as number[])[0];
    else if (name === 'userProperties') result[theirName] = inOrder(value as UserProperties);
    else result[theirName] = value;
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

/** mqtt-packet writes pairs in their order only when each is an object of its own. */
const inOrder = (list: UserProperties): Record<string, string>[] => list.map((pair) => Object.fromEntries([pair]));
