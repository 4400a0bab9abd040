/** A second connection with the client identifier of one that is open: the old one goes, the session goes on or not. */
import { describe, expect, test } from '@jest/globals';
import { both, openRig, payloads, publishes, Questions, short, three } from './rig.js';
import type { Rig } from './rig.js';

describe.each(three)('$name holder', ({ name, protocolVersion }) => {
  const told = name === 'v5' ? ['disconnect 0x8e'] : [];

  test.each(three)('taken over by $name: v5 [MQTT-3.1.4-3] 0x8E, v3.1.1 [MQTT-3.1.4-2] a bare close', (taker) => {
    const rig = openRig();
    const holder = rig.client('a', { protocolVersion });
    const client = rig.open({ protocolVersion: taker.protocolVersion }).connect({ clientId: 'a' });
    expect(short(holder.received())).toEqual(told);
    expect(holder.closed).toBe(true);
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0, sessionPresent: false }]);
    expect(rig.stats).toMatchObject({ clients: 1, sessions: 1, connections: 1, sessionsTakenOver: 1 });
  });

  test('what it still sends changes nothing', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', '#');
    const holder = rig.client('a', { protocolVersion, halfOpen: true });
    const client = rig.client('a', { protocolVersion });
    holder.publish({ topic: 't', payload: 'x' }).subscribe('t').disconnect();
    expect(short(holder.received())).toEqual(told);
    expect(watcher.received()).toEqual([]);
    expect(short(client.pingreq().received())).toEqual(['pingresp']);
    expect(rig.stats.subscriptions).toBe(1);
  });

  test('that does not read holds nobody up', () => {
    const rig = openRig();
    const holder = rig.client('a', { protocolVersion }).pause();
    expect(short(rig.client('a', { protocolVersion }).pingreq().received())).toEqual(['pingresp']);
    rig.clock.advance(2000);
    expect(rig.stats.connections).toBe(1);
    holder.drop();
  });
});

describe.each(both)('$name a session that lasts', ({ protocolVersion }) => {
  test('goes on under Clean Start 0: subscriptions, in-flight messages, received ids', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'own', 2);
    const holder = rig.resumable('a', { protocolVersion }).subscribe('t', { qos: 2 }).skip();
    holder.publish({ topic: 'own', payload: 'once', qos: 2, packetId: 9 });
    const pub = rig.client('pub');
    for (const [payload, qos] of [['1', 1], ['2', 2], ['3', 2], ['4', 1]] as const) pub.publish({ topic: 't', payload, qos });
    holder.puback(1).pubrec(3);
    const next = rig.open({ protocolVersion }).connect({
      clientId: 'a',
      clean: false,
      ...(protocolVersion === 5 && { properties: { sessionExpiryInterval: 9 } }),
    });
    const packets = next.received();
    expect(packets[0]).toMatchObject({ type: 'connack', sessionPresent: true });
    expect(short(packets.slice(1)).toSorted()).toEqual(['publish 2 2', 'publish 4 4', 'pubrel 3']);
    expect(packets.filter(({ type }) => type === 'publish').every(({ dup }) => dup)).toBe(true);
    next.publish({ topic: 'own', payload: 'once', qos: 2, packetId: 9, dup: true }).pubrel(9);
    expect(short(next.received())).toEqual(['pubrec 9', 'pubcomp 9']);
    expect(payloads(watcher)).toEqual(['once']);
  });

  test('ends under Clean Start 1', () => {
    const rig = openRig();
    const holder = rig.resumable('a', { protocolVersion }).subscribe('t', { qos: 1 });
    rig.client('pub').publish({ topic: 't', payload: 'x', qos: 1 });
    holder.skip();
    const next = rig.open({ protocolVersion }).connect({ clientId: 'a', clean: true });
    expect(next.received()).toMatchObject([{ type: 'connack', sessionPresent: false }]);
    rig.client('pub').publish({ topic: 't', payload: 'y', qos: 1 });
    expect(next.received()).toEqual([]);
    expect(rig.stats).toMatchObject({ subscriptions: 0, inflightMessages: 0, queuedMessages: 0 });
  });

  // Goal: [MQTT-3.1.4-3] nothing is lost or doubled between the two. Method: take over after every message.
  test('no QoS 1 message is lost and no QoS 2 message is doubled over 20 take-overs', () => {
    const rig = openRig();
    let client = rig.resumable('a', { protocolVersion }).subscribe('t', { qos: 2 }).skip();
    const pub = rig.client('pub');
    const seen = { qos1: new Set<string>(), qos2: [] as string[] };
    const received = new Set<number>();
    const handle = (): void => {
      for (let packets = client.received(); packets.length > 0; packets = client.received()) {
        for (const { type, packetId = 0, payload = '', qos } of packets) {
          if (type === 'publish' && qos === 1) {
            seen.qos1.add(payload);
            client.puback(packetId);
          } else if (type === 'publish') {
            if (!received.has(packetId)) seen.qos2.push(payload);
            received.add(packetId);
            client.pubrec(packetId);
          } else if (type === 'pubrel') {
            received.delete(packetId);
            client.pubcomp(packetId);
          }
        }
      }
    };
    for (let round = 0; round < 20; round += 1) {
      pub.publish({ topic: 't', payload: `a${round}`, qos: 1 }).publish({ topic: 't', payload: `b${round}`, qos: 2 });
      if (round % 3 === 0) handle();
      client = rig.resumable('a', { protocolVersion });
      if (round % 2 === 0) handle();
    }
    handle();
    expect([...seen.qos1]).toEqual(Array.from({ length: 20 }, (_, round) => `a${round}`));
    expect(seen.qos2).toEqual(Array.from({ length: 20 }, (_, round) => `b${round}`));
    expect(rig.stats).toMatchObject({ inflightMessages: 0, queuedMessages: 0 });
  });
});

test('v5 a session with expiry 0 ends with its holder: Clean Start 0 finds none', () => {
  const rig = openRig();
  rig.client('a').subscribe('t');
  const next = rig.open().connect({ clientId: 'a', clean: false, properties: { sessionExpiryInterval: 60 } });
  expect(next.received()).toMatchObject([{ type: 'connack', sessionPresent: false }]);
  rig.client('pub').publish({ topic: 't', payload: 'x' });
  expect(next.received()).toEqual([]);
});

test('v5 the interval of the new connection counts from its own close; the holder’s countdown does not run', () => {
  const rig = openRig();
  rig.client('a', { properties: { sessionExpiryInterval: 10 } });
  const next = rig.client('a', { clean: false, properties: { sessionExpiryInterval: 100 } });
  rig.clock.advance(50_000);
  next.drop();
  rig.clock.advance(99_999);
  expect(rig.stats.sessions).toBe(1);
  rig.clock.advance(1);
  expect(rig.stats.sessions).toBe(0);
});

test('the holder’s keep alive and login do not reach the new connection', () => {
  const rig = openRig();
  rig.client('a', { keepalive: 1 });
  const next = rig.client('a');
  rig.clock.advance(60_000);
  expect(next.closed).toBe(false);
});

test('a refused CONNECT takes nothing over', () => {
  let allow = true;
  const rig = openRig({ authenticate: () => allow, sessionsMax: 1 });
  const holder = rig.client('a');
  allow = false;
  expect(rig.open().connect({ clientId: 'a' }).received()).toMatchObject([{ reasonCode: 0x87 }]);
  allow = true;
  rig.open().sendsHex('10 0e 0004 4d515454 05 03 0000 00 0001 61'); // reserved flag
  expect(short(holder.pingreq().received())).toEqual(['pingresp']);
  expect(rig.stats.sessionsTakenOver).toBe(0);
});

test('a publish of the holder that waits for its hook dies with its connection', async () => {
  const questions = new Questions('publish', ['a']);
  const rig = openRig({ authorize: questions.authorize });
  const watcher = rig.subscriber('watcher', 't');
  const holder = rig.client('a').publish({ topic: 't', payload: 'x', qos: 1 });
  const next = rig.client('a');
  questions.answer(true);
  await rig.settle();
  expect(publishes(watcher)).toEqual([]);
  expect(short(holder.received())).toEqual(['disconnect 0x8e']);
  expect(short(next.pingreq().received())).toEqual(['pingresp']);
});

test('a delivery that waits for its hook is asked again for the new connection', async () => {
  const questions = new Questions('deliver', ['a']);
  const rig = openRig({ authorize: questions.authorize });
  rig.resumable('a').subscribe('t', { qos: 1 });
  rig.client('pub').publish({ topic: 't', payload: 'x', qos: 1 });
  expect(questions.open).toHaveLength(1);
  const next = rig.resumable('a');
  await rig.settle();
  expect(questions.open).toHaveLength(2);
  questions.answer(false); // the old question: its answer is void
  await rig.settle();
  expect(publishes(next)).toEqual([]);
  questions.answer(true);
  await rig.settle();
  expect(payloads(next)).toEqual(['x']);
});

test('events: the holder is told of first, then the new client', () => {
  const rig = openRig();
  rig.client('a');
  const heard: string[] = [];
  rig.broker.on('clientDisconnected', (client, { reasonCode }) => heard.push(`disconnected ${client.id} 0x${reasonCode.toString(16)}`));
  rig.broker.on('sessionTakenOver', (id) => heard.push(`taken over ${id}`));
  rig.broker.on('client', (client) => heard.push(`client ${client.id}`));
  rig.broker.on('clientReady', (client) => heard.push(`ready ${client.id}`));
  rig.client('a');
  expect(heard).toEqual(['disconnected a 0x8e', 'taken over a', 'client a', 'ready a']);
});

test('an in-process client and a network client take each other over', async () => {
  const rig = openRig();
  const network = rig.client('a');
  const opening = rig.broker.connect({ clientId: 'a' });
  await rig.settle();
  const local = await opening;
  expect(short(network.received())).toEqual(['disconnect 0x8e']);
  rig.client('a');
  await rig.settle();
  expect(local.connected).toBe(false);
  expect(rig.stats).toMatchObject({ clients: 1, sessions: 1 });
});

describe('loops', () => {
  test('two clients that fight for one identifier leave one, and nothing else', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    let last = rig.client('a');
    for (let round = 0; round < 200; round += 1) last = rig.client('a', { will: { topic: 'w', payload: String(round) } });
    expect(rig.stats).toMatchObject({ clients: 2, connections: 2, sessions: 2, sessionsTakenOver: 200 });
    expect(payloads(watcher)).toHaveLength(199);
    expect(short(last.pingreq().received())).toEqual(['pingresp']);
  });

  test('a client that comes back from within its own disconnection is served after the one that displaced it', () => {
    const rig = openRig();
    const clients = [rig.client('a')];
    let left = 20;
    const connect = (): void => void clients.push(rig.open().connect({ clientId: 'a' }));
    rig.broker.on('clientDisconnected', () => {
      left -= 1;
      if (left > 0) connect();
    });
    connect();
    rig.clock.flush();
    expect(rig.stats).toMatchObject({ clients: 1, connections: 1, sessions: 1 });
    expect(clients.filter(({ closed }) => !closed)).toHaveLength(1);
    expect(clients).toHaveLength(21);
  });

  test('a listener that kicks every client as it appears ends with none', () => {
    const rig = openRig();
    rig.broker.on('client', (client) => client.close());
    const seen = [1, 2, 3].map(() => rig.open().connect({ clientId: 'a', clean: false, properties: { sessionExpiryInterval: 9 } }));
    for (const client of seen) {
      expect(short(client.received())).toEqual(['connack', 'disconnect 0x98']);
      expect(client.closed).toBe(true);
    }
    expect(rig.stats).toMatchObject({ clients: 0, connections: 0 });
  });
});

test('the second CONNECT of one connection is no take-over of itself', () => {
  const rig = openRig();
  const client: ReturnType<Rig['open']> = rig.client('a').connect({ clientId: 'a' });
  expect(short(client.received())).toEqual(['disconnect 0x82']);
  expect(rig.stats).toMatchObject({ sessionsTakenOver: 0, clients: 0, sessions: 0 });
});
