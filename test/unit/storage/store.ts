/** What tests of the memory store and of the late store share: samples, and questions asked in virtual time. */
import { BrokerError } from '../../../src/errors/errors.js';
import { Message } from '../../../src/packet/publication.js';
import type {
  LoadAnswers,
  LoadKind,
  LoadQueries,
  QueueEntry,
  QueueId,
  SessionRecord,
  Storage,
  StorageClock,
  StorageListener,
} from '../../../src/storage/storage.js';
import type { VirtualClock } from '../../../src/testing/virtual-clock.js';

interface OpenStore {
  readonly storage: Storage;
  readonly clock: VirtualClock;
}

export const silentListener: StorageListener = { onDurable() {}, onFailed() {}, onState() {}, onDamaged() {} };

/** The clock as a store is given it; neither store asks to be called later. */
export const storageClock = (clock: VirtualClock): StorageClock => ({
  now: () => clock.now(),
  wall: () => clock.wall(),
  endOfTurn: (run) => clock.endOfTurn(run),
  after: () => {
    throw new Error('asked to be called later');
  },
});

export function message(topic: string, payload = topic, expiresAtMs = Infinity): Message {
  return new Message(topic, Buffer.from(topic), 1, false, 'publisher', expiresAtMs, Buffer.from(payload), 0, -1);
}

export const entry = (sequence: number, of: Message = message('t', 'x')): QueueEntry => ({
  sequence,
  qos: 1,
  retain: false,
  subscriptionIdentifiers: undefined,
  message: of,
});

export const session = (clientId: string, fields: Partial<SessionRecord> = {}): SessionRecord => ({
  clientId,
  principal: undefined,
  protocolVersion: 5,
  sessionExpirySeconds: 60,
  closedAtWallMs: undefined,
  ...fields,
});

/** Asks, lets time pass until the answer is there, and returns it. */
export function load<K extends LoadKind>(
  { storage, clock }: OpenStore,
  query: LoadQueries[K] & { readonly type: K },
): LoadAnswers[K] {
  const answers: (LoadAnswers[K] | BrokerError)[] = [];
  storage.load<K>(query, (answer) => answers.push(answer));
  if (answers.length === 0) clock.advance(1000);
  const [answer] = answers;
  if (answer === undefined || answers.length > 1) throw new Error(`${answers.length} answers`);
  if (answer instanceof BrokerError) throw answer;
  return answer;
}

export const sequences = (store: OpenStore, queue: QueueId, after = 0, limit = 100, bytesMax = Infinity): number[] =>
  load(store, { type: 'queue', queue, after, limit, bytesMax }).entries.map(({ sequence }) => sequence);
