/** What the storage suite puts into a store, and plain forms of it that can be compared whatever class holds the bytes. */
import { Message } from '../../packet/publication.js';
import type { QueueEntry, SessionRecord, SubscriptionRecord, WillRecord } from '../../storage/storage.js';

interface MessageFields {
  readonly payload?: string | Uint8Array;
  readonly properties?: Uint8Array;
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
  readonly publisherId?: string | undefined;
  readonly expiresAtMs?: number;
  readonly expiryAt?: number;
}

export function messageOf(topic: string, fields: MessageFields = {}): Message {
  const { payload = topic, properties = noBytes, qos = 1, retain = false, publisherId, expiresAtMs = Infinity, expiryAt = -1 } = fields;
  const content = Buffer.concat([properties, typeof payload === 'string' ? Buffer.from(payload) : payload]);
  return new Message(topic, Buffer.from(topic), qos, retain, publisherId, expiresAtMs, content, properties.length, expiryAt);
}

const noBytes = new Uint8Array(0);

/** With a Content Type (0x03) `text`, and a Message Expiry Interval (0x02) of 60 where `expiresAtMs` is given. */
export function messageWithProperties(topic: string, publisherId: string | undefined, expiresAtMs = Infinity): Message {
  const contentType = [0x03, 0, 4, ...Buffer.from('text')];
  const expiry = expiresAtMs === Infinity ? [] : [0x02, 0, 0, 0, 60];
  const properties = Uint8Array.from([...contentType, ...expiry]);
  const expiryAt = expiry.length === 0 ? -1 : contentType.length + 1;
  return messageOf(topic, { payload: 'payload', properties, publisherId, expiresAtMs, expiryAt, qos: 2, retain: true });
}

export function entryOf(sequence: number, message = messageOf('t', { payload: `m${sequence}` }), fields: Partial<QueueEntry> = {}): QueueEntry {
  return { sequence, qos: 1, retain: false, subscriptionIdentifiers: undefined, message, ...fields };
}

export function sessionOf(clientId: string, fields: Partial<SessionRecord> = {}): SessionRecord {
  return { clientId, principal: undefined, protocolVersion: 5, sessionExpirySeconds: 60, closedAtWallMs: undefined, ...fields };
}

export function subscriptionOf(topicFilter: string, fields: Partial<SubscriptionRecord> = {}): SubscriptionRecord {
  return {
    topicFilter,
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    subscriptionIdentifier: undefined,
    ...fields,
  };
}

export function willOf(topic: string, fields: Partial<WillRecord> = {}): WillRecord {
  return { message: messageOf(topic), messageExpirySeconds: undefined, willDelaySeconds: 0, ...fields };
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

/** A message as plain data. */
export function plainMessage(message: Message): object {
  const { topic, qos, retain, publisherId, expiresAtMs, expiryAt, buffer, payloadStart, topicBytes } = message;
  return { topic, topicBytes: textOf(topicBytes), qos, retain, publisherId, expiresAtMs, expiryAt, payloadStart, content: textOf(buffer) };
}

export const plainEntry = ({ sequence, qos, retain, subscriptionIdentifiers, message }: QueueEntry): object => ({
  sequence,
  qos,
  retain,
  subscriptionIdentifiers: subscriptionIdentifiers === undefined ? undefined : [...subscriptionIdentifiers],
  message: plainMessage(message),
});

export const plainWill = (will: WillRecord | undefined): object | undefined =>
  will && { ...will, message: plainMessage(will.message) };

/**
 * Client identifiers, topics and, with what is put in front of them, filters that a careless store takes for one
 * another: prefixes, separators, names of its own, the longest there are.
 */
export const trickyNames: readonly string[] = [
  '',
  'a',
  'ab',
  'a/',
  'a/b',
  '/a',
  'A',
  'a:b',
  'a!b',
  'a~',
  'a\u0001',
  'a\u007f',
  '\uffff',
  's:a',
  'g:a',
  'g:$share/g/a',
  '0',
  '1',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '\u00e9', // one character, or
  'e\u0301', // two that look the same
  '\u{1f409}',
  'x'.repeat(65_535),
  `${'x'.repeat(65_534)}y`,
];

/** As topic names: one has at least one character. */
export const trickyTopics: readonly string[] = trickyNames.filter((name) => name !== '');
