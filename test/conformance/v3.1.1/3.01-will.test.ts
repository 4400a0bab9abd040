/** MQTT 3.1.1, chapters 3.1.2.5 to 3.1.2.7: the will. */
import { describe, expect, test } from '@jest/globals';
import { memoryStorage } from '../../../src/index.js';
import type { WireClient } from '../../../src/testing/index.js';
import { text } from '../../unit/packet/wire.js';
import { openRig, payloads, publishes } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { a, client, connecting, expectConnack, expectNoConnack, qoses, resumable, subscriber } from './support.js';

const will = { topic: 'w', payload: 'bye' };

const endings: readonly (readonly [name: string, end: (rig: Rig, gone: WireClient) => void])[] = [
  ['the socket is lost', (_rig, gone) => gone.drop()],
  ['the client half-closes without DISCONNECT', (_rig, gone) => gone.end()],
  ['Keep Alive runs out', (rig) => rig.clock.advance(15_000)],
  ['the client breaks the protocol', (_rig, gone) => gone.sendsHex('82 00')],
  ['another connection takes over', (rig) => client(rig, 'a', { clean: false }).skip()],
  ['another connection takes over with CleanSession 1', (rig) => client(rig, 'a').skip()],
  ['the host closes it', (rig) => rig.broker.clients.get('a')?.close()],
];

test.each(endings)('v3.1.1 [MQTT-3.1.2-8] the will is published when %s', (_name, end) => {
  for (const clean of [true, false]) {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    const gone = client(rig, 'a', { clean, will, keepalive: 10 });
    expect(payloads(watcher)).toEqual([]);
    end(rig, gone);
    rig.clock.flush();
    expect(gone.closed).toBe(true);
    expect(payloads(watcher)).toEqual(['bye']);
  }
});

test('v3.1.1 [MQTT-3.1.2-8] no will when the client says DISCONNECT, and none of a CONNECT that was refused', () => {
  const rig = openRig({ authenticate: ({ clientId }) => clientId !== 'refused' });
  const watcher = subscriber(rig, 'watcher', 'w');
  client(rig, 'a', { will }).disconnect().drop();
  rig.open({ protocolVersion: 4 }).connect({ clientId: 'refused', will }).drop();
  rig.clock.advance(86_400_000);
  expect(payloads(watcher)).toEqual([]);
});

test('v3.1.1 [MQTT-3.1.2-9] with Will Flag there are a Will Topic and a Will Message', () => {
  const [w, x] = [text('w'), text('x')];
  expectConnack({ flags: '06', payload: `${a} ${w} ${x}` });
  expectConnack({ flags: '06', payload: `${a} ${w} 0000` });
  for (const payload of [a, `${a} 00`, `${a} 0002 77`, `${a} ${w}`, `${a} ${w} 00`, `${a} ${w} 0002 78`]) {
    expectNoConnack({ flags: '06', payload }, 'MQTT-3.1.2-9');
  }
});

test.each(qoses.flatMap((qos) => [false, true].map((retain) => [qos, retain] as const)))('v3.1.1 [MQTT-3.1.2-9] Will QoS %i and Will Retain %s are used', (qos, retain) => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', 'w', 2);
  client(rig, 'a', { will: { ...will, qos, retain } }).drop();
  expect(publishes(watcher)).toMatchObject([{ payload: 'bye', qos, retain: false, dup: false }]);
  const late = publishes(client(rig, 'late').subscribe('w', { qos: 2 }));
  expect(late.map((message) => [message.payload, message.qos, message.retain])).toEqual(retain ? [['bye', qos, true]] : []);
});

describe('a will that is done with', () => {
  test('v3.1.1 [MQTT-3.1.2-10] comes once: the next connection has none of its own', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    resumable(rig, 'a', { will }).drop();
    expect(payloads(watcher)).toEqual(['bye']);
    for (let round = 0; round < 2; round += 1) resumable(rig, 'a').drop();
    client(rig, 'a').drop();
    expect(payloads(watcher)).toEqual([]);
  });

  test('v3.1.1 [MQTT-3.1.2-10] is forgotten at DISCONNECT: the next connection lost has none', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    resumable(rig, 'a', { will }).disconnect();
    resumable(rig, 'a').drop();
    client(rig, 'a').drop();
    expect(payloads(watcher)).toEqual([]);
  });

  test('v3.1.1 [MQTT-3.1.2-10] does not come back with the broker, published or discarded', async () => {
    const storage = memoryStorage();
    const first = openRig({ storage });
    resumable(first, 'published', { will }).drop();
    resumable(first, 'discarded', { will }).disconnect();
    resumable(first, 'watcher').subscribe('w', { qos: 1 }).disconnect();
    await first.close();
    const second = openRig({ storage });
    for (const clientId of ['published', 'discarded']) resumable(second, clientId).drop();
    expect(second.stats.willsPublished).toBe(0);
    expect(payloads(resumable(second, 'watcher'))).toEqual([]);
  });
});

test('v3.1.1 [MQTT-3.1.2-11] without Will Flag: Will QoS 0, Will Retain 0, no will fields', () => {
  expectConnack({ flags: '02' });
  for (const flags of ['0a', '12', '1a', '22', '2a', '3a']) expectNoConnack({ flags });
  expectNoConnack({ flags: '02', payload: `${a} ${text('w')} ${text('x')}` });
});

test('v3.1.1 [MQTT-3.1.2-12] without Will Flag nothing is published when the connection ends', () => {
  for (const [, end] of endings) {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', '#');
    end(rig, client(rig, 'a', { keepalive: 10 }));
    expect(watcher.received()).toEqual([]);
    expect(rig.stats).toMatchObject({ willsPublished: 0, retainedMessages: 0 });
  }
});

test.each(['0a', '12', '1a'])('v3.1.1 [MQTT-3.1.2-13] without Will Flag the Will QoS is 0: Connect Flags 0x%s close', (flags) => {
  expectNoConnack({ flags }, 'MQTT-3.1.2-13');
  expectNoConnack({ flags, payload: `${a} ${text('w')} ${text('x')}` }, 'MQTT-3.1.2-13');
});

test('v3.1.1 [MQTT-3.1.2-14] Will QoS 3 closes; 0, 1 and 2 do not', () => {
  const payload = `${a} ${text('w')} ${text('x')}`;
  for (const flags of ['06', '0e', '16', '26', '2e', '36']) expectConnack({ flags, payload });
  for (const flags of ['1e', '3e']) expectNoConnack({ flags, payload }, 'MQTT-3.1.2-14');
});

test('v3.1.1 [MQTT-3.1.2-15] without Will Flag Will Retain is 0', () => {
  expectNoConnack({ flags: '22' }, 'MQTT-3.1.2-15');
  expectNoConnack({ flags: '22', payload: `${a} ${text('w')} ${text('x')}` }, 'MQTT-3.1.2-15');
});

test.each(qoses)('v3.1.1 [MQTT-3.1.2-16] Will Retain 0: published at Will QoS %i and not kept, what was kept before stays', (qos) => {
  const rig = openRig();
  client(rig, 'pub').publish({ topic: 'w', payload: 'before', retain: true });
  const watcher = subscriber(rig, 'watcher', 'w', 2);
  connecting(rig, { flags: (0x06 | (qos << 3)).toString(16).padStart(2, '0'), payload: `${a} ${text('w')} ${text('bye')}` }).drop();
  expect(payloads(watcher)).toEqual(['bye']);
  expect(payloads(client(rig, 'late').subscribe('w'))).toEqual(['before']);
});

test.each(qoses)('v3.1.1 [MQTT-3.1.2-17] Will Retain 1: a later subscriber gets the will of QoS %i with RETAIN 1', (qos) => {
  const rig = openRig();
  connecting(rig, { flags: (0x26 | (qos << 3)).toString(16), payload: `${a} ${text('w')} ${text('bye')}` }).drop();
  expect(publishes(client(rig, 'late').subscribe('w', { qos: 2 }))).toMatchObject([{ payload: 'bye', qos, retain: true }]);
});

test('v3.1.1 [MQTT-3.1.2-17] a retained will without payload clears what was kept', () => {
  const rig = openRig();
  client(rig, 'pub').publish({ topic: 'w', payload: 'before', retain: true });
  const watcher = subscriber(rig, 'watcher', 'w');
  client(rig, 'a', { will: { topic: 'w', payload: '', retain: true } }).drop();
  expect(payloads(watcher)).toEqual(['']);
  expect(payloads(client(rig, 'late').subscribe('w'))).toEqual([]);
});
