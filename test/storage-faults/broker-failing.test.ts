/** A whole broker whose disk is full or fails: nothing is acknowledged that is not stored, and nothing is lost that is. */
import { describe, expect, test } from '@jest/globals';
import { failureOf } from '../support/broker.js';
import { BrokerHouse, drained, lasting } from './broker-house.js';

describe.each<readonly [string, (house: BrokerHouse) => void]>([
  ['a disk that is full', ({ store }) => store.fill()],
  ['a write that fails', ({ store }) => store.fail('write')],
  ['a write that is done and told as failed', ({ store }) => store.failOnceWritten()],
  ['writes that fail again and again', ({ store }) => store.fail('write', 20)],
  ['a store that does not open again for a while', ({ store }) => (store.fail('write'), store.fail('open', 5))],
])('%s', (_, begin) => {
  test.each([
    [5, 1],
    [5, 2],
    [4, 1],
    [4, 2],
  ] as const)('v%i: a PUBLISH of QoS %i is not acknowledged, and the connection is closed', async (protocolVersion, qos) => {
    const house = await BrokerHouse.open();
    await house.absent('a', 2);
    const publisher = house.plain('p', { protocolVersion });
    begin(house);
    publisher.publish({ topic: 't', payload: 'm', qos });
    await house.rest();
    expect(publisher.received()).toMatchObject(protocolVersion === 5 ? [{ type: 'disconnect', reasonCode: 0x83 }] : []);
    expect(publisher.closed).toBe(true);
    expect((await house.told()).slice(0, 2)).toEqual(['failed STORAGE_WRITE', 'error STORAGE_WRITE']);
    house.store.heal();
    await house.pass(6);
    expect((await house.told()).at(-1)).toBe('ok');
    // Memory and disk are of one mind: what was not acknowledged may be there, and is on both sides.
    expect(await house.payloadsOnDisk()).toEqual(['m']);
    expect(await drained(house)).toEqual(['m']);
    expect(await house.payloadsOnDisk()).toEqual([]);
    await house.close();
  });

  test('when it works again everything goes on, and a restart finds all that was acknowledged, once and in order', async () => {
    const house = await BrokerHouse.open();
    await house.absent();
    const acknowledged: string[] = [];
    for (let round = 0; round < 30; round += 1) {
      if (round === 10) begin(house);
      if (round === 20) house.store.heal();
      const publisher = house.plain('p').publish({ topic: 't', payload: `${round}`, qos: 1 });
      await house.pass(1);
      if (publisher.received().some(({ type }) => type === 'puback')) acknowledged.push(`${round}`);
      publisher.drop();
      await house.rest();
    }
    await house.pass(6);
    expect(acknowledged.length).toBeGreaterThanOrEqual(15);
    const kept = await house.payloadsOnDisk();
    expect(kept.filter((payload) => acknowledged.includes(payload))).toEqual(acknowledged);
    expect(kept).toEqual(kept.toSorted((a, b) => Number(a) - Number(b)));
    expect(new Set(kept).size).toBe(kept.length);
    await house.close();
    const next = await house.next();
    expect(await drained(next)).toEqual(kept);
    await next.close();
  });
});

describe('while the disk is full', () => {
  test('QoS 0, pings, and what need not be stored go on', async () => {
    const house = await BrokerHouse.open();
    const subscriber = house.plain('s').subscribe('t', { qos: 1 }).skip();
    house.store.fill();
    const kept = house.client().connect({ clientId: 'k', ...lasting });
    await house.pass(100);
    expect(kept.received()).toMatchObject([{ type: 'connack', reasonCode: 0x88 }]);
    const publisher = house.plain('p').publish({ topic: 't', payload: 'zero' }).publish({ topic: 't', payload: 'one', qos: 1 }).pingreq();
    await house.rest();
    expect(publisher.received().map(({ type }) => type)).toEqual(['puback', 'pingresp']); // nobody's session keeps it
    expect(subscriber.received().map(({ payload }) => payload)).toEqual(['zero', 'one']);
    await house.close();
  });

  test.each(['subscribe', 'unsubscribe'] as const)('%s of a session that is kept is not acknowledged', async (request) => {
    const house = await BrokerHouse.open();
    const client = await house.kept('a');
    client.subscribe('t');
    await house.rest();
    client.skip();
    house.store.fill();
    client[request](request === 'subscribe' ? 'u' : 't');
    await house.rest();
    expect(client.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x83 }]);
    await house.close();
  });

  test('await broker.publish() rejects with the code, and resolves again when there is room', async () => {
    const house = await BrokerHouse.open();
    house.store.fill();
    const failure = failureOf(house.broker.publish('t', 'x', { qos: 1, retain: true }));
    await house.rest();
    expect(await failure).toMatchObject({ code: 'ODN_ERR_STORAGE_WRITE' });
    house.store.heal();
    await house.pass(6);
    const published = house.broker.publish('t', 'y', { qos: 1, retain: true });
    await house.rest();
    await published;
    expect(await house.onDisk()).toMatchObject({ messages: [{ content: 'y' }, undefined, undefined] });
    await house.close();
  });

  test('a will that is due is published once, and is not there twice when there is room', async () => {
    const house = await BrokerHouse.open();
    await house.absent();
    const owner = house.client().connect({ clientId: 'w', ...lasting, will: { topic: 't', payload: 'will', qos: 1 } });
    await house.rest();
    house.store.fill();
    owner.drop();
    await house.pass(50);
    house.store.heal();
    await house.pass(6);
    expect(await drained(house)).toEqual(['will']);
    await house.close();
    const next = await house.next();
    expect(await drained(next)).toEqual([]);
    await next.close();
  });

  test('a session that expires is gone for good', async () => {
    const house = await BrokerHouse.open();
    const client = house.client().connect({ clientId: 'a', clean: false, properties: { sessionExpiryInterval: 10 } });
    await house.rest();
    client.subscribe('t', { qos: 1 });
    await house.rest();
    house.store.fill();
    client.drop();
    await house.pass(20);
    house.store.heal();
    await house.pass(6);
    await house.close();
    expect((await house.onDisk()).sessions).toEqual([]);
  });
});

test('publishers that go on are bounded: memory is not exceeded, and who is not read from is closed', async () => {
  const memoryBytesMax = 2_000_000;
  const house = await BrokerHouse.open({ memoryBytesMax, pauseSecondsMax: 10 });
  await house.absent();
  house.store.fill();
  const payload = 'x'.repeat(10_000);
  let closed = 0;
  for (let round = 0; round < 60; round += 1) {
    const publisher = house.client().connect({ clientId: `p${round % 4}` });
    for (let at = 1; at <= 20; at += 1) publisher.publish({ topic: 't', payload, qos: 1 });
    await house.pass(3);
    expect(publisher.received().filter(({ type }) => type === 'puback')).toEqual([]);
    expect(house.broker.stats().memoryBytes).toBeLessThan(memoryBytesMax * 1.5);
    if (publisher.closed) closed += 1;
  }
  await house.pass(50);
  expect(closed).toBeGreaterThan(0);
  expect(house.broker.stats().connections).toBe(0);
  house.store.heal();
  await house.pass(6);
  const again = house.plain('again').publish({ topic: 't', qos: 1 });
  await house.rest();
  expect(again.received()).toMatchObject([{ type: 'puback', reasonCode: 0 }]);
  await house.close();
});
