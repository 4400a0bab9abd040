/**
 * The `$SYS/broker/…` topics under Mosquitto's names, made from snapshots of the counters. Pure: the broker owns
 * the interval and publishes, retained, what `update` returns.
 *
 * Loads are Mosquitto's: events per minute, averaged exponentially over 1, 5 and 15 minutes. With `t` seconds
 * since the update before, `n` events in them and a window of `w` seconds:
 *   average = perMinute + e^(-t / w) * (average - perMinute), perMinute = n * 60 / t
 */
import type { BrokerStats } from './stats.js';

/** One topic with the text that is its payload. */
export interface SysValue {
  readonly topic: string;
  readonly value: string;
}

const root = '$SYS/broker/';
const windows = [
  ['1min', 60],
  ['5min', 300],
  ['15min', 900],
] as const;

const droppedOf = ({ dropped }: BrokerStats): number => Object.values(dropped).reduce((sum, count) => sum + count, 0);

/** Messages kept for somebody: retained, waiting and in flight. Shared bodies count once for each who waits. */
const storedOf = (stats: BrokerStats): number =>
  stats.retainedMessages + stats.queuedMessages + stats.inflightMessages;

/** Sessions there are, and never fewer than clients that are connected. */
const clientsTotalOf = (stats: BrokerStats): number => Math.max(stats.sessions, stats.clients);

/** Topics below `$SYS/broker/` that count, with the names that Mosquitto has kept for older tools. */
const gauges: readonly (readonly [topic: string, value: (stats: BrokerStats) => number])[] = [
  ['clients/connected', (stats) => stats.clients],
  ['clients/active', (stats) => stats.clients],
  ['clients/disconnected', (stats) => clientsTotalOf(stats) - stats.clients],
  ['clients/inactive', (stats) => clientsTotalOf(stats) - stats.clients],
  ['clients/total', clientsTotalOf],
  ['clients/maximum', (stats) => stats.clientsMax],
  ['clients/expired', (stats) => stats.sessionsExpired],
  ['messages/received', (stats) => stats.packetsReceived],
  ['messages/sent', (stats) => stats.packetsSent],
  ['messages/inflight', (stats) => stats.inflightMessages],
  ['messages/stored', storedOf],
  ['store/messages/count', storedOf],
  ['store/messages/bytes', (stats) => stats.memoryBytes + stats.retainedBytes],
  ['subscriptions/count', (stats) => stats.subscriptions],
  ['retained messages/count', (stats) => stats.retainedMessages],
  ['publish/messages/received', (stats) => stats.publishReceived],
  ['publish/messages/sent', (stats) => stats.publishSent],
  ['publish/messages/dropped', droppedOf],
  ['publish/bytes/received', (stats) => stats.publishReceivedBytes],
  ['publish/bytes/sent', (stats) => stats.publishSentBytes],
  ['bytes/received', (stats) => stats.bytesReceived],
  ['bytes/sent', (stats) => stats.bytesSent],
];

/** Counters whose rate is published below `$SYS/broker/load/`. */
const loads: readonly (readonly [topic: string, count: (stats: BrokerStats) => number])[] = [
  ['messages/received', (stats) => stats.packetsReceived],
  ['messages/sent', (stats) => stats.packetsSent],
  ['publish/received', (stats) => stats.publishReceived],
  ['publish/sent', (stats) => stats.publishSent],
  ['publish/dropped', droppedOf],
  ['bytes/received', (stats) => stats.bytesReceived],
  ['bytes/sent', (stats) => stats.bytesSent],
  ['sockets', (stats) => stats.connectionsOpened],
  ['connections', (stats) => stats.connectsAccepted + stats.connectsRefused],
];

export class SysTopics {
  /** What was published last, by topic. */
  private readonly published = new Map<string, string>();
  /** Averages by topic. */
  private readonly averages = new Map<string, number>();
  private previous: BrokerStats | undefined = undefined;

  /** Returns the topics whose value is not the one returned before: at the first call all, with loads of 0. */
  update(stats: BrokerStats): readonly SysValue[] {
    this.updateAverages(stats);
    const values = [
      { topic: `${root}version`, value: `odonata version ${stats.version}` },
      { topic: `${root}uptime`, value: `${Math.floor(stats.uptimeSeconds)} seconds` },
      ...gauges.map(([topic, value]) => ({ topic: root + topic, value: String(value(stats)) })),
      ...[...this.averages].map(([topic, average]) => ({ topic, value: average.toFixed(2) })),
    ];
    const changed = values.filter(({ topic, value }) => this.published.get(topic) !== value);
    for (const { topic, value } of changed) this.published.set(topic, value);
    return changed;
  }

  private updateAverages(stats: BrokerStats): void {
    const previous = this.previous ?? stats;
    const seconds = stats.uptimeSeconds - previous.uptimeSeconds;
    if (this.previous !== undefined && seconds <= 0) return;
    this.previous = stats;
    for (const [name, count] of loads) {
      const perMinute = seconds === 0 ? 0 : ((count(stats) - count(previous)) * 60) / seconds;
      for (const [window, windowSeconds] of windows) {
        const topic = `${root}load/${name}/${window}`;
        const average = this.averages.get(topic) ?? 0;
        this.averages.set(topic, perMinute + Math.exp(-seconds / windowSeconds) * (average - perMinute));
      }
    }
  }
}
