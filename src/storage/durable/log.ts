/**
 * The log: what happened, as records of a few bytes. The open commit group fills while the one before is written;
 * a group carries its number and the checksum of the group before it, so that a hole is seen when it is read.
 */
import type { Message } from '../../packet/publication.js';
import type { QueueEntry } from '../storage.js';
import type { ByteReader } from './byte-reader.js';
import { DamagedError } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import type { OnDisk } from './durable-queue.js';
import { readMessage, writeMessage, type WallClock } from './records.js';
import { readDelivery, writeDelivery } from './run.js';
import { beginValue, sealValue } from './sealed.js';
import type { StoreState } from './store-state.js';

const op = {
  owner: 1,
  part: 2,
  partGone: 3,
  end: 4,
  body: 5,
  enqueue: 6,
  sent: 7,
  released: 8,
  dequeue: 9,
  /** What is known of an entry on disk that the next record is about. */
  onDisk: 10,
  received: 11,
  receivedGone: 12,
  retained: 13,
  retainedGone: 14,
} as const;

/** A commit group on its way to the disk. */
export interface Group {
  readonly number: number;
  readonly value: Buffer;
  readonly writer: ByteWriter;
}

/** Writes the records of the open group. */
export class LogWriter {
  /** The group that is open, and the checksum of the one before. */
  group = 1;
  chain = 0;
  private writer = new ByteWriter();
  private spare: ByteWriter | undefined = undefined;
  private headBytes = 0;
  private readonly clock: WallClock;

  constructor(clock: WallClock) {
    this.clock = clock;
    this.begin();
  }

  /** Of the open group's records. */
  get bytes(): number {
    return this.writer.length - this.headBytes;
  }

  owner(owner: number, id: string): void {
    this.start(op.owner, owner);
    this.writer.text(id);
  }

  part(owner: number, suffix: string, value: Buffer | undefined): void {
    this.start(value === undefined ? op.partGone : op.part, owner);
    this.writer.bytes(Buffer.from(suffix, 'latin1'));
    if (value !== undefined) this.writer.bytes(value);
  }

  end(owner: number): void {
    this.start(op.end, owner);
  }

  body(number: number, message: Message): void {
    this.start(op.body, number);
    writeMessage(this.writer, message, this.clock);
  }

  enqueue(owner: number, entry: QueueEntry, body: number): void {
    this.start(op.enqueue, owner);
    this.writer.varint(entry.sequence);
    this.writer.varint(body);
    writeDelivery(this.writer, entry);
  }

  sent(owner: number, sequence: number, packetId: number): void {
    this.start(op.sent, owner);
    this.writer.varint(sequence);
    this.writer.varint(packetId);
  }

  released(owner: number, sequence: number): void {
    this.start(op.released, owner);
    this.writer.varint(sequence);
  }

  dequeue(owner: number, sequence: number): void {
    this.start(op.dequeue, owner);
    this.writer.varint(sequence);
  }

  onDisk(owner: number, sequence: number, { bytes, body }: OnDisk): void {
    this.start(op.onDisk, owner);
    this.writer.varint(sequence);
    this.writer.varint(bytes);
    this.writer.varint(body);
  }

  received(owner: number, packetId: number, isReceived: boolean): void {
    this.start(isReceived ? op.received : op.receivedGone, owner);
    this.writer.varint(packetId);
  }

  retained(body: number): void {
    this.start(op.retained, body);
  }

  retainedGone(topic: string): void {
    this.writer.byte(op.retainedGone);
    this.writer.text(topic);
  }

  /** Closes the open group and opens the next. */
  take(): Group {
    const { writer } = this;
    const group = { number: this.group, value: sealValue(writer), writer };
    this.chain = group.value.readUInt32BE(1);
    this.group += 1;
    this.writer = this.spare ?? new ByteWriter();
    this.spare = undefined;
    this.begin();
    return group;
  }

  /** Forgets what the open group holds: a checkpoint has it. */
  reset(): void {
    this.begin();
  }

  /** The memory of a group that is on disk is used again. */
  recycle(group: Group): void {
    this.spare = group.writer;
  }

  /** Goes on behind what was read from disk. */
  resume(group: number, chain: number): void {
    this.group = group;
    this.chain = chain;
    this.begin();
  }

  private begin(): void {
    beginValue(this.writer);
    this.writer.varint(this.group);
    this.writer.uint32(this.chain);
    this.headBytes = this.writer.length;
  }

  private start(code: number, number: number): void {
    this.writer.byte(code);
    this.writer.varint(number);
  }
}

/** Does again what the records of a group say; `messages` are those of the groups before it, by number. */
export function replay(reader: ByteReader, state: StoreState, messages: Map<number, Message>, clock: WallClock): void {
  const messageOf = (number: number): Message => {
    const message = messages.get(number);
    if (message === undefined) throw new DamagedError(`message ${number} is not in the log`);
    return message;
  };
  while (!reader.isDone) {
    const code = reader.byte();
    if (code === op.retainedGone) {
      state.clearRetained(reader.text());
      continue;
    }
    const number = reader.varint();
    if (code === op.body) {
      messages.set(number, readMessage(reader, clock));
      state.bodies.reserve(number);
    } else if (code === op.retained) state.setRetained(messageOf(number), number);
    else if (code === op.owner) state.touch(state.add(number, reader.text() as 's:' | 'g:'));
    else replayOwner(code, number, reader, state, messageOf);
  }
}

function replayOwner(code: number, number: number, reader: ByteReader, state: StoreState, messageOf: (number: number) => Message): void {
  const owner = state.get(number);
  if (owner === undefined) throw new DamagedError(`session ${number} is not known`);
  switch (code) {
    case op.part:
    case op.partGone: {
      const suffix = reader.bytes().toString('latin1');
      return state.setPart(owner, suffix, code === op.part ? Buffer.from(reader.bytes()) : undefined);
    }
    case op.end:
      return state.end(owner);
    case op.enqueue: {
      const sequence = reader.varint();
      const number = reader.varint();
      const { qos, retain, subscriptionIdentifiers } = readDelivery(reader);
      const message = messageOf(number);
      const body = state.bodies.find(message) ?? state.bodies.add(message, number);
      return state.enqueue(owner, { sequence, qos, retain, subscriptionIdentifiers, message }, body);
    }
    case op.sent: {
      const sequence = reader.varint();
      return state.markSent(owner, sequence, reader.varint());
    }
    case op.released:
      return state.markReleased(owner, reader.varint());
    case op.dequeue:
      return state.dequeue(owner, reader.varint());
    case op.onDisk: {
      const sequence = reader.varint();
      return void owner.ownQueue().loaded.set(sequence, { bytes: reader.varint(), body: reader.varint() });
    }
    case op.received:
    case op.receivedGone:
      return state.receive(owner, reader.varint(), code === op.received);
    default:
      throw new DamagedError(`record type ${code} is not known`);
  }
}
