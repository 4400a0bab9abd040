/** A whole broker on a disk with damage: it does not start on less than was stored, and harm stays where the damage is. */
import { describe, expect, test } from '@jest/globals';
import type { StoreDamage, StoreKeys } from 'odonata/testing';
import { failureOf } from '../support/broker.js';
import { BrokerHouse, drained, lasting } from './broker-house.js';

/** Two absent clients with two messages each, and two retained messages; closed. */
async function filled(): Promise<BrokerHouse> {
  const house = await BrokerHouse.open();
  for (const clientId of ['a', 'b']) {
    const client = (await house.kept(clientId)).subscribe(clientId, { qos: 1 });
    await house.rest();
    client.disconnect();
  }
  const publisher = house.plain('p');
  for (const topic of ['a', 'b']) {
    publisher.publish({ topic, payload: `${topic} 1`, qos: 1 });
    publisher.publish({ topic, payload: `${topic} 2`, qos: 1, retain: true });
  }
  await house.rest();
  await house.close();
  return house;
}

const owner = (part: string) => (key: Uint8Array): boolean => Buffer.from(key).toString('latin1').startsWith(`s\0\0\0\0\0\x01${part}`);

test.each<readonly [string, StoreKeys, StoreDamage, string, RegExp]>([
  ['a damaged session record', owner('B'), 'flip', 'CORRUPT', /the session record of s:a .* is damaged/],
  ['a damaged subscription', owner('D'), 'truncate', 'CORRUPT', /a subscription of s:a .* is damaged/],
  ['a missing checkpoint', 'm', 'remove', 'CORRUPT', /the checkpoint is missing/],
  ['a damaged checkpoint', 'm', 'flip', 'CORRUPT', /the checkpoint is damaged/],
  ['a newer format', 'm', (value) => Uint8Array.of(9, ...value.subarray(1)), 'FORMAT', /the checkpoint has record version 9, this release reads 1/],
])('%s keeps it from starting: named, told as an error, connections turned away, nothing written', async (_, keys, damage, code, message) => {
  const { store, disk } = await filled();
  await store.damage(keys, damage);
  const before = new Map(disk.data);
  const house = new BrokerHouse({}, {}, disk);
  const early = house.client().connect({ clientId: 'early' });
  const failure = failureOf(house.broker.ready());
  await house.rest();
  expect(await failure).toMatchObject({ code: `ODN_ERR_STORAGE_${code}`, message: expect.stringMatching(message) });
  expect(await house.told()).toEqual([`error STORAGE_${code}`]);
  expect(early.closed).toBe(true);
  expect(house.client().connect({ clientId: 'late' }).closed).toBe(true);
  expect(await failureOf(house.broker.publish('t', 'x', { qos: 1 }))).toMatchObject({ code: `ODN_ERR_STORAGE_${code}` });
  const closed = house.broker.close();
  await house.rest();
  await closed;
  expect(new Map(disk.data)).toEqual(before);
});

describe('a damaged message', () => {
  test.each<readonly [string, StoreDamage]>([
    ['flipped', 'flip'],
    ['cut', 'truncate'],
    ['gone', 'remove'],
  ])('of one queue (%s) closes its client with an error each time, and harms nobody else', async (_, damage) => {
    const before = await filled();
    await before.store.damage('q', damage, 0);
    const house = await before.next();
    for (let round = 0; round < 2; round += 1) {
      const client = house.client().connect({ clientId: 'a', ...lasting });
      await house.rest();
      expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }, { type: 'disconnect', reasonCode: 0x83 }]);
      expect(await house.told()).toEqual(['error STORAGE_CORRUPT']);
    }
    expect(await drained(house, 'b')).toEqual(['b 1', 'b 2']);
    // The way out: a session that begins anew.
    const anew = house.client().connect({ clientId: 'a', clean: true });
    await house.rest();
    expect(anew.received()).toMatchObject([{ type: 'connack', reasonCode: 0, sessionPresent: false }]);
    anew.disconnect();
    await house.close();
    expect(await before.store.dump('q')).toEqual([]);
  });

  test.each<readonly [string, StoreDamage]>([
    ['flipped', 'flip'],
    ['gone', 'remove'],
  ])('that is retained (%s) is told when it is asked for, and the others are there', async (_, damage) => {
    const before = await filled();
    await before.store.damage('R', damage, 0);
    const house = await before.next();
    const asked = failureOf(house.broker.retained.get('a'));
    await house.rest();
    expect(await asked).toMatchObject({ code: 'ODN_ERR_STORAGE_CORRUPT', message: expect.stringContaining('the retained message of a') });
    const client = house.plain('s').subscribe('b', { qos: 1 });
    await house.rest();
    expect(client.received()).toMatchObject([{ type: 'suback' }, { type: 'publish', payload: 'b 2' }]);
    client.subscribe('a');
    await house.rest();
    expect(client.received()).toMatchObject([{ type: 'suback' }]);
    expect(await house.told()).toEqual(['error STORAGE_CORRUPT']);
    await house.close();
  });
});

test('a lost tail: the broker confirms nothing any more, says why, and does not write behind the hole', async () => {
  const house = await BrokerHouse.open();
  await house.absent();
  const publisher = house.plain('p').publish({ topic: 't', payload: 'acknowledged', qos: 1 });
  await house.rest();
  expect(publisher.received()).toMatchObject([{ type: 'puback' }]);
  house.store.dropTail(1);
  house.store.fail('write');
  publisher.publish({ topic: 't', payload: 'not', qos: 1 });
  await house.rest();
  await house.pass(1);
  expect(await house.told()).toEqual(['failed STORAGE_WRITE', 'error STORAGE_WRITE', 'failed STORAGE_CORRUPT', 'error STORAGE_CORRUPT']);
  expect(publisher.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x83 }]);
  const keys = [...house.disk.data.keys()];
  const another = house.plain('p').publish({ topic: 't', qos: 1 });
  await house.pass(60);
  expect(another.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x83 }]);
  const closed = house.broker.close();
  await house.rest();
  await closed;
  expect((await house.told()).at(-1)).toBe('error STORAGE_CORRUPT');
  expect([...house.disk.data.keys()]).toEqual(keys);
});

test('a disk that is full when the broker starts: it serves once there is room, and says so meanwhile', async () => {
  const before = await filled();
  const killed = before.disk.copy();
  const first = await BrokerHouse.open({}, {}, killed);
  first.broker.publish('c', 'x', { qos: 1, retain: true }).catch(() => undefined);
  await first.rest();
  const house = new BrokerHouse({}, {}, killed.copy());
  house.store.fill();
  await house.pass(10);
  expect(await house.told()).toEqual(['failed STORAGE_WRITE', 'error STORAGE_WRITE']);
  const waiting = house.client().connect({ clientId: 'waiting' });
  house.store.heal();
  await house.pass(10);
  expect(waiting.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  expect(await house.told()).toEqual(['ok']);
  await house.close();
  await first.close();
});
