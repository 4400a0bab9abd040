/** What a publisher says about its message arrives unaltered, on every path: live, queued, retained, sent again, shared. */
import { expect, test } from '@jest/globals';
import type { WireClient, WireProperties } from '../../src/testing/index.js';
import { openRig, publishes } from './rig.js';
import type { Rig } from './rig.js';

const userProperties = [
  ['b', '2'],
  ['a', '1'],
  ['b', '1'],
  ['', ''],
  ['a', '1'],
  ['ключ', '値 🦋'],
  ['empty', ''],
  ['long', 'x'.repeat(500)],
] as const;

const cases: Readonly<Record<string, WireProperties>> = {
  'all of them': {
    payloadFormatIndicator: true,
    messageExpiryInterval: 1000,
    contentType: 'application/json',
    responseTopic: 'reply/to/me',
    correlationData: 'correlation',
    userProperties,
  },
  'user properties in order, repeated and empty': { userProperties },
  'payload format 0': { payloadFormatIndicator: false },
  'payload format 1': { payloadFormatIndicator: true },
  'an empty content type': { contentType: '' },
  'a long content type': { contentType: 'ü'.repeat(1000) },
  'a response topic': { responseTopic: '$share/x' },
  'binary correlation data': { correlationData: Uint8Array.from([0, 1, 0xff, 0, 0x80, 0xc0]) },
  'empty correlation data': { correlationData: '' },
  nothing: {},
};

/** As they arrive: binary that is no text is shown in hexadecimal. */
function arriving(sent: WireProperties): WireProperties | undefined {
  if (Object.keys(sent).length === 0) return undefined;
  const { correlationData } = sent;
  return correlationData instanceof Uint8Array ? { ...sent, correlationData: `0x${Buffer.from(correlationData).toString('hex')}` } : sent;
}

type Path = (rig: Rig, publish: (retain: boolean) => void) => WireClient;

const paths: Readonly<Record<string, Path>> = {
  'live at QoS 0': (rig, publish) => {
    const client = rig.subscriber('sub', 'a', 0);
    publish(false);
    return client;
  },
  'live at QoS 1': (rig, publish) => {
    const client = rig.subscriber('sub', 'a', 1);
    publish(false);
    return client;
  },
  'live at QoS 2 to a session that lasts': (rig, publish) => {
    const client = rig.resumable('sub').subscribe('a', { qos: 2 }).skip();
    publish(false);
    return client;
  },
  queued: (rig, publish) => {
    rig.resumable('sub').subscribe('a', { qos: 2 }).drop();
    publish(false);
    return rig.resumable('sub');
  },
  'sent again': (rig, publish) => {
    const client = rig.resumable('sub').subscribe('a', { qos: 2 }).skip();
    publish(false);
    client.drop();
    return rig.resumable('sub');
  },
  retained: (rig, publish) => {
    publish(true);
    return rig.client('sub').subscribe('a', { qos: 1 });
  },
  'behind a full window': (rig, publish) => {
    const client = rig.subscriber('sub', '#', 1, { properties: { receiveMaximum: 1 } });
    rig.client('other').publish({ topic: 'x', qos: 1 });
    publish(false);
    return client.skip().puback(1);
  },
  shared: (rig, publish) => {
    const client = rig.subscriber('sub', '$share/g/a', 1);
    publish(false);
    return client;
  },
  'shared, queued for the group': (rig, publish) => {
    rig.resumable('sub').subscribe('$share/g/a', { qos: 1 }).drop();
    publish(false);
    return rig.resumable('sub');
  },
  'with an identifier and an alias': (rig, publish) => {
    const client = rig.client('sub', { properties: { topicAliasMaximum: 9 } });
    client.subscribe('a', { qos: 1, properties: { subscriptionIdentifier: 3 } }).skip();
    publish(false);
    return client;
  },
};

for (const [path, deliver] of Object.entries(paths)) {
  test.each(Object.entries(cases))(`v5 [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20] ${path}: %s`, (_what, properties) => {
    for (const publisherAlias of [false, true]) {
      const rig = openRig();
      const publisher = rig.client('pub');
      const client = deliver(rig, (retain) => {
        const sent = publisherAlias ? { ...properties, topicAlias: 1 } : properties;
        publisher.publish({ topic: 'a', payload: 'payload', qos: 2, retain, properties: sent });
      });
      const [message, ...more] = publishes(client);
      expect(more).toEqual([]);
      const { subscriptionIdentifier: _id, topicAlias: _alias, ...rest } = message?.properties ?? {};
      expect(message).toMatchObject({ topic: 'a', payload: 'payload' });
      expect(Object.keys(rest).length === 0 ? undefined : rest).toEqual(arriving(properties));
    }
  });
}

test('v5 a will carries them too, user properties in order: [MQTT-3.1.3-10]', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'w', 1);
  const properties = cases['all of them'] as WireProperties;
  rig.client('gone', { will: { topic: 'w', payload: 'bye', qos: 1, properties } }).drop();
  expect(publishes(subscriber).map((message) => message.properties)).toEqual([properties]);
});

test('the host’s own messages carry what they are given', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 1);
  void rig.broker.publish('a', 'x', {
    qos: 1,
    payloadFormatIndicator: 1,
    messageExpirySeconds: 60,
    contentType: 'text/plain',
    responseTopic: 'r',
    correlationData: Buffer.from('id'),
    userProperties: [['k', '2'], ['k', '1']],
  });
  rig.clock.flush();
  expect(publishes(subscriber).map(({ properties }) => properties)).toEqual([
    {
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      contentType: 'text/plain',
      responseTopic: 'r',
      correlationData: 'id',
      userProperties: [['k', '2'], ['k', '1']],
    },
  ]);
});

test('v3.1.1 towards 3.x all of them are left out, on every path', () => {
  const rig = openRig();
  const publisher = rig.client('pub');
  const properties = cases['all of them'] as WireProperties;
  const live = rig.subscriber('live', 'a', 1, { protocolVersion: 4 });
  rig.resumable('away', { protocolVersion: 4 }).subscribe('a', { qos: 1 }).drop();
  publisher.publish({ topic: 'a', payload: 'x', qos: 1, retain: true, properties });
  // 32 06 0001 61 id 78, and RETAIN for the one that subscribes later.
  expect(live.receivedHex()).toBe('32 06 00 01 61 00 01 78');
  expect(rig.resumable('away', { protocolVersion: 4 }).receivedHex()).toBe('32 06 00 01 61 00 01 78');
  expect(rig.client('late', { protocolVersion: 4 }).subscribe('a').receivedHex()).toBe('90 03 00 01 00 31 04 00 01 61 78');
});

test('v3.1.1 a message of a 3.x publisher reaches 5.0 with no properties', () => {
  const rig = openRig();
  const [zero, one] = [rig.subscriber('zero', 'a', 0), rig.subscriber('one', 'a', 1)];
  rig.client('pub', { protocolVersion: 4 }).publish({ topic: 'a', payload: 'x', qos: 1 });
  expect(zero.receivedHex()).toBe('30 05 00 01 61 00 78'); // v5 [MQTT-2.2.2-1]: Property Length 0
  expect(one.receivedHex()).toBe('32 07 00 01 61 00 01 00 78');
});

test('payloads are bytes: any of them arrives as it was sent', () => {
  const rig = openRig();
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  const subscribers = [rig.subscriber('five', 'a', 0), rig.subscriber('four', 'a', 1, { protocolVersion: 4 })];
  for (const protocolVersion of [4, 5] as const) rig.client('pub', { protocolVersion }).publish({ topic: 'a', payload: bytes, qos: 1 });
  const hex = `0x${Buffer.from(bytes).toString('hex')}`;
  for (const subscriber of subscribers) expect(publishes(subscriber).map(({ payload }) => payload)).toEqual([hex, hex]);
});
