/** Retained messages by their topics: those that changed since the last checkpoint are in memory, the others on disk. */
import type { KeyValueStore } from '../key-value-store.js';
import type { LoadAnswers, LoadQueries } from '../storage.js';
import { kind, topicKey } from './keys.js';
import { readMany } from './read-many.js';
import { readMessage, type WallClock } from './records.js';
import { reading } from './recovery.js';
import { damaged } from './sealed.js';
import type { StoreState } from './store-state.js';

export class RetainedQueries {
  private readonly store: KeyValueStore;
  private readonly state: StoreState;
  private readonly clock: WallClock;

  constructor(store: KeyValueStore, state: StoreState, clock: WallClock) {
    this.store = store;
    this.state = state;
    this.clock = clock;
  }

  /** Retained messages from memory, or `undefined` when some are on disk. */
  inMemory({ topics }: LoadQueries['retained']): LoadAnswers['retained'] | undefined {
    const { retained } = this.state;
    if (!topics.every((topic) => retained.has(topic))) return undefined;
    return { messages: topics.map((topic) => retained.get(topic)) };
  }

  async onDisk({ topics }: LoadQueries['retained']): Promise<LoadAnswers['retained']> {
    const { retained } = this.state;
    const stored = topics.filter((topic) => !retained.has(topic));
    const messages = new Map(topics.map((topic) => [topic, retained.get(topic)]));
    const values = await readMany(this.store, stored.map((topic) => topicKey(kind.retained, Buffer.from(topic, 'utf8'))));
    const missing: string[] = [];
    stored.forEach((topic, index) => {
      const value = values[index];
      if (value !== undefined) messages.set(topic, reading(`the retained message of ${topic}`, value, (reader) => readMessage(reader, this.clock)));
      else missing.push(topic);
    });
    await this.noneLost(missing);
    return { messages: topics.map((topic) => messages.get(topic)) };
  }

  /** A retained message that is missing while its topic is known has not been cleared: it is lost. */
  private async noneLost(topics: readonly string[]): Promise<void> {
    const keysOf = (of: 'r' | 'R'): Buffer[] => topics.map((topic) => topicKey(of, Buffer.from(topic, 'utf8')));
    const refs = await readMany(this.store, keysOf(kind.retainedRef));
    if (refs.every((ref) => ref === undefined)) return;
    // Set, or set and cleared, while it was looked for: then both are there now, or the change is in memory.
    const values = await readMany(this.store, keysOf(kind.retained));
    topics.forEach((topic, index) => {
      if (refs[index] === undefined || values[index] !== undefined || this.state.retained.has(topic)) return;
      throw damaged(`the retained message of ${topic} is not where it was stored`);
    });
  }
}
