/** `broker.retained`: the host's view of retained messages. */
import { BrokerError } from '../errors/errors.js';
import type { Message } from '../packet/publication.js';
import type { Engine } from '../protocol/ports.js';
import type { RetainedStore } from '../router/retained-store.js';
import { BrokerMessage } from './broker-message.js';
import { checkFilter } from './host-subscription.js';

/** Nodes of the tree looked at between two reads of the store. */
const stepsPerPage = 2000;
const topicsPerPage = 64;

/** Retained messages. @public */
export class RetainedView {
  private readonly engine: Engine;
  private readonly store: RetainedStore;
  private readonly ready: () => Promise<void>;

  /** @internal */
  constructor(engine: Engine, store: RetainedStore, ready: () => Promise<void>) {
    this.engine = engine;
    this.store = store;
    this.ready = ready;
  }

  /** How many topics have one. */
  get size(): number {
    return this.engine.counters.retainedMessages;
  }

  /** The retained message of a topic, if there is one. */
  async get(topic: string): Promise<BrokerMessage | undefined> {
    await this.ready();
    if (!this.store.has(topic)) return undefined;
    const [message] = await this.load([topic]);
    return message === undefined ? undefined : new BrokerMessage(message);
  }

  /** Takes a retained message out; resolves, when that is stored, with whether there was one. */
  async delete(topic: string): Promise<boolean> {
    await this.ready();
    const existed = this.store.has(topic);
    const lsn = this.store.clear(topic);
    await new Promise<void>((resolve, reject) => this.engine.durability.after(lsn, resolve, reject));
    return existed;
  }

  /**
   * The retained messages whose topics match, one page in memory at a time.
   * @param topicFilter - default `#`, which leaves out topics that begin with `$`.
   * @throws BrokerError `ODN_ERR_ARGUMENT` for an illegal filter
   */
  async *list(topicFilter = '#'): AsyncIterableIterator<BrokerMessage> {
    checkFilter(this.engine, topicFilter);
    await this.ready();
    const cursor = this.store.cursor(topicFilter);
    for (let done = false; !done; ) {
      const topics: string[] = [];
      while (topics.length < topicsPerPage) {
        const entry = cursor.next(stepsPerPage);
        done = entry === undefined;
        if (entry === undefined || entry === null) break;
        topics.push(entry.topic);
      }
      // oxlint-disable-next-line no-await-in-loop -- one page in memory at a time
      for (const message of await this.load(topics)) if (message !== undefined) yield new BrokerMessage(message);
    }
  }

  private async load(topics: readonly string[]): Promise<readonly (Message | undefined)[]> {
    await this.ready(); // a store that is closed answers nobody
    return new Promise((resolve, reject) =>
      this.engine.storage.load({ type: 'retained', topics }, (answer) => {
        if (answer instanceof BrokerError) reject(answer);
        else resolve(answer.messages);
      }),
    );
  }
}
