/** Reading all that a persistence holds, when the broker opens: into the mirror, and into what is known of its queues. */
import { BrokerError } from '../../errors/errors.js';
import type { QueueEntry, QueueId, SessionRecord, Storage, StorageClock, SubscriptionRecord } from '../../storage/storage.js';
import { groupQueueId, sessionQueueId } from '../../storage/storage.js';
import type { AedesPacketLike, AedesPersistenceLike, AedesSubscriptionLike } from './aedes-persistence.js';
import { messageOf, publisherOf, qosOf, subscriptionIdentifiersOf, willOf } from './aedes-packets.js';
import { isGiven } from './aedes-properties.js';
import { type QueuedPacket, readQueue, releasedMessage, unlessGone } from './aedes-queue.js';
import { isOwnTopic, type OwnRecords, readOwnPacket } from './own-records.js';

/** A group's queue is that of a client whose identifier no client can have. */
export const groupClientId = (sharedFilter: string): string => `\0${sharedFilter}`;

/** What the adapter knows beside the mirror. */
export interface Known {
  readonly queues: Map<QueueId, Map<number, QueuedPacket>>;
  readonly received: Map<string, Set<number>>;
  readonly subscribed: Map<string, Set<string>>;
  readonly wills: Set<string>;
  readonly groups: Set<string>;
}

export interface Restoring {
  readonly persistence: AedesPersistenceLike;
  readonly brokerId: string;
  readonly mirror: Storage;
  readonly known: Known;
  readonly clock: StorageClock;
  readonly onDamaged: (error: BrokerError) => void;
  /** Deletes what a crash left over. */
  readonly onLeftover: (queue: QueueId, queued: QueuedPacket) => void;
  readonly onEmptyGroup: (sharedFilter: string) => void;
}

/** Returns the largest number that made a packet unique. */
export async function restorePersistence(at: Restoring): Promise<number> {
  const records: OwnRecords = { sessions: new Map(), received: new Map(), groups: new Set() };
  await readRetained(at, records);
  let unique = 0;
  for (const session of records.sessions.values()) unique = Math.max(unique, await readSession(at, session, records));
  for (const sharedFilter of records.groups) {
    unique = Math.max(unique, await readEntries(at, groupQueueId(sharedFilter), groupClientId(sharedFilter)));
    at.known.groups.add(sharedFilter);
    if (at.known.queues.get(groupQueueId(sharedFilter))?.size === 0) at.onEmptyGroup(sharedFilter);
  }
  await readWills(at, records);
  return unique;
}

async function readRetained(at: Restoring, records: OwnRecords): Promise<void> {
  const seen = new Set<string>();
  for await (const item of at.persistence.createRetainedStreamCombi(['#', '$odonata/#'])) {
    const packet = item as AedesPacketLike;
    const topic = String(packet.topic);
    if (seen.has(topic)) continue; // some stores answer pattern by pattern
    seen.add(topic);
    reading(at, `the retained message of ${topic}`, () => {
      if (isOwnTopic(topic)) readOwnPacket(packet, records);
      else at.mirror.putRetained(messageOf({ ...packet, retain: true }, publisherOf(packet), at.clock));
    });
  }
}

async function readSession(at: Restoring, session: SessionRecord, records: OwnRecords): Promise<number> {
  const { clientId } = session;
  at.mirror.putSession(session);
  const filters = new Set<string>();
  for (const subscription of (await at.persistence.subscriptionsByClient({ id: clientId })) ?? []) {
    at.mirror.putSubscription(clientId, recordOf(subscription));
    filters.add(subscription.topic);
  }
  at.known.subscribed.set(clientId, filters);
  const received = records.received.get(clientId) ?? [];
  for (const packetId of received) at.mirror.putReceived(clientId, packetId);
  at.known.received.set(clientId, new Set(received));
  return readEntries(at, sessionQueueId(clientId), clientId);
}

const recordOf = ({ topic, qos, rh, rap, nl, subscriptionIdentifier }: AedesSubscriptionLike): SubscriptionRecord => ({
  topicFilter: topic,
  qos: qosOf(qos),
  noLocal: nl === true,
  retainAsPublished: rap === true,
  retainHandling: rh === 1 || rh === 2 ? rh : 0,
  subscriptionIdentifier: isGiven(subscriptionIdentifier) ? subscriptionIdentifier : undefined,
});

async function readEntries(at: Restoring, queueId: QueueId, clientId: string): Promise<number> {
  const { persistence, brokerId, mirror, clock } = at;
  const { entries, leftovers } = await readQueue(persistence, clientId, brokerId);
  const queue = new Map<number, QueuedPacket>();
  at.known.queues.set(queueId, queue);
  for (const [sequence, queued] of entries) {
    const { packet, messageId, isReleased } = queued;
    reading(at, `a queued message of client ${JSON.stringify(clientId)}`, () => {
      mirror.enqueue(queueId, entryOf(sequence, queued, clock));
      queue.set(sequence, queued);
      if (messageId !== undefined) mirror.markSent(queueId, sequence, messageId);
      if (isReleased) mirror.markReleased(queueId, sequence);
    });
    // The redis sibling knows packets by their identifiers only from being told them in this process.
    if (messageId !== undefined) await unlessGone(persistence.outgoingUpdate({ id: clientId }, { ...packet, messageId }));
  }
  for (const queued of leftovers) at.onLeftover(queueId, queued);
  return [...entries.values(), ...leftovers].reduce((max, { own }) => Math.max(max, own?.unique ?? 0), 0);
}

function entryOf(sequence: number, { packet, own, isReleased }: QueuedPacket, clock: StorageClock): QueueEntry {
  if (isReleased) return { sequence, qos: 2, retain: false, subscriptionIdentifiers: undefined, message: releasedMessage() };
  return {
    sequence,
    qos: qosOf(packet.qos),
    retain: packet.retain === true,
    subscriptionIdentifiers: subscriptionIdentifiersOf(packet),
    message: messageOf({ ...packet, ...own }, publisherOf(packet), clock),
  };
}

async function readWills(at: Restoring, { sessions }: OwnRecords): Promise<void> {
  for await (const item of at.persistence.streamWill({})) {
    const packet = item as AedesPacketLike;
    const clientId = String(packet.clientId);
    if (!sessions.has(clientId)) continue; // of an Aedes broker
    reading(at, `the will of client ${JSON.stringify(clientId)}`, () => {
      at.mirror.putWill(clientId, willOf(packet, at.clock));
      at.known.wills.add(clientId);
    });
  }
}

/** What cannot be read is told, and does not keep the rest from being read. */
function reading(at: Restoring, what: string, read: () => void): void {
  try {
    read();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    at.onDamaged(new BrokerError('ODN_ERR_STORAGE_CORRUPT', `${what} could not be read: ${message}`, { cause: error }));
  }
}
