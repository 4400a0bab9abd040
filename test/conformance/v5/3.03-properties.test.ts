/** MQTT 5.0, chapter 3.3: properties of PUBLISH. Topic Alias stands in 3.03-topic-alias, expiry in 3.03-expiry. */
import { describe, expect, test } from '@jest/globals';
import type { WireClient, WireProperties } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { identifiersOf, openRig, publishes, short } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { illFormed } from '../v3.1.1/support.js';
import { arrivals, arrivalsAfterRestart, unaltered, unalteredAfterRestart } from './publish-paths.js';
import { client, connecting, expectDisconnected, expectOpen, expectRefused, propertiesBytes, qoses, subscriber } from './support.js';

/** PUBLISH of topic `t` with these properties as bytes. */
const withProperties = (rig: Rig, properties: string): WireClient =>
  client(rig, 'pub').sendsBytes(packet(0x31, `${text('t')} ${propertiesBytes(properties)} 78`));

/** The message is refused with this code, and nothing of it took effect. */
function expectNotTaken(properties: string, reasonCode: number): void {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', '#');
  expectDisconnected(withProperties(rig, properties), reasonCode);
  expect([watcher.received(), rig.stats.retainedMessages]).toEqual([[], 0]);
}

function expectTaken(properties: string): void {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', '#');
  expectOpen(withProperties(rig, properties));
  expect(watcher.received()).toHaveLength(1);
}

/** A text property: ill-formed UTF-8, U+0000 and one that is cut are malformed, what is well-formed is taken. */
function expectText(id: string): void {
  for (const value of [...illFormed, Buffer.of(0x61, 0)]) expectNotTaken(`${id} ${text(value)}`, 0x81);
  for (const cut of ['', '00', '0001', '0002 61']) expectNotTaken(`${id} ${cut}`, 0x81);
  for (const value of ['', 'a', 'é€😀', '\u{feff}']) expectTaken(`${id} ${text(value)}`);
}

test.each([{ payloadFormatIndicator: false }, { payloadFormatIndicator: true }, {}])('v5 [MQTT-3.3.2-4] the Payload Format Indicator arrives as it was sent: %j', async (properties) => {
  expect(arrivals(properties)).toEqual(unaltered(properties));
  expect(await arrivalsAfterRestart(properties)).toEqual(unalteredAfterRestart(properties));
});

describe('the Payload Format Indicator', () => {
  const notText = { payload: Uint8Array.of(0xff), properties: { payloadFormatIndicator: true } } as const;

  test('v5 [X5-3.3.2.3.2-1] is 0 or 1: 2 is disconnected with 0x82', () => {
    for (const value of ['02', 'ff']) expectNotTaken(`01 ${value}`, 0x82);
    for (const value of ['00', '01']) expectTaken(`01 ${value}`);
  });

  test('v5 [X5-3.3.2.3.2-1] the payload is the receiver’s to check: the broker itself passes it on as it is', () => {
    const rig = openRig();
    const sub = subscriber(rig, 'sub', 't', 2);
    for (const qos of qoses) expectOpen(client(rig, 'pub').publish({ topic: 't', qos, ...notText }));
    expect(publishes(sub).map(({ payload }) => payload)).toEqual(['0xff', '0xff', '0xff']);
  });

  test('v5 [X5-3.3.2.3.2-1] a host that refuses with 0x99 has it in PUBACK and PUBREC, and the message goes nowhere', () => {
    const rig = openRig({
      authorize: (_client, action) =>
        action.type === 'publish' && action.properties.payloadFormatIndicator === 1 ? { action: 'deny', reasonCode: 0x99 } : true,
    });
    const sub = subscriber(rig, 'sub', 't', 2);
    const publisher = client(rig, 'pub');
    for (const qos of qoses) publisher.publish({ topic: 't', qos, packetId: qos, ...notText });
    expect(short(publisher.received())).toEqual(['puback 1 0x99', 'pubrec 2 0x99']);
    expect(sub.received()).toEqual([]);
    expectOpen(publisher.publish({ topic: 't', payload: 'x', qos: 1, packetId: 3 }));
    expect(publishes(sub)).toHaveLength(1);
  });
});

describe('the Response Topic', () => {
  test('v5 [MQTT-3.3.2-13] is UTF-8: what is ill-formed is disconnected with 0x81', () => {
    expectText('08');
  });

  test.each(['#', '+', 'a/#', '+/a', 'a+', 'a#b'])('v5 [MQTT-3.3.2-14] has no wildcards: "%s" is disconnected with 0x82', async (topic) => {
    expectNotTaken(`08 ${text(topic)}`, 0x82);
    expectRefused(connecting(openRig(), { flags: '06', payload: `${text('c')} ${propertiesBytes(`08 ${text(topic)}`)} ${text('w')} ${text('x')}` }), 0x82);
    const { broker } = openRig();
    const publishing = async (): Promise<unknown> => broker.publish('t', 'x', { responseTopic: topic });
    await expect(publishing()).rejects.toMatchObject({ code: 'ODN_ERR_ARGUMENT' });
  });

  test('v5 [MQTT-3.3.2-14] without one is taken, from a client and from the host', async () => {
    const topics = ['a/b', '$share/x', '"', '*', ',']; // the neighbours of # and + too
    for (const topic of topics) expectTaken(`08 ${text(topic)}`);
    const rig = openRig();
    const sub = subscriber(rig, 'sub', 't');
    for (const responseTopic of topics) await rig.broker.publish('t', 'x', { responseTopic });
    rig.clock.flush();
    expect(publishes(sub).map(({ properties }) => properties?.responseTopic)).toEqual(topics);
  });

  test.each(['reply/to/me', '$share/x', 'é'.repeat(300)])('v5 [MQTT-3.3.2-15] arrives as it was sent: %s', async (responseTopic) => {
    expect(arrivals({ responseTopic })).toEqual(unaltered({ responseTopic }));
    expect(await arrivalsAfterRestart({ responseTopic })).toEqual(unalteredAfterRestart({ responseTopic }));
  });
});

test.each([
  ['text', 'id', 'id'],
  ['nothing', '', ''],
  ['binary', Uint8Array.of(0, 1, 0xff, 0, 0x80, 0xc0, 0), '0x0001ff0080c000'],
  ['a zero byte', Uint8Array.of(0), '\0'],
  ['65,535 bytes', Buffer.alloc(65_535, 0xfe), `0x${'fe'.repeat(65_535)}`],
])('v5 [MQTT-3.3.2-16] Correlation Data arrives as it was sent: %s', async (_what, correlationData, shown) => {
  expect(arrivals({ correlationData })).toEqual(unaltered({ correlationData: shown }));
  expect(await arrivalsAfterRestart({ correlationData })).toEqual(unalteredAfterRestart({ correlationData: shown }));
});

describe('User Properties', () => {
  const all: WireProperties['userProperties'] = [['a', '1'], ['a', '1'], ['', ''], ['empty', ''], ['', 'x'], ['ключ', '値 🦋'], ['long', 'x'.repeat(500)]];
  const ordered: WireProperties['userProperties'] = [['b', '2'], ['a', '1'], ['b', '1'], ['c', '0'], ['a', '2'], ['b', '3'], ['a', '0']];

  test('v5 [MQTT-3.3.2-17] all arrive: given twice, empty, beyond ASCII, and as many as are allowed', async () => {
    const many = Array.from({ length: 64 }, (_, index) => [String(index % 5), String(index)] as const);
    for (const userProperties of [all, many]) {
      expect(arrivals({ userProperties })).toEqual(unaltered({ userProperties }));
      expect(await arrivalsAfterRestart({ userProperties })).toEqual(unalteredAfterRestart({ userProperties }));
    }
  });

  test('v5 [MQTT-3.3.2-18] keep their order, also where names repeat and other properties stand between them', async () => {
    expect(arrivals({ userProperties: ordered })).toEqual(unaltered({ userProperties: ordered }));
    expect(await arrivalsAfterRestart({ userProperties: ordered })).toEqual(unalteredAfterRestart({ userProperties: ordered }));
    const rig = openRig();
    const sub = subscriber(rig, 'sub', 't');
    const pair = (name: string, value: string): string => `26 ${text(name)} ${text(value)}`;
    withProperties(rig, `${pair('b', '1')} 23 0001 ${pair('a', '2')} 03 ${text('c')} ${pair('b', '0')} 02 00000009 ${pair('a', '1')}`);
    expect(publishes(sub)).toMatchObject([{ properties: { userProperties: [['b', '1'], ['a', '2'], ['b', '0'], ['a', '1']] } }]);
  });
});

describe('the Content Type', () => {
  test('v5 [MQTT-3.3.2-19] is UTF-8: what is ill-formed is disconnected with 0x81', () => {
    expectText('03');
  });

  test.each(['application/json', '', 'no/such; type=#+', 'ü'.repeat(1000)])('v5 [MQTT-3.3.2-20] arrives as it was sent: "%s"', async (contentType) => {
    expect(arrivals({ contentType })).toEqual(unaltered({ contentType }));
    expect(await arrivalsAfterRestart({ contentType })).toEqual(unalteredAfterRestart({ contentType }));
  });
});

describe('the Subscription Identifier', () => {
  const subscribe = (rig: Rig, identifier: string): WireClient =>
    client(rig, 'sub').sendsBytes(packet(0x82, `0001 ${propertiesBytes(`0b ${identifier}`)} ${text('t')} 00`));

  test.each([['00', 0x82], ['80 00', 0x81], ['80 80 80 80 01', 0x81], ['ff ff ff', 0x81]])('v5 [X5-3.3.2.3.8-1] is not 0, nor more than four bytes: %s is disconnected, and nothing is subscribed', (identifier, reasonCode) => {
    const rig = openRig();
    expectDisconnected(subscribe(rig, identifier), reasonCode);
    expect(rig.stats.subscriptions).toBe(0);
  });

  test.each([['01', 1], ['7f', 127], ['80 01', 128], ['ff 7f', 16_383], ['80 80 01', 16_384], ['ff ff 7f', 2_097_151], ['80 80 80 01', 2_097_152], ['ff ff ff 7f', 268_435_455]])('v5 [X5-3.3.2.3.8-1] is any number from 1 to 268,435,455: %s', (identifier, value) => {
    const rig = openRig();
    const sub = subscribe(rig, identifier);
    expect(sub.received()).toMatchObject([{ type: 'suback', reasonCodes: [0] }]);
    client(rig, 'pub').publish({ topic: 't', payload: 'x' });
    expect(publishes(sub).map(identifiersOf)).toEqual([[value]]);
  });
});
