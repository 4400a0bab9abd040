/** `onPublish`: what is published instead, before `authorize` is asked; nothing illegal comes out of it. */
import { describe, expect, test } from '@jest/globals';
import type { OnPublish, PublishRequest, PublishRewrite } from '../../src/index.js';
import type { WirePublish } from '../../src/testing/index.js';
import { openRig, payloads, publishes, short, three } from './rig.js';
import type { Rig } from './rig.js';

const rewriting = (onPublish: OnPublish, options = {}): Rig => {
  const rig = openRig(options);
  rig.broker.use({ name: 'rewrite', onPublish });
  return rig;
};

describe.each(three)('$name', ({ protocolVersion }) => {
  test.each([false, true])('topic, payload, QoS and RETAIN are what the hook makes of them; late %s', async (late) => {
    const made: PublishRewrite = { topic: 'to', payload: 'new', qos: 2, retain: true };
    const rig = rewriting(() => (late ? Promise.resolve(made) : made));
    const subscriber = rig.subscriber('sub', '#', 2, { protocolVersion });
    const publisher = rig.client('pub', { protocolVersion });
    publisher.publish({ topic: 'from', payload: 'old', qos: 1, packetId: 7 });
    await rig.settle();
    expect(publishes(subscriber)).toMatchObject([{ topic: 'to', payload: 'new', qos: 2 }]);
    // The publisher is answered at the QoS it sent.
    expect(publisher.received()).toMatchObject([{ type: 'puback', packetId: 7 }]);
    expect((await rig.broker.retained.get('to'))?.text()).toBe('new');
    expect(await rig.broker.retained.get('from')).toBeUndefined();
  });
  test('a failure at QoS 0 drops the message, and the connection stays', () => {
    const rig = rewriting(() => ({ topic: 'a/#' }));
    const publisher = rig.client('pub', { protocolVersion }).publish({ topic: 't' }).pingreq();
    expect(short(publisher.received())).toEqual(['pingresp']);
    expect(rig.dropped).toEqual(['publishDenied t pub']);
  });
});

test('undefined leaves everything as it was, bytes and properties', () => {
  const rig = rewriting(() => undefined);
  const subscriber = rig.subscriber('sub', '#', 2);
  const properties = { contentType: 'text/plain', correlationData: 'c', userProperties: [['k', 'v']] } as const;
  rig.client('pub').publish({ topic: 't', payload: 'x', qos: 2, properties });
  expect(publishes(subscriber)).toMatchObject([{ topic: 't', payload: 'x', qos: 2, properties }]);
});

test('it is shown what was sent: topic behind an alias, payload, properties', () => {
  const seen: unknown[] = [];
  const rig = rewriting(({ id }, { topic, payload, qos, retain, properties }) => {
    seen.push([id, topic, Buffer.from(payload).toString(), qos, retain, properties]);
    return undefined;
  });
  const publisher = rig.client('pub').publish({ topic: 't', payload: '1', properties: { topicAlias: 3, contentType: 'c' } });
  publisher.publish({ topic: '', payload: '2', retain: true, qos: 1, properties: { topicAlias: 3 } });
  expect(seen).toEqual([['pub', 't', '1', 0, false, { contentType: 'c' }], ['pub', 't', '2', 1, true, {}]]);
});

describe('properties', () => {
  const of = (rewrite: (message: PublishRequest) => PublishRewrite, sent: WirePublish['properties'] = {}): unknown => {
    const rig = rewriting((_, message) => rewrite(message));
    const subscriber = rig.subscriber('sub', '#', 1);
    rig.client('pub').publish({ topic: 't', payload: 'x', qos: 1, properties: sent });
    return publishes(subscriber)[0]?.properties;
  };
  const sent = { contentType: 'c', messageExpiryInterval: 60 };

  test('stay when only the payload changes, expiry included', () => expect(of(() => ({ payload: 'y' }), sent)).toEqual(sent));
  test('stay when only the topic changes', () => expect(of(() => ({ topic: 'u' }), sent)).toEqual(sent));
  test('are added by spreading those that were sent', () => {
    expect(of(({ properties }) => ({ properties: { ...properties, userProperties: [['by', 'pub']] } }), sent)).toEqual({ ...sent, userProperties: [['by', 'pub']] });
  });
  test('go when the answer has others', () => expect(of(() => ({ properties: { contentType: 'd' } }), sent)).toEqual({ contentType: 'd' }));
});

test('a new Message Expiry Interval counts from now, one that stays from when it did', () => {
  const rig = rewriting((_, { topic }) => (topic === 'new' ? { properties: { messageExpirySeconds: 100 } } : { payload: 'y' }));
  rig.resumable('sub').subscribe('#', { qos: 1 }).drop();
  for (const topic of ['new', 'old']) rig.client('pub').publish({ topic, qos: 1, properties: { messageExpiryInterval: 10 } });
  rig.clock.advance(50_000);
  expect(publishes(rig.resumable('sub'))).toMatchObject([{ topic: 'new', properties: { messageExpiryInterval: 50 } }]);
});

test('what is authorized is what is routed', () => {
  const asked: string[] = [];
  const rig = rewriting(({ id }, { topic }) => ({ topic: `${id}/${topic}`, qos: 0 }), {
    authorize: (_: unknown, { type, topic }: { type: string; topic: string }) => type !== 'publish' || (asked.push(topic) > 0 && !topic.endsWith('/secret')),
  });
  const subscriber = rig.subscriber('sub', '#', 1);
  const publisher = rig.client('pub').publish({ topic: 'ok', payload: '1', qos: 1, packetId: 1 }).publish({ topic: 'secret', qos: 1, packetId: 2 });
  expect(asked).toEqual(['pub/ok', 'pub/secret']);
  expect(short(publisher.received())).toEqual(['puback 1', 'puback 2 0x87']);
  expect(publishes(subscriber)).toMatchObject([{ topic: 'pub/ok', qos: 0 }]);
  expect(rig.dropped).toEqual(['publishDenied pub/secret pub']);
});

test('nobody is rewritten into $SYS/', () => {
  const rig = rewriting(() => ({ topic: '$SYS/x' }));
  expect(short(rig.client('pub').publish({ topic: 't', qos: 1, packetId: 1 }).received())).toEqual(['puback 1 0x87']);
});

test('plugins rewrite in order, each what the one before made', () => {
  const rig = rewriting((_, { payload }) => ({ payload: `${Buffer.from(payload).toString()}1` }));
  rig.broker.use({ name: 'second', onPublish: async (_, { payload }) => ({ payload: `${Buffer.from(payload).toString()}2` }) });
  rig.broker.use({ name: 'third', onPublish: (_, { payload }) => ({ payload: `${Buffer.from(payload).toString()}3` }) });
  const subscriber = rig.subscriber('sub', '#');
  rig.client('pub').publish({ topic: 't', payload: '0' });
  return rig.settle().then(() => expect(payloads(subscriber)).toEqual(['0123']));
});

describe('an illegal answer refuses the PUBLISH and is a hookError', () => {
  const illegal: [string, unknown][] = [
    ['a wildcard', { topic: 'a/+' }],
    ['an empty topic', { topic: '' }],
    ['U+0000', { topic: 'a\0' }],
    ['a QoS of 3', { qos: 3 }],
    ['a payload of another type', { payload: 5 }],
    ['RETAIN as text', { retain: 'yes' }],
    ['a property of another packet', { properties: { topicAlias: 1 } }],
    ['a property out of range', { properties: { messageExpirySeconds: -1 } }],
    ['no properties', { properties: null }],
    ['a misspelt field', { tpoic: 'a' }],
    ['null', null],
    ['a boolean', true],
  ];
  test.each(illegal)('%s', async (_, answer) => {
    for (const late of [false, true]) {
      const rig = rewriting((() => (late ? Promise.resolve(answer) : answer)) as OnPublish);
      const errors: string[] = [];
      rig.broker.on('hookError', ({ code }, hook) => errors.push(`${hook} ${code}`));
      const subscriber = rig.subscriber('sub', '#');
      const publisher = rig.client('pub').publish({ topic: 't', qos: 1, packetId: 1 }).publish({ topic: 't', qos: 2, packetId: 2 });
      await rig.settle();
      expect(short(publisher.received())).toEqual(['puback 1 0x83', 'pubrec 2 0x83']);
      expect(payloads(subscriber)).toEqual([]);
      expect(errors).toEqual(['onPublish ODN_ERR_HOOK', 'onPublish ODN_ERR_HOOK']);
    }
  });
  test('3.x has no code for it: closed, so that it is sent again', () => {
    const rig = rewriting(() => {
      throw new Error('x');
    });
    const publisher = rig.client('pub', { protocolVersion: 4 }).publish({ topic: 't', qos: 1 });
    expect(publisher.closed).toBe(true);
    expect(publisher.received()).toEqual([]);
  });
});

test('QoS 0 made QoS 1 reaches the publisher itself too', () => {
  const rig = rewriting(() => ({ qos: 1 }));
  const client = rig.client('a').subscribe('t', { qos: 1 }).skip();
  expect(short(client.publish({ topic: 't', payload: 'x' }).received())).toEqual(['publish 1 x']);
});

test('a pending answer holds this client, in order, and no other', async () => {
  const answers: (() => void)[] = [];
  const rig = rewriting(({ id }) => (id === 'slow' ? new Promise((answer) => answers.push(() => answer(undefined))) : undefined));
  const subscriber = rig.subscriber('sub', '#');
  rig.client('slow').publish({ topic: 't', payload: '1' }).publish({ topic: 't', payload: '2' }).disconnect();
  rig.client('fast').publish({ topic: 't', payload: 'fast' });
  expect(payloads(subscriber)).toEqual(['fast']);
  while (answers.length > 0) {
    answers.shift()?.();
    await rig.settle();
  }
  expect(payloads(subscriber)).toEqual(['1', '2']);
});

test('after hookTimeoutSeconds the PUBLISH is refused', async () => {
  const rig = rewriting(() => new Promise(() => undefined));
  const publisher = rig.client('pub').publish({ topic: 't', qos: 1, packetId: 1 });
  expect(rig.stats.hooksPending).toBe(1);
  rig.clock.advance(10_000);
  await rig.settle();
  expect(short(publisher.received())).toEqual(['puback 1 0x83']);
  expect(rig.stats).toMatchObject({ hooksPending: 0, hookErrors: 1 });
});

describe('a will', () => {
  test.each([false, true])('is rewritten when it fires, and authorized as it then is; late %s', async (late) => {
    const asked: string[] = [];
    const rig = rewriting(({ id }, { topic }) => {
      const made = { topic: `${id}/${topic}`, payload: 'made' };
      return late ? Promise.resolve(made) : made;
    }, { authorize: (_: unknown, { type, topic }: { type: string; topic: string }) => type !== 'will' || asked.push(topic) > 0 });
    const watcher = rig.subscriber('watcher', '#');
    rig.client('a', { will: { topic: 'w', payload: 'sent' } }).drop();
    await rig.settle();
    expect(publishes(watcher)).toMatchObject([{ topic: 'a/w', payload: 'made' }]);
    expect(asked).toEqual(['w', 'a/w']);
  });
  test('is dropped when the hook fails', () => {
    const rig = rewriting(() => {
      throw new Error('x');
    });
    const watcher = rig.subscriber('watcher', '#');
    rig.client('a', { will: { topic: 'w' } }).drop();
    expect(payloads(watcher)).toEqual([]);
    expect(rig.dropped).toEqual(['publishDenied w a']);
  });
});

test('the host itself is not rewritten', async () => {
  const rig = rewriting(() => ({ payload: 'made' }));
  const subscriber = rig.subscriber('sub', '#');
  await rig.broker.publish('t', 'x');
  rig.clock.flush();
  expect(payloads(subscriber)).toEqual(['x']);
});
