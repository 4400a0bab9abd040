/**
 * Where one cell of the authorization matrix is played: a broker whose `authorize` allows everything until it is
 * armed, and then comes to what the column says about one kind of action of one client; and somebody else, who must
 * not notice any of it.
 */
import type { Action, AuthorizeAnswer, BrokerOptions, HookClient } from '../../src/index.js';
import type { WireClient, WireVersion } from '../../src/testing/index.js';
import { House } from '../wire/house.js';
import type { ClientOptions, Rig } from '../wire/rig.js';
import { all, publish } from './bytes.js';
import type { Column } from './columns.js';

const quiet = (): void => undefined;

/** Whom the questions are about. */
export const judged = ['me', 'me too'];

export class Stage {
  readonly column: Column;
  readonly protocolVersion: WireVersion;
  /** What was asked since it was armed, as `principal type topic`. */
  readonly asked: string[] = [];
  /** `hookError` events; the logger hears those of an opening too, before a host can listen. */
  readonly hookErrors: string[] = [];
  readonly #house: House;
  readonly #type: Action['type'];
  readonly #rigs: Rig[] = [];
  readonly #others = new WeakMap<Rig, WireClient>();
  #isArmed = false;
  /** Asked about this topic only. */
  #topic: string | undefined = undefined;
  #late: (() => void)[] = [];

  constructor(type: Action['type'], column: Column, protocolVersion: WireVersion, options: BrokerOptions = {}) {
    this.#type = type;
    this.column = column;
    this.protocolVersion = protocolVersion;
    this.#house = new House({ ...options, authorize: this.#authorize, logger: { debug: quiet, info: quiet, error: quiet, warn: this.#warned } });
    this.#watch();
  }

  readonly #authorize = ({ id, principal }: HookClient, { type, topic }: Action): AuthorizeAnswer => {
    if (!this.#isArmed || type !== this.#type || !judged.includes(id)) return true;
    if (this.#topic !== undefined && topic !== this.#topic) return true;
    this.asked.push(`${String(principal)} ${type} ${topic}`);
    return this.column.answer((run) => this.#late.push(run)) as AuthorizeAnswer;
  };

  readonly #warned = (fields: object): void => {
    if ('hook' in fields && 'code' in fields) this.hookErrors.push(`${String(fields.code)} ${String(fields.hook)}`);
  };

  /** The broker that runs now. */
  get rig(): Rig {
    return this.#house.rig;
  }

  get version(): { readonly protocolVersion: WireVersion } {
    return { protocolVersion: this.protocolVersion };
  }

  /** A client of the cell's version. */
  client(clientId: string, options: ClientOptions = {}): WireClient {
    return this.rig.client(clientId, { ...this.version, ...options });
  }

  resumable(clientId: string, options: ClientOptions = {}): WireClient {
    return this.rig.resumable(clientId, { ...this.version, ...options });
  }

  subscriber(clientId: string, filter: string, qos: 0 | 1 | 2): WireClient {
    return this.rig.subscriber(clientId, filter, qos, this.version);
  }

  /** From here on the hook comes to what the column says: a revocation, for what was allowed before. */
  arm(topic?: string): void {
    this.#isArmed = true;
    this.#topic = topic;
  }

  /** From here on everything is allowed again. */
  disarm(): void {
    this.#isArmed = false;
  }

  /** What the column makes of it. */
  either<T>(allowed: T, refused: T): T {
    return this.column.allows ? allowed : refused;
  }

  /** Lets the hook come to its answer, its deadline included, and then to what it says too late. Meanwhile others go on. */
  async answered(): Promise<void> {
    const { rig, column } = this;
    this.#othersGoOn();
    await rig.settle();
    for (let seen = -1; column.waits && seen !== this.asked.length; ) {
      seen = this.asked.length;
      rig.clock.advance(rig.broker.options.hookTimeoutSeconds * 1000);
      // oxlint-disable-next-line no-await-in-loop -- one deadline after the other
      await rig.settle();
    }
    for (const run of this.#late.splice(0)) run();
    await rig.settle();
  }

  /** The next broker on the same store. */
  async next(how: 'restart' | 'crash', downSeconds = 0): Promise<void> {
    await this.#house[how](downSeconds);
    this.#watch();
  }

  /** Every `dropped` event of every broker. */
  get dropped(): string[] {
    return this.#rigs.flatMap(({ dropped }) => dropped);
  }

  /** A counter, over every broker. */
  count(of: (stats: Rig['stats']) => number): number {
    return this.#rigs.reduce((sum, { stats }) => sum + of(stats), 0);
  }

  #watch(): void {
    this.#rigs.push(this.rig);
  }

  /** A round trip of a client that has nothing to do with it, in this very turn. */
  #othersGoOn(): void {
    const { rig } = this;
    if (rig.broker.closed) return;
    const other = this.#others.get(rig) ?? rig.subscriber('somebody else', '$else', 0);
    this.#others.set(rig, other);
    const got = other.publish({ topic: '$else', payload: 'x' }).pingreq().receivedHex();
    if (got !== all(publish(5, { topic: '$else' }), 'd0 00')) throw new Error(`somebody else was held up: ${got}`);
  }
}
