/** Properties of a message in our names and in those of `mqtt-packet`, which Aedes keeps. */
import type { Properties } from '../../packet/packets.js';

/** Properties of a message, of a will, or of a queued copy, as `mqtt-packet` names them. */
export interface AedesProperties {
  payloadFormatIndicator?: boolean;
  messageExpiryInterval?: number;
  contentType?: string;
  responseTopic?: string;
  correlationData?: unknown;
  userProperties?: Readonly<Record<string, string | readonly string[]>>;
  subscriptionIdentifier?: number | readonly number[];
  willDelayInterval?: number;
}

export function toAedes(properties: Properties): AedesProperties {
  const { payloadFormatIndicator, messageExpirySeconds, contentType, responseTopic, correlationData, userProperties } = properties;
  return {
    ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator: payloadFormatIndicator === 1 }),
    ...(messageExpirySeconds !== undefined && { messageExpiryInterval: messageExpirySeconds }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData) }),
    ...(userProperties !== undefined && { userProperties: byName(userProperties) }),
  };
}

/** What a message can have of them; throws when they are not what `toAedes` makes. */
export function fromAedes(properties: AedesProperties): Properties {
  const { payloadFormatIndicator, messageExpiryInterval, contentType, responseTopic, correlationData, userProperties } = properties;
  return {
    ...(isGiven(payloadFormatIndicator) && { payloadFormatIndicator: payloadFormatIndicator ? 1 : 0 }),
    ...(isGiven(messageExpiryInterval) && { messageExpirySeconds: messageExpiryInterval }),
    ...(isGiven(contentType) && { contentType }),
    ...(isGiven(responseTopic) && { responseTopic }),
    ...(isGiven(correlationData) && { correlationData: bytesOf(correlationData) }),
    ...(isGiven(userProperties) && { userProperties: pairsOf(userProperties) }),
  };
}

/** Some stores write `undefined` as null. */
export const isGiven = <T>(value: T | null | undefined): value is T => value !== undefined && value !== null;

/** The bytes a store gives back: a `Buffer`, another view, a wrapper around one (BSON), or text. */
export function bytesOf(value: unknown): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  if (typeof value === 'object' && value !== null && 'buffer' in value) return bytesOf(value.buffer);
  if (!isGiven(value)) return Buffer.alloc(0);
  throw new TypeError(`bytes expected, found ${typeof value}`);
}

type Values = Record<string, string | string[]>;

/** Pairs of one name keep their order; between names `mqtt-packet` keeps that of their first. */
function byName(pairs: readonly (readonly [string, string])[]): Values {
  const values = new Map<string, string | string[]>();
  for (const [name, value] of pairs) {
    const before = values.get(name);
    if (before === undefined) values.set(name, value);
    else if (typeof before === 'string') values.set(name, [before, value]);
    else before.push(value);
  }
  return Object.fromEntries(values);
}

const pairsOf = (values: Readonly<Record<string, string | readonly string[]>>): [string, string][] =>
  Object.entries(values).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as [string, string]] : value.map((one): [string, string] => [name, one]),
  );
