/** A PUBLISH that is refused: what its publisher is told in each version, and that nobody gets it. */
import { expect, test } from '@jest/globals';
import type { AuthorizeAnswer, BrokerOptions } from '../../src/index.js';
import { both, openRig, payloads, short, three } from './rig.js';

/** Topic `denied/<code in hex>` is denied with that code. */
const options: BrokerOptions = {
  authorize: (_client, { type, topic }): AuthorizeAnswer => {
    if (type !== 'publish' || !topic.startsWith('denied')) return true;
    const [, code] = topic.split('/');
    return code === undefined ? false : { action: 'deny', reasonCode: Number.parseInt(code, 16), reasonString: 'no' };
  },
};

test('v5 [MQTT-4.3.3-8] X5-4.3.3-1 a denied PUBLISH gets 0x87 in PUBACK or PUBREC; at QoS 0 nothing; the connection stays', () => {
  const rig = openRig(options);
  const [subscriber, publisher] = [rig.subscriber('sub', '#', 2), rig.client('pub')];
  for (const qos of [0, 1, 2] as const) publisher.publish({ topic: 'denied', qos, packetId: qos });
  publisher.publish({ topic: 'fine', payload: 'x', qos: 1, packetId: 3 });
  expect(short(publisher.received())).toEqual(['puback 1 0x87', 'pubrec 2 0x87', 'puback 3']);
  expect(payloads(subscriber)).toEqual(['x']);
  expect(rig.dropped).toEqual(Array(3).fill('publishDenied denied pub'));
  expect(rig.stats).toMatchObject({ publishReceived: 1, dropped: { publishDenied: 3 } });
});

test.each(['80', '83', '87', '90', '97', '99'])('v5 [MQTT-3.4.2-1] [MQTT-3.5.2-1] the hook’s code 0x%s and reason reach the publisher', (code) => {
  const rig = openRig(options);
  const publisher = rig.client('pub');
  for (const qos of [1, 2] as const) publisher.publish({ topic: `denied/${code}`, qos, packetId: qos });
  const reason = { reasonCode: Number.parseInt(code, 16), properties: { reasonString: 'no' } };
  expect(publisher.received()).toEqual([
    { type: 'puback', packetId: 1, ...reason },
    { type: 'pubrec', packetId: 2, ...reason },
  ]);
});

test.each(['00', '10', '8e', '9e', 'ff'])('v5 [MQTT-3.4.2-1] [MQTT-3.5.2-1] a code that no PUBACK has, 0x%s, becomes 0x87', (code) => {
  const rig = openRig(options);
  const publisher = rig.client('pub').publish({ topic: `denied/${code}`, qos: 1 }).publish({ topic: `denied/${code}`, qos: 2 });
  expect(short(publisher.received())).toEqual(['puback 1 0x87', 'pubrec 2 0x87']);
});

test('v5 [MQTT-3.1.2-29] a client without Request Problem Information gets the code alone', () => {
  const rig = openRig(options);
  const publisher = rig.client('pub', { properties: { requestProblemInformation: false } });
  publisher.publish({ topic: 'denied/97', qos: 1 });
  expect(publisher.received()).toEqual([{ type: 'puback', packetId: 1, reasonCode: 0x97 }]);
});

test('v5 [MQTT-3.4.2-2] [MQTT-3.5.2-2] a reason that would be over the client’s Maximum Packet Size is left out', () => {
  const reasonString = 'x'.repeat(100);
  const rig = openRig({ authorize: (_client, { type }) => (type === 'publish' ? { action: 'deny', reasonString } : true) });
  const small = rig.client('small', { properties: { maximumPacketSize: 100 } });
  small.publish({ topic: 'a', qos: 1 }).publish({ topic: 'a', qos: 2 });
  expect(small.received()).toEqual([
    { type: 'puback', packetId: 1, reasonCode: 0x87 },
    { type: 'pubrec', packetId: 2, reasonCode: 0x87 },
  ]);
  const large = rig.client('large', { properties: { maximumPacketSize: 120 } }).publish({ topic: 'a', qos: 1 });
  expect(large.received()).toEqual([{ type: 'puback', packetId: 1, reasonCode: 0x87, properties: { reasonString } }]);
});

test('v3.1.1 [MQTT-3.3.5-2] a denied PUBLISH is acknowledged as if accepted, and dropped', () => {
  const rig = openRig(options);
  const subscriber = rig.subscriber('sub', '#', 2);
  for (const { name, protocolVersion } of three.slice(0, 2)) {
    const publisher = rig.client(name, { protocolVersion });
    for (const qos of [0, 1, 2] as const) publisher.publish({ topic: 'denied/97', qos, packetId: qos });
    publisher.publish({ topic: 'denied/97', qos: 2, packetId: 2, dup: true }).pubrel(2).pubrel(2);
    expect(short(publisher.received())).toEqual(['puback 1', 'pubrec 2', 'pubrec 2', 'pubcomp 2', 'pubcomp 2']);
  }
  expect(subscriber.received()).toEqual([]);
  expect(rig.stats.dropped.publishDenied).toBe(8);
});

test.each([0, 1, 2] as const)('v3.1.1 [MQTT-3.3.5-2] with refusedPublish close, a denied PUBLISH of QoS %i closes the connection; 5.0 has codes', (qos) => {
  const rig = openRig({ ...options, refusedPublish: 'close' });
  for (const { name, protocolVersion } of three.slice(0, 2)) {
    const publisher = rig.client(name, { protocolVersion }).publish({ topic: 'denied', qos, packetId: qos });
    expect([publisher.received(), publisher.closed]).toEqual([[], true]);
  }
  const publisher = rig.client('five').publish({ topic: 'denied', qos, packetId: qos });
  expect(short(publisher.received())).toEqual([[], ['puback 1 0x87'], ['pubrec 2 0x87']][qos]);
  expect(publisher.closed).toBe(false);
});

test.each(both)('a hook that throws denies; another client is not harmed ($name)', ({ protocolVersion }) => {
  const rig = openRig({
    authorize: ({ id }) => {
      if (id === 'bad') throw new Error('broken rule');
      return true;
    },
  });
  const hookErrors: string[] = [];
  rig.broker.on('hookError', (error, hook) => void hookErrors.push(`${hook}: ${error.code}`));
  const subscriber = rig.subscriber('sub', 'a', 1);
  const bad = rig.client('bad', { protocolVersion }).publish({ topic: 'a', qos: 1 });
  expect(short(bad.received())).toEqual([protocolVersion === 5 ? 'puback 1 0x87' : 'puback 1']);
  rig.client('good', { protocolVersion }).publish({ topic: 'a', payload: 'x', qos: 1 });
  expect(payloads(subscriber)).toEqual(['x']);
  expect(hookErrors).toEqual(['authorize: ODN_ERR_HOOK']);
});

test.each(both)('clients may not publish below $SYS/, whatever a hook allows ($name)', ({ protocolVersion }) => {
  const rig = openRig({ authorize: () => true });
  const subscriber = rig.subscriber('sub', '$SYS/#', 1);
  const publisher = rig.client('pub', { protocolVersion });
  publisher.publish({ topic: '$SYS/broker/uptime', qos: 0, retain: true });
  publisher.publish({ topic: '$SYS/', payload: 'x', qos: 1, packetId: 1 });
  publisher.publish({ topic: '$SYS', payload: 'a plain name', qos: 1, packetId: 2 });
  publisher.publish({ topic: '$sys/x', qos: 2, packetId: 3 });
  const codes = protocolVersion === 5 ? ['puback 1 0x87', 'puback 2', 'pubrec 3 0x10'] : ['puback 1', 'puback 2', 'pubrec 3'];
  expect(short(publisher.received())).toEqual(codes);
  expect(payloads(subscriber)).toEqual(['a plain name']); // `$SYS/#` matches its parent
  expect(rig.stats.retainedMessages).toBe(0);
});
