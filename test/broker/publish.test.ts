/** `broker.publish()`: what it takes, what subscribers get, when it resolves, and what it refuses. */
import { describe, expect, test } from '@jest/globals';
import type { PublishOptions, QoS } from '../../src/index.js';
import { lateBroker } from '../support/late-broker.js';
import { failureOf, settled, testBroker } from '../support/broker.js';

describe('what subscribers get', () => {
  test.each([0, 1, 2] as const)('QoS %i reaches a subscriber at that QoS', async (qos) => {
    const { broker, client, clock } = testBroker();
    const sub = client().connected().subscribe('t', { qos: 2 }).skip();
    await settled(clock, broker.publish('t', 'hello', { qos }));
    expect(sub.received()).toMatchObject([{ type: 'publish', topic: 't', payload: 'hello', qos, retain: false, dup: false }]);
  });

  test('strings become UTF-8, bytes are sent as they are, and a later change of the buffer changes nothing', async () => {
    const { broker, client, clock } = testBroker();
    const sub = client().connected().subscribe('#', { qos: 1 }).skip();
    const bytes = Uint8Array.of(0xff, 0x00, 0x80);
    await settled(clock, broker.publish('text', 'grün', { qos: 1 }));
    const publishing = broker.publish('bytes', bytes, { qos: 1, retain: true });
    bytes.fill(1);
    await settled(clock, publishing);
    await settled(clock, broker.publish('empty', '', { qos: 1 }));
    expect(sub.received().map(({ payload }) => payload)).toEqual(['grün', '0xff0080', '']);
    expect((await settled(clock, broker.retained.get('bytes')))?.payload).toEqual(Buffer.of(0xff, 0x00, 0x80));
  });

  test('v5 [MQTT-3.3.2-18] every property, user properties in order and with duplicates', async () => {
    const { broker, client, clock } = testBroker();
    const sub = client().connected().subscribe('t').skip();
    const userProperties = [['b', '1'], ['a', '2'], ['b', '1']] as const;
    const options: PublishOptions = {
      payloadFormatIndicator: 1,
      messageExpirySeconds: 60,
      contentType: 'text/plain',
      responseTopic: 'reply/here',
      correlationData: Buffer.from('c'),
      userProperties,
    };
    await settled(clock, broker.publish('t', 'x', options));
    expect(sub.received()).toMatchObject([
      {
        properties: {
          payloadFormatIndicator: true,
          messageExpiryInterval: 60,
          contentType: 'text/plain',
          responseTopic: 'reply/here',
          correlationData: 'c',
          userProperties,
        },
      },
    ]);
  });

  test('retain keeps it, an empty payload clears it', async () => {
    const { broker, client, clock } = testBroker();
    await settled(clock, broker.publish('t', 'kept', { retain: true }));
    expect(client().connected().subscribe('t').received()).toMatchObject([{ type: 'suback' }, { payload: 'kept', retain: true }]);
    await settled(clock, broker.publish('t', '', { retain: true, qos: 1 }));
    expect(client().connected().subscribe('t').received()).toMatchObject([{ type: 'suback' }]);
    expect(broker.retained.size).toBe(0);
  });

  test('message expiry runs: a session that comes back too late gets nothing', async () => {
    const { broker, client, clock } = testBroker();
    const connect = { clientId: 'a', clean: false, properties: { sessionExpiryInterval: 1000 } };
    client().connected(connect).subscribe('t', { qos: 1 }).disconnect();
    await settled(clock, broker.publish('t', 'short', { qos: 1, messageExpirySeconds: 10 }));
    await settled(clock, broker.publish('t', 'long', { qos: 1, messageExpirySeconds: 100 }));
    clock.advance(10_000);
    const sub = client().connected(connect);
    expect(sub.received()).toMatchObject([{ payload: 'long', properties: { messageExpiryInterval: 90 } }]);
    expect(broker.stats().dropped.expired).toBe(1);
  });

  test('no hook is asked, and $SYS topics are the host’s to publish', async () => {
    const asked: string[] = [];
    const { broker, client, clock } = testBroker({
      authorize: (_client, { type, topic }) => {
        asked.push(`${type} ${topic}`);
        return true;
      },
    });
    const sub = client().connected().subscribe('$SYS/#').skip();
    await settled(clock, broker.publish('$SYS/mine', 'x'));
    expect(sub.received()).toMatchObject([{ topic: '$SYS/mine' }]);
    expect(asked).toEqual(['subscribe $SYS/#', 'deliver $SYS/mine']);
  });

  test('it is counted and told to publish listeners, without a client', async () => {
    const { broker, clock } = testBroker();
    const heard: unknown[] = [];
    broker.on('publish', (message, client) => heard.push([message.topic, message.text(), message.qos, message.publisherId, client]));
    await settled(clock, broker.publish('t', 'abc', { qos: 1 }));
    expect(heard).toEqual([['t', 'abc', 1, undefined, undefined]]);
    expect(broker.stats()).toMatchObject({ publishReceived: 1, publishReceivedBytes: 3 });
  });
});

describe('when it resolves', () => {
  test('QoS 0 at once; QoS 1 and 2 when the message is stored', async () => {
    const late = lateBroker();
    const connect = { clientId: 'a', clean: false, properties: { sessionExpiryInterval: 1000 } };
    const sub = late.client().connect(connect);
    late.commit();
    sub.subscribe('t', { qos: 2 });
    late.commit();
    sub.disconnect();
    late.commit();
    const settledQos: QoS[] = [];
    for (const qos of [0, 1, 2] as const) void late.broker.publish('t', 'x', { qos }).then(() => settledQos.push(qos));
    await late.clock.settle();
    expect(settledQos).toEqual([0]);
    late.commit();
    await late.clock.settle();
    expect(settledQos).toEqual([0, 1, 2]);
  });

  test('before the store is open it waits for it', async () => {
    const late = lateBroker({}, { answerMs: 1000 });
    const publishing = late.broker.publish('t', 'x', { retain: true });
    await late.clock.settle();
    expect(late.broker.retained.size).toBe(0);
    late.clock.advance(10_000);
    await publishing;
    expect(late.broker.retained.size).toBe(1);
  });

  test('signal: given up before it starts nothing is published; later the wait ends, and it may have been', async () => {
    const late = lateBroker();
    const before = AbortSignal.abort();
    await expect(late.broker.publish('t', 'x', { retain: true, signal: before })).rejects.toMatchObject({ code: 'ODN_ERR_ABORTED' });
    expect(late.broker.stats().publishReceived).toBe(0);
    const abort = new AbortController();
    const failure = failureOf(late.broker.publish('t', 'x', { qos: 1, retain: true, signal: abort.signal }));
    abort.abort();
    expect(await failure).toMatchObject({ code: 'ODN_ERR_ABORTED' });
    late.commit();
    expect(late.broker.retained.size).toBe(1);
  });
});

describe('what it refuses', () => {
  test.each([
    ['an empty topic', ['', 'x']],
    ['a wildcard', ['a/+', 'x']],
    ['a wildcard', ['a/#', 'x']],
    ['U+0000 in the topic', ['a\0b', 'x']],
    ['a lone surrogate in the topic', ['a\ud800', 'x']],
    ['a control character in the topic', ['a\u0007', 'x']],
    ['too many levels', ['/'.repeat(201), 'x']],
    ['a topic that is too long', ['a'.repeat(65_536), 'x']],
    ['a topic that is no string', [5, 'x']],
    ['a payload that is neither text nor bytes', ['t', 5]],
    ['a payload that is missing', ['t', undefined]],
    ['qos 3', ['t', 'x', { qos: 3 }]],
    ['qos as text', ['t', 'x', { qos: '1' }]],
    ['retain as text', ['t', 'x', { retain: 'no' }]],
    ['an option that does not exist', ['t', 'x', { retian: true }]],
    ['an expiry that is no whole number', ['t', 'x', { messageExpirySeconds: 1.5 }]],
    ['a negative expiry', ['t', 'x', { messageExpirySeconds: -1 }]],
    ['payloadFormatIndicator 2', ['t', 'x', { payloadFormatIndicator: 2 }]],
    ['a response topic with a wildcard', ['t', 'x', { responseTopic: 'a/#' }]],
    ['correlation data as text', ['t', 'x', { correlationData: 'c' }]],
    ['a user property that is no pair', ['t', 'x', { userProperties: [['a']] }]],
    ['a topic alias', ['t', 'x', { topicAlias: 1 }]],
  ] as const)('%s: ODN_ERR_ARGUMENT, and nothing is published', async (_, args) => {
    const { broker } = testBroker();
    const publish = broker.publish.bind(broker) as (...any: unknown[]) => Promise<void>;
    await expect(publish(...args)).rejects.toMatchObject({ code: 'ODN_ERR_ARGUMENT' });
    expect(broker.stats().publishReceived).toBe(0);
  });

  test('control characters are the host’s choice with strictText: false', async () => {
    const { broker, clock } = testBroker({ strictText: false });
    await settled(clock, broker.publish('a\u0007', 'x', { retain: true }));
    expect(broker.retained.size).toBe(1);
  });

  test('a full retained store: QoS 1 is refused whole, QoS 0 is delivered and not kept, a clear always passes', async () => {
    const { broker, client, clock } = testBroker({ retainedMessagesMax: 1 });
    const sub = client().connected().subscribe('#').skip();
    await settled(clock, broker.publish('a', '1', { retain: true }));
    const refused = failureOf(broker.publish('b', '2', { qos: 1, retain: true }));
    expect(await settled(clock, refused)).toMatchObject({ code: 'ODN_ERR_QUOTA' });
    await settled(clock, broker.publish('c', '3', { retain: true }));
    expect(sub.received().map(({ payload }) => payload)).toEqual(['1', '3']);
    await settled(clock, broker.publish('a', '', { qos: 1, retain: true }));
    expect(broker.retained.size).toBe(0);
    expect(broker.stats().dropped.quota).toBe(1);
  });

  test('a closed broker', async () => {
    const { broker } = testBroker();
    const closing = broker.close();
    await expect(broker.publish('t', 'x')).rejects.toMatchObject({ code: 'ODN_ERR_CLOSED' });
    await closing;
    await expect(broker.publish('t', 'x')).rejects.toMatchObject({ code: 'ODN_ERR_CLOSED' });
  });
});
