/** Statistics: the typed snapshot, and the `$SYS` topics made from it. */
import { describe, expect, test } from '@jest/globals';
import { snapshot } from '../../../src/observe/stats.js';
import type { BrokerStats } from '../../../src/observe/stats.js';
import { SysTopics } from '../../../src/observe/sys.js';
import { Counters } from '../../../src/protocol/counters.js';

const extra = { version: '1.2.3', uptimeSeconds: 0, memoryBytes: 0 };

/** A snapshot after `uptimeSeconds` with some counters set. */
function statsAt(uptimeSeconds: number, fields: Partial<BrokerStats> = {}): BrokerStats {
  return { ...snapshot(new Counters(), { ...extra, uptimeSeconds }), ...fields };
}

describe('snapshot', () => {
  test('has every counter, is frozen, and does not change afterwards', () => {
    const counters = new Counters();
    counters.bytesReceived = 5;
    counters.connectsAccepted = 3;
    counters.dropped.queueFull = 2;
    const stats = snapshot(counters, { ...extra, uptimeSeconds: 7, memoryBytes: 9 });
    counters.bytesReceived = 6;
    counters.dropped.queueFull = 3;
    expect(stats).toMatchObject({
      version: '1.2.3',
      uptimeSeconds: 7,
      connectsAccepted: 3,
      memoryBytes: 9,
      bytesReceived: 5,
      dropped: { queueFull: 2, expired: 0 },
    });
    expect(Object.keys(stats).toSorted()).toEqual([...new Set([...Object.keys(extra), ...Object.keys(counters)])].toSorted());
    expect([stats, stats.dropped].every(Object.isFrozen)).toBe(true);
  });
});

describe('$SYS topics', () => {
  const asObject = (values: ReturnType<SysTopics['update']>): Record<string, string> =>
    Object.fromEntries(values.map(({ topic, value }) => [topic.replace('$SYS/broker/', ''), value]));

  test("come under Mosquitto's names, all of them at first", () => {
    const dropped = { ...statsAt(0).dropped, queueFull: 2, expired: 3 };
    const values = asObject(
      new SysTopics().update(
        statsAt(61.9, {
          dropped,
          clients: 2,
          clientsMax: 4,
          sessions: 5,
          sessionsExpired: 1,
          packetsReceived: 10,
          packetsSent: 20,
          inflightMessages: 3,
          queuedMessages: 4,
          retainedMessages: 5,
          retainedBytes: 500,
          memoryBytes: 70,
          subscriptions: 6,
          publishReceived: 7,
          publishSent: 8,
          publishReceivedBytes: 70,
          publishSentBytes: 80,
          bytesReceived: 100,
          bytesSent: 200,
        }),
      ),
    );
    const loads = [
      ...['messages/received', 'messages/sent', 'publish/received', 'publish/sent', 'publish/dropped'],
      ...['bytes/received', 'bytes/sent', 'sockets', 'connections'],
    ].flatMap((name) => ['1min', '5min', '15min'].map((window) => [`load/${name}/${window}`, '0.00']));
    expect(values).toEqual({
      version: 'odonata version 1.2.3',
      uptime: '61 seconds',
      'clients/connected': '2',
      'clients/active': '2',
      'clients/disconnected': '3',
      'clients/inactive': '3',
      'clients/total': '5',
      'clients/maximum': '4',
      'clients/expired': '1',
      'messages/received': '10',
      'messages/sent': '20',
      'messages/inflight': '3',
      'messages/stored': '12',
      'store/messages/count': '12',
      'store/messages/bytes': '570',
      'subscriptions/count': '6',
      'retained messages/count': '5',
      'publish/messages/received': '7',
      'publish/messages/sent': '8',
      'publish/messages/dropped': '5',
      'publish/bytes/received': '70',
      'publish/bytes/sent': '80',
      'bytes/received': '100',
      'bytes/sent': '200',
      ...Object.fromEntries(loads),
    });
  });

  test('later only those that have changed', () => {
    const sys = new SysTopics();
    sys.update(statsAt(0));
    expect(asObject(sys.update(statsAt(0.5)))).toEqual({});
    expect(asObject(sys.update(statsAt(10, { subscriptions: 1 })))).toEqual({
      uptime: '10 seconds',
      'subscriptions/count': '1',
    });
  });

  test('loads approach the rate per minute, each at the pace of its window', () => {
    const sys = new SysTopics();
    sys.update(statsAt(0));
    let last: Record<string, string> = {};
    for (let seconds = 10; seconds <= 60; seconds += 10) {
      last = asObject(sys.update(statsAt(seconds, { publishReceived: seconds * 2, connectsAccepted: 1, connectsRefused: 1 })));
    }
    // 120 a minute for one minute: 120 * (1 - e^(-60 / window)).
    expect(last).toMatchObject({
      'load/publish/received/1min': '75.85',
      'load/publish/received/5min': '21.75',
      'load/publish/received/15min': '7.74',
    });
    // Two CONNECTs in the first ten seconds are 12 a minute; then it fades.
    expect(Number(last['load/connections/1min'])).toBeCloseTo(12 * (1 - Math.exp(-1 / 6)) * Math.exp(-5 / 6), 2);
    const later = asObject(sys.update(statsAt(6000, { publishReceived: 120, connectsAccepted: 1, connectsRefused: 1 })));
    expect(later['load/publish/received/1min']).toBe('0.00');
  });

  test('two updates at one moment lose nothing', () => {
    const sys = new SysTopics();
    sys.update(statsAt(5));
    sys.update(statsAt(5, { bytesSent: 100 }));
    expect(asObject(sys.update(statsAt(65, { bytesSent: 100 })))['load/bytes/sent/1min']).toBe('63.21');
  });
});
