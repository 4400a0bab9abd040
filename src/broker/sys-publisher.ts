/** Publishes `$SYS/broker/…` every `sysIntervalSeconds`, retained, under Mosquitto's names. */
import { BrokerError } from '../errors/errors.js';
import { SysTopics } from '../observe/sys.js';
import type { BrokerStats } from '../observe/stats.js';
import type { Deadline } from '../protocol/deadlines.js';
import type { Engine } from '../protocol/ports.js';
import { hostMessage } from './host-message.js';
import { routeFromHost } from './host-publish.js';

export class SysPublisher {
  private readonly topics = new SysTopics();
  private deadline: Deadline | undefined = undefined;
  private readonly engine: Engine;
  private readonly stats: () => BrokerStats;
  private readonly intervalSeconds: number;

  constructor(engine: Engine, stats: () => BrokerStats, intervalSeconds: number) {
    this.engine = engine;
    this.stats = stats;
    this.intervalSeconds = intervalSeconds;
  }

  start(): void {
    if (this.intervalSeconds > 0) this.onDeadline(this.engine.now());
  }

  stop(): void {
    if (this.deadline !== undefined) this.engine.deadlines.cancel(this.deadline);
    this.deadline = undefined;
  }

  onDeadline(nowMs: number): void {
    this.deadline = this.engine.deadlines.set(this, nowMs + this.intervalSeconds * 1000);
    try {
      for (const { topic, value } of this.topics.update(this.stats())) {
        void routeFromHost(this.engine, hostMessage(this.engine, topic, value, { retain: true }, undefined), undefined, undefined);
      }
    } catch (error) {
      // Its topics are over `topicLevelsMax` or `topicBytesMax`: told once, and the broker does without them.
      this.stop();
      if (!(error instanceof BrokerError)) throw error;
      this.engine.later(() => this.engine.observer.error(error)); // when the host of a new broker has had its chance to listen
    }
  }
}
