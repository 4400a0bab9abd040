/** A whole broker whose disk hangs or is slow: publishers are held and then closed, and it all goes on when the disk does. */
import { describe, expect, test } from '@jest/globals';
import type { StoreOperation, WireClient } from 'odonata/testing';
import { failureOf } from '../support/broker.js';
import { BrokerHouse, drained, lasting, stallSeconds } from './broker-house.js';

/** A broker with an absent subscriber to `t`, whose disk begins to hang. */
async function hanging(operation: StoreOperation = 'write'): Promise<BrokerHouse> {
  const house = await BrokerHouse.open();
  await house.absent();
  house.store.hang(operation);
  return house;
}

const publish = (house: BrokerHouse, payload: string): WireClient => house.plain('p').publish({ topic: 't', payload, qos: 1 });

describe('a disk that hangs', () => {
  test('holds what must be stored and nothing else, until storageStallSeconds', async () => {
    const house = await hanging();
    const publisher = publish(house, 'm').publish({ topic: 't' }).pingreq();
    await house.pass(stallSeconds - 1);
    expect(publisher.received()).toMatchObject([{ type: 'pingresp' }]);
    expect(await house.told()).toEqual([]);
    house.store.release('write');
    await house.rest();
    expect(publisher.received()).toMatchObject([{ type: 'puback', reasonCode: 0 }]);
    expect(await drained(house)).toContain('m');
    await house.close();
  });

  test.each([
    [5, [{ type: 'disconnect', reasonCode: 0x83 }]],
    [4, []],
  ] as const)('v%i: closes who waits after that, and tells the host', async (protocolVersion, received) => {
    const house = await hanging();
    const publisher = house.plain('p', { protocolVersion }).publish({ topic: 't', qos: 1 });
    const idle = house.plain('idle');
    await house.pass(stallSeconds);
    expect(publisher.received()).toMatchObject(received);
    expect([publisher.closed, idle.closed]).toEqual([true, false]);
    expect(await house.told()).toEqual(['stalled STORAGE_WRITE', 'error STORAGE_WRITE']);
    await house.close();
  });

  test('refuses sessions that are kept with 0x88 at once from then on; others are served, and QoS 0 goes on', async () => {
    const house = await hanging();
    publish(house, 'm');
    await house.pass(stallSeconds);
    for (const connect of [{ clientId: 'new', ...lasting }, { clientId: 'a', ...lasting }, { clientId: 'w', will: { topic: 't' } }]) {
      expect(house.client().connect(connect).received()).toMatchObject([{ type: 'connack', reasonCode: 0x88 }]);
      expect(house.client({ protocolVersion: 4 }).connect(connect).received()).toMatchObject([{ type: 'connack', reasonCode: 3 }]);
    }
    const subscriber = house.plain('s').subscribe('t').skip();
    house.plain('p').publish({ topic: 't', payload: 'now' });
    expect(subscriber.received()).toMatchObject([{ type: 'publish', payload: 'now' }]);
    await house.close();
  });

  test('is told as working when it does, and what was not acknowledged is kept once on both sides', async () => {
    const house = await hanging();
    publish(house, 'given up');
    await house.pass(stallSeconds);
    publish(house, 'held');
    await house.rest();
    house.store.release('write');
    await house.rest();
    expect(await house.told()).toEqual(['stalled STORAGE_WRITE', 'error STORAGE_WRITE', 'ok']);
    expect(await house.payloadsOnDisk()).toEqual(['given up', 'held']);
    expect(await drained(house)).toEqual(['given up', 'held']);
    const kept = await house.kept('new');
    kept.disconnect();
    await house.close();
  });

  test('and then fails is told as both, and recovers', async () => {
    const house = await hanging();
    publish(house, 'm');
    await house.pass(stallSeconds);
    house.store.fail('write');
    house.store.release('write');
    await house.rest();
    await house.pass(6);
    expect(await house.told()).toEqual(['stalled STORAGE_WRITE', 'error STORAGE_WRITE', 'failed STORAGE_WRITE', 'error STORAGE_WRITE', 'ok']);
    expect(await drained(house)).toEqual(['m']);
    await house.close();
  });

  test('while a session is read: CONNECT is refused with 0x88 after storageStallSeconds, and the session stays as it was', async () => {
    const first = await BrokerHouse.open();
    (await first.kept('a')).subscribe('t', { qos: 1 });
    await first.rest();
    publish(first, 'm'); // in flight, and not acknowledged
    await first.rest();
    await first.close();
    const house = await first.next();
    house.store.hang('read');
    const client = house.client().connect({ clientId: 'a', ...lasting });
    await house.pass(stallSeconds - 1);
    expect(client.received()).toEqual([]);
    await house.pass(1);
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0x88 }]);
    house.store.release('read');
    expect(await drained(house)).toEqual(['m']);
    await house.close();
  });
});

test('a disk that takes 20 seconds for each write loses no time to anybody and nothing at all', async () => {
  const house = await BrokerHouse.open();
  await house.absent();
  const { clock } = house;
  house.store.slow('write', () => new Promise((resolve) => clock.wakeAt(clock.now() + 20_000, resolve)));
  const publishers: WireClient[] = [];
  for (let at = 0; at < 6; at += 1) {
    publishers.push(house.plain(`p${at}`).publish({ topic: 't', payload: `${at}`, qos: 1 }));
    await house.pass(10);
  }
  await house.pass(60);
  for (const publisher of publishers) expect(publisher.received()).toMatchObject([{ type: 'puback', reasonCode: 0 }]);
  expect(await house.told()).toEqual([]);
  house.store.heal();
  expect(await house.payloadsOnDisk()).toEqual(['0', '1', '2', '3', '4', '5']);
  await house.close();
});

describe('broker.close()', () => {
  test('while the disk is full: reports it, and is closed', async () => {
    const house = await BrokerHouse.open();
    await house.absent();
    house.store.fill();
    publish(house, 'm');
    const published = failureOf(house.broker.publish('t', 'x', { qos: 1 }));
    await house.rest();
    await house.told();
    const closed = house.broker.close();
    await house.rest();
    await closed;
    expect(await published).toMatchObject({ code: 'ODN_ERR_STORAGE_WRITE' });
    expect(await house.told()).toEqual(['error STORAGE_WRITE']);
    expect(house.clock.pending).toBe(0);
  });

  test.each(['write', 'close'] as const)('while %s hangs: waits for it', async (operation) => {
    const house = await hanging(operation);
    publish(house, 'm');
    await house.rest();
    let isClosed = false;
    const closed = house.broker.close().then(() => (isClosed = true));
    await house.pass(stallSeconds - 1);
    expect(isClosed).toBe(false);
    house.store.release(operation);
    await house.rest();
    await closed;
    expect(await house.told()).toEqual([]);
    expect(await house.payloadsOnDisk()).toEqual(['m']);
    expect(house.clock.pending).toBe(0);
  });

  test.each(['write', 'close'] as const)('while %s hangs for ever: waits no longer than storageStallSeconds, and says so', async (operation) => {
    const house = await hanging(operation);
    publish(house, 'm');
    await house.rest();
    const published = house.broker.publish('t', 'x', { qos: 1 }).then(
      () => 'stored',
      ({ code }: { readonly code: string }) => code,
    );
    const closed = house.broker.close();
    await house.rest();
    await house.pass(stallSeconds);
    await closed;
    expect(await published).toBe(operation === 'write' ? 'ODN_ERR_STORAGE_WRITE' : 'stored');
    expect(await house.told()).toEqual(['error STORAGE_WRITE']);
    expect(house.clock.pending).toBe(0);
    house.store.heal();
    await house.rest();
  });

  test('before the store has opened: opens and closes it', async () => {
    const house = new BrokerHouse({}, {}, undefined, undefined, (store) => store.hang('open'));
    const ready = failureOf(house.broker.ready());
    await house.rest();
    const closed = house.broker.close();
    await house.rest();
    house.store.release('open');
    await house.rest();
    await closed;
    expect(await ready).toMatchObject({ code: 'ODN_ERR_CLOSED' });
    expect(house.store.calls).toMatchObject({ open: 1, close: 1 });
  });
});
