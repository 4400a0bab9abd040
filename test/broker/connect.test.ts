/** `broker.connect()`: what an in-process client publishes, subscribes to and is refused, like any other client. */
import { describe, expect, test } from '@jest/globals';
import type { ConnectOptions, LocalClient } from '../../src/index.js';
import { lateBroker } from '../support/late-broker.js';
import { failureOf, settled, testBroker } from '../support/broker.js';

async function texts(client: LocalClient, count: number): Promise<string[]> {
  const found: string[] = [];
  const messages = client[Symbol.asyncIterator]();
  while (found.length < count) {
    const { done, value } = await messages.next();
    if (done === true) throw new Error(`it ended after ${found.length} messages`);
    found.push(value.text());
  }
  return found;
}

describe('messages', () => {
  test.each([0, 1, 2] as const)('QoS %i both ways with a network client', async (qos) => {
    const { broker, client, clock } = testBroker();
    const local = await broker.connect({ clientId: 'local' });
    expect(await local.subscribe('to/local', { qos })).toBe(qos);
    const peer = client().connected({ clientId: 'peer' }).subscribe('to/peer', { qos }).skip();
    await settled(clock, local.publish('to/peer', 'hello', { qos, userProperties: [['k', 'v']] }));
    expect(peer.received()).toMatchObject([{ payload: 'hello', qos, properties: { userProperties: [['k', 'v']] } }]);
    peer.publish({ topic: 'to/local', payload: 'back', qos });
    const { value } = await local[Symbol.asyncIterator]().next();
    expect(value).toMatchObject({ topic: 'to/local', qos, publisherId: 'peer' });
    peer.disconnect();
    await local.disconnect();
    expect(broker.stats()).toMatchObject({ sessions: 0, clients: 0, inflightMessages: 0, queuedMessages: 0 });
  });

  test('onMessage gets every message; without it they wait, back-pressured', async () => {
    const { broker } = testBroker();
    const heard: string[] = [];
    const listening = await broker.connect({ onMessage: (message) => heard.push(message.text()) });
    const iterating = await broker.connect({ receiveMaximum: 2 });
    for (const each of [listening, iterating]) await each.subscribe('t', { qos: 1 });
    const payloads = Array.from({ length: 500 }, (_, index) => `m${index}`);
    for (const payload of payloads) await broker.publish('t', payload, { qos: 1 });
    expect(heard).toEqual(payloads);
    expect(broker.stats().inflightMessages).toBe(2);
    expect(await texts(iterating, 500)).toEqual(payloads);
  });

  test('break leaves the loop, not the broker: the next loop goes on where it stopped', async () => {
    const { broker } = testBroker();
    const local = await broker.connect();
    await local.subscribe('t');
    for (const payload of ['1', '2']) await broker.publish('t', payload, { qos: 1 });
    const seen: string[] = [];
    for (let loop = 0; loop < 2; loop += 1) {
      for await (const message of local) {
        seen.push(message.text());
        break;
      }
    }
    expect(seen).toEqual(['1', '2']);
    expect(local.connected).toBe(true);
  });

  test('v5 [MQTT-3.8.3-3] noLocal withholds its own messages, and only those', async () => {
    const { broker } = testBroker();
    const local = await broker.connect();
    await local.subscribe('t', { noLocal: true });
    await local.publish('t', 'own', { qos: 1 });
    await broker.publish('t', 'other', { qos: 1 });
    expect(await texts(local, 1)).toEqual(['other']);
  });

  test('its own copy comes when its publish is stored', async () => {
    const late = lateBroker();
    const connecting = late.broker.connect({ clientId: 'a', sessionExpirySeconds: 100 });
    await late.clock.settle();
    late.commit();
    const local = await connecting;
    const subscribing = local.subscribe('t');
    await late.clock.settle();
    late.commit();
    await subscribing;
    const steps: string[] = [];
    void local.publish('t', 'own', { qos: 1 }).then(() => steps.push('published'));
    void texts(local, 1).then(([text]) => steps.push(`received ${text}`));
    await late.clock.settle();
    expect(steps).toEqual([]);
    late.commit();
    await late.clock.settle();
    expect(steps.toSorted()).toEqual(['published', 'received own']);
  });

  test('unsubscribe tells whether there was such a subscription; retained messages come at subscribe', async () => {
    const { broker, clock } = testBroker();
    await settled(clock, broker.publish('t', 'kept', { retain: true }));
    const local = await broker.connect();
    await local.subscribe('t', { retainHandling: 1 });
    await local.subscribe('t', { retainHandling: 1 });
    expect(await texts(local, 1)).toEqual(['kept']);
    expect(await local.unsubscribe('t')).toBe(true);
    expect(await local.unsubscribe('t')).toBe(false);
    await broker.publish('t', 'x', { qos: 1 });
    expect(broker.stats()).toMatchObject({ inflightMessages: 0, subscriptions: 0 });
  });
});

describe('authorize', () => {
  test('is asked with its identifier and principal, for what it publishes, subscribes to, is sent and leaves as will', async () => {
    const asked: string[] = [];
    const { broker } = testBroker({
      authorize: (client, { type, topic }) => {
        asked.push(`${client.id}/${client.principal}: ${type} ${topic}`);
        return true;
      },
    });
    const local = await broker.connect({ clientId: 'a', principal: 'me', will: { topic: 'w', payload: '' } });
    await local.subscribe('$share/g/t');
    await local.publish('t', 'x', { qos: 1 });
    await local.disconnect(4);
    expect(asked).toEqual(['a/me: will w', 'a/me: subscribe t', 'a/me: publish t', 'a/me: deliver t', 'a/me: will w']);
  });

  test('a refusal rejects with the reason code, and the message is dropped and counted', async () => {
    const { broker } = testBroker({
      authorize: (_client, { topic }) => topic === 'ok' || { action: 'deny', reasonCode: 0x97, reasonString: 'enough' },
    });
    const local = await broker.connect();
    const refusal = { code: 'ODN_ERR_REFUSED', message: expect.stringMatching(/0x97.*enough/) };
    expect(await failureOf(local.publish('no', 'x'))).toMatchObject(refusal);
    expect(await failureOf(local.subscribe('no'))).toMatchObject(refusal);
    expect(await failureOf(broker.connect({ will: { topic: 'no', payload: '' } }))).toMatchObject(refusal);
    await local.publish('ok', 'x');
    await local.subscribe('ok');
    expect(broker.stats()).toMatchObject({ clients: 1, sessions: 1, dropped: { publishDenied: 1 } });
  });

  test('no client may publish to $SYS, or leave a will there', async () => {
    const { broker } = testBroker();
    const local = await broker.connect();
    expect(await failureOf(local.publish('$SYS/x', ''))).toMatchObject({ code: 'ODN_ERR_REFUSED' });
    expect(await failureOf(broker.connect({ will: { topic: '$SYS/x', payload: '' } }))).toMatchObject({ code: 'ODN_ERR_REFUSED' });
  });

  test('v5 [MQTT-4.6.0-5] order is kept however long the answers take, and a refusal holds nobody up', async () => {
    const gates = new Map<string, (allow: boolean) => void>();
    const { broker } = testBroker({
      authorize: (_client, { type, topic }) =>
        type === 'deliver' || type === 'subscribe' || new Promise<boolean>((resolve) => gates.set(topic, resolve)),
    });
    const heard: string[] = [];
    broker.subscribe('#', (message) => heard.push(message.topic));
    const local = await broker.connect();
    const outcomes = ['1', '2', '3'].map((topic) => local.publish(topic, '', { qos: 1 }).then(() => topic, () => `${topic} refused`));
    for (const [topic, allow] of [['1', true], ['2', false], ['3', true]] as const) {
      await new Promise(setImmediate);
      expect([...gates.keys()]).toEqual([topic]); // asked one after the other
      gates.get(topic)?.(allow);
      gates.delete(topic);
    }
    expect(await Promise.all(outcomes)).toEqual(['1', '2 refused', '3']);
    expect(heard).toEqual(['1', '3']);
  });

  test('a client that is gone when the answer comes publishes nothing', async () => {
    let answer = (_allow: boolean): void => undefined;
    const { broker } = testBroker({
      authorize: () => new Promise<boolean>((resolve) => (answer = resolve)),
    });
    const heard: string[] = [];
    broker.subscribe('#', (message) => heard.push(message.topic));
    const local = await broker.connect();
    const failure = failureOf(local.publish('t', ''));
    await local.disconnect();
    answer(true);
    expect(await failure).toMatchObject({ code: 'ODN_ERR_CLOSED' });
    expect(heard).toEqual([]);
  });
});

test('what waits for the store holds up nobody: many publishes share one commit', async () => {
  const late = lateBroker();
  const local = await late.broker.connect();
  let done = 0;
  for (let index = 0; index < 100; index += 1) {
    void local.publish(`t/${index}`, 'x', { qos: 1, retain: true }).then(() => (done += 1));
  }
  await late.clock.settle();
  expect(done).toBe(0);
  late.commit();
  await late.clock.settle();
  expect(done).toBe(100);
});

describe('what it refuses', () => {
  const illegal: readonly object[] = [
    { clientId: '' }, { clientId: 5 }, { clientId: 'a\0' }, { clientId: 'a+' }, { clientId: '#' }, { clientId: 'a'.repeat(65_536) },
    { principal: 5 }, { cleanStart: 1 }, { sessionExpirySeconds: -1 }, { sessionExpirySeconds: 2 ** 32 }, { sessionExpirySeconds: 0.5 },
    { receiveMaximum: 0 }, { receiveMaximum: 65_536 }, { onMessage: {} }, { client: 'a' }, { will: null }, { will: 'w' },
    { will: { topic: 'w/#', payload: '' } }, { will: { topic: '', payload: '' } }, { will: { payload: '' } }, { will: { topic: 'w' } },
    { will: { topic: 'w', payload: '', qos: 3 } }, { will: { topic: 'w', payload: '', willDelaySeconds: -1 } },
    { will: { topic: 'w', payload: '', willDelay: 1 } },
  ]; // prettier-ignore

  test.each(illegal)('connect(%j): ODN_ERR_ARGUMENT', async (options) => {
    const { broker } = testBroker();
    expect(await failureOf(broker.connect(options as ConnectOptions))).toMatchObject({ code: 'ODN_ERR_ARGUMENT' });
    expect(broker.stats()).toMatchObject({ sessions: 0, clients: 0 });
  });

  test('illegal topics, filters and options: ODN_ERR_ARGUMENT', async () => {
    const { broker } = testBroker();
    const local = await broker.connect();
    for (const call of [
      () => local.publish('a/#', ''),
      () => local.publish('a', '', { qos: 5 as 1 }),
      () => local.subscribe('a#'),
      () => local.subscribe('a', { qos: 3 as 1 }),
      () => local.publish('a', '', { signal: 'x' as unknown as AbortSignal, contentType: 5 as unknown as string }),
    ]) {
      expect(await failureOf(call())).toMatchObject({ code: 'ODN_ERR_ARGUMENT' });
    }
  });

  test('limits: subscriptionsMax and sessionsMax', async () => {
    const { broker } = testBroker({ subscriptionsMax: 1, sessionsMax: 1 });
    const local = await broker.connect();
    await local.subscribe('a');
    await local.subscribe('a', { qos: 1 });
    expect(await failureOf(local.subscribe('b'))).toMatchObject({ code: 'ODN_ERR_QUOTA' });
    expect(await failureOf(broker.connect())).toMatchObject({ code: 'ODN_ERR_REFUSED', message: expect.stringContaining('0x97') });
  });

  test('a client that has disconnected: ODN_ERR_CLOSED', async () => {
    const { broker } = testBroker();
    const local = await broker.connect();
    await local.disconnect();
    await local.disconnect();
    for (const call of [() => local.publish('a', ''), () => local.subscribe('a'), () => local.unsubscribe('a')]) {
      expect(await failureOf(call())).toMatchObject({ code: 'ODN_ERR_CLOSED' });
    }
    expect(await local[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  });

  test('a broker that closes meanwhile: ODN_ERR_CLOSED, and no session is left', async () => {
    const late = lateBroker();
    const failure = failureOf(late.broker.connect({ clientId: 'a', sessionExpirySeconds: 100 }));
    await late.clock.settle();
    const closing = late.broker.close();
    expect(await failure).toMatchObject({ code: 'ODN_ERR_CLOSED' });
    await closing;
    expect(await failureOf(late.broker.connect())).toMatchObject({ code: 'ODN_ERR_CLOSED' });
    expect(late.broker.stats().clients).toBe(0);
  });
});
