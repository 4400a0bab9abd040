/** One message on its way to one session, from the moment it waits in a queue until it is acknowledged. */
import type { QoS } from '../packet/protocol.js';
import type { Message } from '../packet/publication.js';
import type { Lsn, QueueEntry } from '../storage/storage.js';

/** A shared group as the member that holds one of its entries sees it. */
export interface SharedSource {
  /** Delivered, expired or refused by the member: the group forgets it. */
  settled(entry: OutboundEntry): Lsn;
  /** `authorize` refused this member: the next one gets it. */
  refused(entry: OutboundEntry, clientId: string): void;
  /** The member goes on at QoS 2, so the entry is its own from now on. */
  handedOver(entry: OutboundEntry): Lsn;
  /** The member's connection ended with these unacknowledged. */
  returned(entries: readonly OutboundEntry[]): void;
  /** A member has room again. */
  pump(): void;
}

export class OutboundEntry implements QueueEntry {
  readonly sequence: number;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers: readonly number[] | undefined;
  readonly message: Message;
  /** Whether the store holds it; QoS 0 and the queues of sessions that end with their connection are memory alone. */
  readonly stored: boolean;
  /** It may be sent once the store is durable up to here; 0 = at once. Set for a client's copy of its own publish. */
  readonly lsn: Lsn;
  /** The shared group that owns it while it is not acknowledged; it goes back there when its member leaves. */
  readonly group: SharedSource | undefined;

  constructor(
    sequence: number,
    qos: QoS,
    retain: boolean,
    subscriptionIdentifiers: readonly number[] | undefined,
    message: Message,
    stored: boolean,
    lsn: Lsn,
    group: SharedSource | undefined,
  ) {
    this.sequence = sequence;
    this.qos = qos;
    this.retain = retain;
    this.subscriptionIdentifiers = subscriptionIdentifiers;
    this.message = message;
    this.stored = stored;
    this.lsn = lsn;
    this.group = group;
  }

  /** An entry read back from the store. */
  static stored(entry: QueueEntry): OutboundEntry {
    return new OutboundEntry(
      entry.sequence,
      entry.qos,
      entry.retain,
      entry.subscriptionIdentifiers,
      entry.message,
      true,
      0,
      undefined,
    );
  }

  /** The same message as an entry of the session's own, no longer a shared group's. */
  ownedBySession(sequence: number, stored: boolean): OutboundEntry {
    const { qos, retain, subscriptionIdentifiers, message, lsn } = this;
    return new OutboundEntry(sequence, qos, retain, subscriptionIdentifiers, message, stored, lsn, undefined);
  }
}

/** Gives entries back to the shared groups they belong to, each group its own in order. */
export function returnToGroups(entries: readonly OutboundEntry[]): void {
  for (const group of new Set(entries.map((entry) => entry.group))) {
    group?.returned(entries.filter((entry) => entry.group === group).toSorted((a, b) => a.sequence - b.sequence));
  }
}
