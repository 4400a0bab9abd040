/** Subscribers that do not read: `outboundBytesMax`, `slowConsumer`, and that they disturb nobody else. */
import { expect, test } from '@jest/globals';
import { both, byQos, numbered, openRig, payloads, publishes, short } from './rig.js';

/** A payload that tells its number and would show any byte of another. */
const body = (number: string): string => `${number}:`.repeat(100).slice(0, 200);
const numberOf = (payload = ''): string => payload.slice(0, payload.indexOf(':'));

test.each(both)('QoS 0 beyond outboundBytesMax is dropped and counted; what was sent before arrives whole ($name)', ({ protocolVersion }) => {
  const rig = openRig({ outboundBytesMax: 5000 });
  const frozen = rig.subscriber('frozen', 'a', 0, { protocolVersion }).pause();
  const publisher = rig.client('pub');
  for (const number of numbered(100)) publisher.publish({ topic: 'a', payload: body(number) });
  expect(rig.dropped.every((drop) => drop === 'slowConsumer a frozen')).toBe(true);
  const { slowConsumer } = rig.stats.dropped;
  expect(slowConsumer).toBeGreaterThan(60);
  frozen.resume();
  const seen = payloads(frozen);
  expect(seen).toEqual(numbered(100 - slowConsumer).map(body));
  publisher.publish({ topic: 'a', payload: 'again' });
  expect(payloads(frozen)).toEqual(['again']);
  expect(frozen.closed).toBe(false);
});

test.each(both)('QoS 1 and 2 are held and come in order when the client reads again ($name)', ({ protocolVersion }) => {
  const rig = openRig({ outboundBytesMax: 5000 });
  const frozen = rig.subscriber('frozen', 'a', 2, { protocolVersion }).pause();
  const publisher = rig.client('pub');
  for (const number of numbered(100)) publisher.publish({ topic: 'a', payload: body(number), qos: Number(number) % 2 === 0 ? 2 : 1, packetId: Number(number) });
  expect(rig.stats.queuedMessages).toBeGreaterThan(60);
  expect(rig.stats.dropped.slowConsumer).toBe(0);
  frozen.resume();
  const sent = publishes(frozen);
  expect(sent).toHaveLength(100);
  expect(byQos(sent)).toEqual({
    1: numbered(100).filter((number) => Number(number) % 2 === 1).map(body),
    2: numbered(100).filter((number) => Number(number) % 2 === 0).map(body),
  });
  expect(sent.map(({ payload }) => numberOf(payload)).filter((number) => number === '').length).toBe(0);
});

test('what is held is bounded by the queue: then the newest is dropped and counted', () => {
  const rig = openRig({ outboundBytesMax: 1000, queueMessagesMax: 10 });
  const frozen = rig.subscriber('frozen', 'a', 1).pause();
  const publisher = rig.client('pub');
  for (const number of numbered(50)) publisher.publish({ topic: 'a', payload: body(number), qos: 1 });
  const { queueFull } = rig.stats.dropped;
  expect(rig.stats.queuedMessages).toBe(10);
  frozen.resume();
  expect(payloads(frozen)).toEqual(numbered(50 - queueFull).map(body));
});

test.each(both)('with slowConsumer disconnect the client is closed: 5.0 is told 0x97, its will is sent ($name)', ({ protocolVersion }) => {
  const rig = openRig({ outboundBytesMax: 2000, slowConsumer: 'disconnect' });
  const witness = rig.subscriber('witness', 'will');
  const frozen = rig.subscriber('frozen', 'a', 0, { protocolVersion, will: { topic: 'will', payload: 'gone' } }).pause();
  const publisher = rig.client('pub');
  for (const number of numbered(50)) publisher.publish({ topic: 'a', payload: body(number) });
  expect(rig.stats).toMatchObject({ clients: 2, dropped: { slowConsumer: 1 } });
  expect(payloads(witness)).toEqual(['gone']);
  frozen.resume();
  const last = frozen.last();
  if (protocolVersion === 5) expect(last).toMatchObject({ type: 'disconnect', reasonCode: 0x97 });
  else expect(last?.type).toBe('publish');
  expect(frozen.closed).toBe(true);
});

test('a client that is closed for it and never reads is destroyed after the grace', () => {
  const rig = openRig({ outboundBytesMax: 2000, slowConsumer: 'disconnect', closeGraceSeconds: 5 });
  rig.subscriber('frozen', 'a').pause();
  const publisher = rig.client('pub');
  for (const number of numbered(50)) publisher.publish({ topic: 'a', payload: body(number) });
  expect(rig.stats.connections).toBe(2);
  rig.clock.advance(5000);
  expect(rig.stats.connections).toBe(1);
});

test('with slowConsumer disconnect a client that reads, however much it gets, is left alone', () => {
  const rig = openRig({ outboundBytesMax: 2000, slowConsumer: 'disconnect' });
  const client = rig.subscriber('c', 'a');
  const publisher = rig.client('pub');
  for (const number of numbered(200)) publisher.publish({ topic: 'a', payload: body(number) });
  expect(payloads(client)).toHaveLength(200);
  // Much in one turn is no slowness: it is left over from earlier turns that counts.
  for (const number of numbered(100)) void rig.broker.publish('a', body(number));
  rig.clock.flush();
  expect(payloads(client)).toHaveLength(100);
});

test('authenticate may narrow outboundBytesMax for one client', () => {
  const rig = openRig({ authenticate: ({ clientId }) => ({ action: 'allow', limits: clientId === 'small' ? { outboundBytesMax: 100 } : {} }) });
  const [small, large] = ['small', 'large'].map((id) => rig.subscriber(id, 'a').pause());
  const publisher = rig.client('pub');
  for (const number of numbered(20)) publisher.publish({ topic: 'a', payload: body(number) });
  expect(rig.stats.dropped.slowConsumer).toBe(19);
  small?.resume();
  large?.resume();
  expect([small, large].map((client) => client && payloads(client).length)).toEqual([1, 20]);
});

test.each([0, 1, 2] as const)('a frozen subscriber delays nobody else and alters nobody’s bytes, at QoS %i', (qos) => {
  const rig = openRig({ outboundBytesMax: 20_000 });
  const frozen = rig.subscriber('frozen', 'a', qos, { properties: { topicAliasMaximum: 3 } }).pause();
  const old = rig.subscriber('old', 'a', qos, { protocolVersion: 4 }).pause();
  const quick = rig.subscriber('quick', 'a', qos);
  const publisher = rig.client('pub');
  for (const number of numbered(150)) {
    publisher.publish({ topic: 'a', payload: body(number), qos, packetId: Number(number) });
    expect(payloads(quick)).toEqual([body(number)]);
    if (qos === 2) publisher.pubrel(Number(number));
  }
  for (const client of [frozen, old]) {
    client.resume();
    const seen = payloads(client);
    expect(seen.length).toBeGreaterThan(50);
    expect(seen).toEqual(numbered(seen.length).map(body));
  }
});

test('a frozen subscriber holds up no publisher, and no subscription of others', () => {
  const rig = openRig({ outboundBytesMax: 1000 });
  rig.subscriber('frozen', '#', 1).pause();
  const publisher = rig.client('pub');
  for (let packetId = 1; packetId <= 200; packetId += 1) publisher.publish({ topic: 'a', payload: body('1'), qos: 1, packetId });
  expect(short(publisher.received())).toEqual(numbered(200).map((id) => `puback ${id}`));
  const late = rig.client('late').subscribe('a');
  expect(short(late.received())).toEqual(['suback 1 0x00']);
});

test('a frozen client that reconnects loses nothing of QoS 1: what it had not acknowledged is sent again', () => {
  const rig = openRig({ outboundBytesMax: 3000 });
  rig.resumable('c').subscribe('a', { qos: 1 }).skip().pause();
  const publisher = rig.client('pub');
  for (const number of numbered(60)) publisher.publish({ topic: 'a', payload: body(number), qos: 1 });
  const again = rig.resumable('c');
  const sent = publishes(again);
  expect(sent.map(({ payload }) => payload)).toEqual(numbered(60).map(body));
  expect(sent.filter(({ dup }) => dup === true).length).toBeGreaterThan(5);
});

test('a frozen client that goes away leaves nothing behind', () => {
  const rig = openRig({ outboundBytesMax: 1000 });
  const frozen = rig.subscriber('frozen', 'a', 1).pause();
  const publisher = rig.client('pub');
  for (const number of numbered(30)) publisher.publish({ topic: 'a', payload: body(number), qos: 1 });
  frozen.drop();
  expect(rig.stats).toMatchObject({ queuedMessages: 0, queuedBytes: 0, memoryBytes: 0, inflightMessages: 0, connections: 1 });
});

test('large payloads to frozen and quick subscribers stay whole', () => {
  const rig = openRig();
  const frozen = rig.subscriber('frozen', 'a', 1).pause();
  const quick = rig.subscriber('quick', 'a', 0, { protocolVersion: 4 });
  const publisher = rig.client('pub');
  const sizes = [100, 20_000, 100, 70_000, 5, 16_385];
  for (const [index, size] of sizes.entries()) publisher.publish({ topic: 'a', payload: String(index).repeat(size), qos: 1 });
  const expected = sizes.map((size, index) => String(index).repeat(size));
  expect(payloads(quick)).toEqual(expected);
  expect(payloads(frozen.resume())).toEqual(expected);
});
