/** What is known of the packets that a persistence holds for one client, by our sequence. */
import { BrokerError } from '../../errors/errors.js';
import { Message } from '../../packet/publication.js';
import { type OwnPacketId, ownPacketId } from './aedes-packets.js';
import type { AedesPacketLike, AedesPersistenceLike } from './aedes-persistence.js';
import { isGiven } from './aedes-properties.js';

/** A packet that was never sent has no identifier to be deleted by: it is given this one, which no client uses. */
const scratchId = 65_536;

/** One packet of an outgoing queue. */
export interface QueuedPacket {
  readonly packet: AedesPacketLike;
  /** `undefined`: Aedes put it there. */
  readonly own: OwnPacketId | undefined;
  /** Once it was sent. */
  messageId: number | undefined;
  isReleased: boolean;
}

/** The persistence says that it does not have what was to be changed: trying again would be for ever. */
export const isGone = (error: unknown): error is Error => error instanceof Error && /^(?:no such packet|unknown key)$/.test(error.message);

/** For what is to be deleted anyway. */
export async function unlessGone(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    if (!isGone(error)) throw error;
  });
}

/** Deletes a packet as it is known now: what is sent later does not change which it is. */
export function deletion(persistence: AedesPersistenceLike, clientId: string, { packet, messageId }: QueuedPacket): () => Promise<unknown> {
  if (messageId !== undefined) return () => persistence.outgoingClearMessageId({ id: clientId }, { messageId });
  return async () => {
    await unlessGone(persistence.outgoingUpdate({ id: clientId }, { ...packet, messageId: scratchId }));
    await persistence.outgoingClearMessageId({ id: clientId }, { messageId: scratchId });
  };
}

/** A released message: only its identifier is needed. Without `brokerId`, by which memory and mongodb would find the message again. */
export const pubrelPacket = ({ packet, messageId }: QueuedPacket): AedesPacketLike => ({
  cmd: 'pubrel',
  messageId: messageId as number,
  brokerCounter: packet.brokerCounter,
});

/** Stands for the message of a released entry. */
export const releasedMessage = (): Message => new Message('', new Uint8Array(0), 2, false, undefined, Infinity, new Uint8Array(0), 0, -1);

export interface FoundQueue {
  /** In order of delivery. */
  readonly entries: ReadonlyMap<number, QueuedPacket>;
  /** Deletions that a crash cut short, and packets that are there twice. */
  readonly leftovers: QueuedPacket[];
}

/** Reads the queue of a client by sequence. What Aedes left there was there before, and has no sequence. */
export async function readQueue(persistence: AedesPersistenceLike, clientId: string, brokerId: string): Promise<FoundQueue> {
  const ours = new Map<number, QueuedPacket>();
  const others: QueuedPacket[] = [];
  const leftovers: QueuedPacket[] = [];
  for await (const item of persistence.outgoingStream({ id: clientId })) {
    if (typeof item !== 'object' || item === null) continue;
    const packet = item as AedesPacketLike;
    const { cmd, messageId } = packet;
    const isReleased = cmd === 'pubrel';
    const isSent = isGiven(messageId) && messageId > 0 && messageId < scratchId && (isReleased || (packet.qos ?? 0) > 0);
    if (!isReleased && cmd !== 'publish') {
      throw new BrokerError('ODN_ERR_STORAGE_FORMAT', `the queue of client ${JSON.stringify(clientId)} has a packet ${JSON.stringify(cmd)}`);
    }
    const own = ownPacketId(packet, brokerId);
    const queued: QueuedPacket = { packet, own, messageId: isSent ? messageId : undefined, isReleased };
    const sequence = Number(packet.brokerCounter); // the redis sibling makes it a string
    const isOurs = (own !== undefined || isReleased) && sequence > 0 && Number.isSafeInteger(sequence);
    if (messageId === scratchId || (isOurs && ours.has(sequence))) leftovers.push(queued);
    else if (isOurs) ours.set(sequence, queued);
    else others.push(queued);
  }
  const sequences = [...ours.keys()].toSorted((a, b) => a - b);
  const entries = new Map(sequencesBefore(sequences[0], others));
  for (const sequence of sequences) entries.set(sequence, ours.get(sequence) as QueuedPacket);
  return { entries, leftovers };
}

/** Between 0 and `first`: a sequence need not be whole to be in order. */
function* sequencesBefore(first: number | undefined, others: readonly QueuedPacket[]): IterableIterator<readonly [number, QueuedPacket]> {
  const step = first === undefined ? 1 : first / (others.length + 1);
  for (const [index, queued] of others.entries()) yield [(index + 1) * step, queued];
}
