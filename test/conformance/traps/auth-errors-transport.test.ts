/** Traps 56 to 61: AUTH, errors, how connections end, WebSocket. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createWebSocketStream, WebSocket } from 'ws';
import type { AuthenticateAnswer, AuthenticateRequest, Broker } from '../../../src/index.js';
import type { WireClient } from '../../../src/testing/index.js';
import { packet } from '../../unit/packet/wire.js';
import { atEnd, closeAll, listening, RawClient, realBroker } from '../../support/sockets.js';
import { Asked } from '../../wire/asked.js';
import { openRig, payloads, publishes, short, type Rig } from '../../wire/rig.js';
import { connectOf, expectBroken, expectRefusedWith, expectServed, named, packetsOf, publishOf, subscribeOf, versions } from './support.js';

const method = 'SCRAM';
const own = { authenticationMethod: method } as const;
const connect = (rig: Rig, properties = {}): WireClient => rig.open().connect({ clientId: 'a', properties: { ...own, ...properties } });
/** Challenges once at CONNECT, and at each re-authentication; then answers `last`. */
const challenging = (last: AuthenticateAnswer = true): Rig =>
  openRig({ authenticate: () => ({ action: 'challenge', data: Buffer.from('nonce'), next: () => last }) });

describe('AUTH before CONNACK', () => {
  test('trap 56: each step is 0x18 with the method of CONNECT, and the last answer is CONNACK', () => {
    const heard: string[] = [];
    const step = (left: number): AuthenticateAnswer =>
      left === 0 ? true : { action: 'challenge', data: Buffer.from(`${left}`), next: (data) => (heard.push(Buffer.from(data ?? []).toString()), step(left - 1)) };
    const sent = connect(openRig({ authenticate: () => step(2) }));
    for (const left of ['2', '1']) {
      expect(sent.received()).toEqual([{ type: 'auth', reasonCode: 0x18, properties: { ...own, authenticationData: left } }]);
      sent.auth(0x18, { ...own, authenticationData: `answer ${left}` });
    }
    expect(short(sent.received())).toEqual(['connack']);
    expect(heard).toEqual(['answer 2', 'answer 1']);
  });

  test.each([
    ['another method', (sent: WireClient) => sent.auth(0x18, { authenticationMethod: 'scram' })],
    ['no method', (sent: WireClient) => sent.sendsHex('f0 02 18 00')],
    ['nothing at all', (sent: WireClient) => sent.sendsHex('f0 00')],
    ['0x19, which begins a re-authentication', (sent: WireClient) => sent.auth(0x19, own)],
    ['0x00, which is the broker’s', (sent: WireClient) => sent.auth(0x00, own)],
    ['PUBLISH instead', (sent: WireClient) => sent.publish({ topic: 't' })],
    ['a second CONNECT instead', (sent: WireClient) => sent.connect({ clientId: 'b' })],
  ] as const)('trap 56: an AUTH with %s is 0x82 in CONNACK', (_what, send) => {
    const rig = challenging();
    expectRefusedWith(send(connect(rig).skip()), 'connack 0x82');
    expect(rig.stats.sessions).toBe(0);
  });

  test('trap 56: without a method in CONNECT an AUTH is 0x82, and the broker sends none; a method that no hook knows is 0x8C', () => {
    for (const authenticate of [undefined, () => true] as const) {
      const rig = openRig(authenticate === undefined ? {} : { authenticate });
      for (const code of [0x18, 0x19]) expectBroken(rig.client('a').auth(code, own), 0x82);
    }
    expectRefusedWith(connect(openRig()), 'connack 0x8c');
    expectRefusedWith(connect(openRig({ authenticate: () => ({ action: 'deny', reasonCode: 0x8c }) })), 'connack 0x8c');
    expectRefusedWith(challenging().open().connect({ clientId: 'a' }), 'connack 0x83'); // the hook's mistake
    expectRefusedWith(connect(challenging(false)).skip().auth(0x18, own), 'connack 0x87');
  });
});

describe('re-authentication', () => {
  /** A connected client with a method, and a hook that is asked again and answers late. */
  function connected(): { rig: Rig; sent: WireClient; asked: Asked<AuthenticateRequest, AuthenticateAnswer> } {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: (request) => request.type === 'connect' || asked.ask(request) });
    return { rig, sent: rig.client('a', { properties: own }), asked };
  }

  test('trap 56: it begins with 0x19 and ends in AUTH 0x00, not in a second CONNACK; other traffic goes on meanwhile', async () => {
    const { rig, sent, asked } = connected();
    sent.auth(0x19, { ...own, authenticationData: 'token' }).pingreq().subscribe('t').publish({ topic: 't', payload: 'x', qos: 1, packetId: 9 });
    expect(short(sent.received())).toEqual(['pingresp', 'suback 1 0x00', 'puback 9', 'publish x']);
    await asked.answer({ action: 'challenge', next: () => ({ action: 'allow', authenticationData: Buffer.from('final') }) });
    expect(short(sent.publish({ topic: 'u', qos: 1, packetId: 9 }).received())).toEqual(['auth 0x18', 'puback 9 0x10']);
    expect(sent.auth(0x18, own).received()).toEqual([{ type: 'auth', reasonCode: 0, properties: { ...own, authenticationData: 'final' } }]);
    expect([sent.closed, rig.stats.connectsAccepted]).toEqual([false, 1]);
  });

  test('trap 56: 0x18 that nobody asked for, another method, or 0x19 twice is 0x82', () => {
    expectBroken(connected().sent.auth(0x18, own), 0x82);
    expectBroken(connected().sent.auth(0x19, { authenticationMethod: 'other' }), 0x82);
    expectBroken(connected().sent.auth(0x19, own).auth(0x19, own), 0x82);
  });

  test('trap 56: a refusal closes, and the will is published', async () => {
    const { rig, sent, asked } = connected();
    const watcher = rig.subscriber('watcher', 'w');
    sent.disconnect();
    const again = rig.client('a', { properties: own, will: { topic: 'w', payload: 'will' } }).auth(0x19, own);
    await asked.answer({ action: 'deny', reasonCode: 0x87 });
    expectBroken(again, 0x87);
    expect(payloads(watcher)).toEqual(['will']);
  });
});

test('trap 57: an accepting CONNACK repeats the method if there was one, and has neither method nor data otherwise', () => {
  const answer = { action: 'allow', authenticationData: Buffer.from('final') } as const;
  for (const authenticate of [() => answer, () => ({ action: 'challenge', next: () => answer }) as const]) {
    const sent = connect(openRig({ authenticate }));
    const last = sent.received();
    const [connack] = last[0]?.type === 'auth' ? sent.auth(0x18, own).received() : last;
    expect(connack).toMatchObject({ type: 'connack', reasonCode: 0, properties: { ...own, authenticationData: 'final' } });
  }
  const [bare] = connect(openRig({ authenticate: () => true })).received();
  expect([bare?.reasonCode, bare?.properties?.authenticationMethod, bare?.properties?.authenticationData]).toEqual([0, method, undefined]);
  const [plain] = openRig({ authenticate: () => answer }).open().connect({ clientId: 'a' }).received();
  expect(plain?.reasonCode).toBe(0);
  for (const name of ['authenticationMethod', 'authenticationData']) expect(plain?.properties).not.toHaveProperty(name);
});

// ---- how connections end ----

const malformed = '36 00';

test.each(named)('trap 58: nothing follows the broker’s DISCONNECT, of what was on its way or is caused later (%s)', (_name, protocolVersion) => {
  const rig = openRig();
  const sent = rig.client('a', { protocolVersion, halfOpen: true, clean: false }).subscribe('t', { qos: 1 }).skip();
  sent.sendsBytes(Buffer.concat([Buffer.from([0xc0, 0, 0x36, 0]), publishOf(protocolVersion, 't'), subscribeOf(protocolVersion, 'u'), Buffer.of(0xc0, 0)]));
  rig.client('pub').publish({ topic: 't', qos: 1 });
  sent.pingreq().publish({ topic: 't', qos: 1 });
  expect(short(sent.received())).toEqual(['pingresp', ...(protocolVersion === 5 ? ['disconnect 0x81'] : [])]);
  expect([sent.ended, rig.stats.subscriptions]).toEqual([true, protocolVersion === 5 ? 0 : 1]);
});

test.each(named)('trap 58: the broker ends its side at once, and destroys the socket after closeGraceSeconds if the peer does not close or read (%s)', (_name, protocolVersion) => {
  for (const isReading of [true, false]) {
    const rig = openRig({ closeGraceSeconds: 5 });
    const sent = rig.client('a', { protocolVersion, halfOpen: true });
    if (!isReading) sent.pause();
    sent.sendsHex(malformed);
    rig.clock.advance(4999);
    expect([sent.closed, rig.stats.clients, rig.stats.connections]).toEqual([false, 0, 1]);
    rig.clock.advance(1);
    expect(rig.stats.connections).toBe(0);
    sent.resume();
    expect(sent.closed).toBe(true);
  }
  const refused = openRig({ authenticate: () => false });
  const unconnected = refused.open({ protocolVersion, halfOpen: true }).connect({ clientId: 'a' });
  expect([unconnected.ended, unconnected.closed]).toEqual([true, false]);
  refused.clock.advance(2000);
  expect(unconnected.closed).toBe(true);
});

test.each(named)('trap 59: what follows the client’s DISCONNECT in the same segment, or later, is not processed (%s)', (_name, protocolVersion) => {
  const rig = openRig();
  const watcher = rig.subscriber('watcher', '#');
  const sent = rig.client('a', { protocolVersion, halfOpen: true, will: { topic: 'w', payload: 'will' } });
  sent.sendsBytes(Buffer.concat([publishOf(protocolVersion, 'before'), Buffer.of(0xe0, 0), publishOf(protocolVersion, 'after'), subscribeOf(protocolVersion, 't'), Buffer.of(0x36, 0)]));
  sent.publish({ topic: 'later' }).pingreq();
  expect(publishes(watcher).map(({ topic }) => topic)).toEqual(['before']);
  expect([sent.receivedHex(), rig.stats.subscriptions, rig.stats.protocolErrors]).toEqual(['', 1, 0]);
});

test.each(named)('trap 59: the broker closes if the client does not (%s)', (_name, protocolVersion) => {
  const rig = openRig({ closeGraceSeconds: 3 });
  const sent = rig.client('a', { protocolVersion, halfOpen: true }).disconnect();
  expect([sent.ended, sent.closed]).toEqual([true, false]);
  rig.clock.advance(2999);
  expect(sent.closed).toBe(false);
  rig.clock.advance(1);
  expect([sent.closed, rig.stats.connections]).toEqual([true, 0]);
});

test('trap 60: an acknowledgement of 0x80 and above closes nothing, whoever sends it', () => {
  const rig = openRig({ authorize: (_client, { type, topic }) => topic !== 'no' || type === 'deliver', receiveMaximum: 10 });
  const a = rig.subscriber('a', 't', 2);
  a.publish({ topic: 'no', qos: 1 }).publish({ topic: 'no', qos: 2 }).subscribe('no').pubrel(99);
  expect(short(a.received())).toEqual(['puback 2 0x87', 'pubrec 3 0x87', 'suback 4 0x87', 'pubcomp 99 0x92']);
  for (const qos of [1, 2] as const) for (const code of [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]) {
    rig.client('pub').publish({ topic: 't', qos });
    const [{ packetId = 0 } = {}] = publishes(a);
    if (qos === 1) a.puback(packetId, code);
    else a.pubrec(packetId, code);
  }
  rig.client('pub').publish({ topic: 't', qos: 2 });
  const [{ packetId = 0 } = {}] = publishes(a);
  expect(short(a.pubrec(packetId).pubcomp(packetId, 0x92).pubrel(7, 0x92).received())).toEqual([`pubrel ${packetId}`, 'pubcomp 7 0x92']);
  expectServed(a);
  expect(rig.stats.inflightMessages).toBe(0);
});

test('trap 60: a CONNACK or DISCONNECT of 0x80 and above always closes', async () => {
  for (const code of [0x80, 0x83, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x97, 0x9c, 0x9d, 0x9f]) {
    expectRefusedWith(openRig({ authenticate: () => ({ action: 'deny', reasonCode: code }) }).open().connect({ clientId: 'a' }), `connack 0x${code.toString(16)}`);
  }
  const ends: readonly (readonly [number, (sent: WireClient, rig: Rig) => unknown])[] = [
    [0x81, (sent) => sent.sendsHex(malformed)],
    [0x82, (sent) => sent.connect({ clientId: 'a' })],
    [0x8d, (_sent, rig) => rig.clock.advance(15_000)],
    [0x8e, (_sent, rig) => rig.client('a')],
    [0x94, (sent) => sent.publish({ topic: 't', properties: { topicAlias: 99 } })],
    [0x95, (sent) => sent.sendsHex('30 ff ff ff 7f')],
    [0x98, (_sent, rig) => rig.broker.clients.get('a')?.close()],
    [0x8b, (_sent, rig) => void rig.broker.close()],
  ];
  for (const [code, happen] of ends) {
    const rig = openRig();
    const sent = rig.client('a', { keepalive: 10 });
    happen(sent, rig);
    await rig.settle();
    expectBroken(sent, code);
  }
  // One that the client sends closes as well.
  for (const code of [0x80, 0x81, 0x93]) {
    const sent = openRig().client('a').disconnect(code);
    expect([sent.receivedHex(), sent.closed]).toEqual(['', true]);
  }
});

// ---- WebSocket: real sockets, as the handshake is somebody else's code ----

describe('WebSocket', () => {
  afterEach(closeAll);

  interface Far {
    readonly broker: Broker;
    readonly socket: WebSocket;
    readonly raw: RawClient;
    readonly frames: boolean[];
  }

  /** A broker of its own, and a client that has opened a WebSocket to it, or was refused. */
  async function dial(protocols: string[] = ['mqtt'], isRefused = false): Promise<Far> {
    const broker = realBroker({ closeGraceSeconds: 0.1 });
    const server = createServer();
    const port = await listening(server);
    broker.attach(server);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, protocols);
    atEnd(() => socket.terminate());
    const frames: boolean[] = [];
    socket.on('message', (_data, isBinary) => frames.push(isBinary));
    const raw = new RawClient(createWebSocketStream(socket));
    if (!isRefused) await once(socket, 'open');
    else await raw.closed;
    return { broker, socket, raw, frames };
  }

  test.each([1, 2, 3, 7, 10_000])('trap 61: packets may be cut into frames anywhere, or share one: %i bytes in each; the broker’s are binary', async (size) => {
    const { socket, raw, frames } = await dial();
    const bytes = Buffer.concat([connectOf(5), packetsOf(5)[8] as Buffer, publishOf(5, 't', '78'.repeat(300)), Buffer.of(0xc0, 0)]);
    socket.send(Buffer.alloc(0));
    for (let at = 0; at < bytes.length; at += size) socket.send(bytes.subarray(at, at + size));
    const got = [await raw.next(), await raw.next(), await raw.next(), await raw.next()];
    expect(got.map((each) => each?.type)).toEqual(['connack', 'suback', 'publish', 'pingresp']);
    expect([got[2]?.payload, frames.every(Boolean)]).toEqual(['x'.repeat(300), true]);
  });

  test('trap 61: fragments of a frame are no packets either', async () => {
    const { socket, raw } = await dial();
    const bytes = Buffer.concat([connectOf(5), Buffer.of(0xc0, 0)]);
    for (let at = 0; at < bytes.length; at += 3) socket.send(bytes.subarray(at, at + 3), { fin: at + 3 >= bytes.length });
    expect([(await raw.next())?.type, (await raw.next())?.type]).toEqual(['connack', 'pingresp']);
  });

  test.each(versions)('trap 61: a text frame closes, before CONNECT and after it (version %i)', async (version) => {
    for (const isConnected of [false, true]) {
      const { broker, socket } = await dial();
      const closed = once(socket, 'close');
      if (isConnected) {
        const answered = once(socket, 'message');
        socket.send(connectOf(version));
        await answered;
      }
      socket.send((isConnected ? packet(0xc0, '') : connectOf(version)).toString('latin1'));
      expect((await closed)[0]).toBe(1003);
      expect(broker.stats()).toMatchObject({ clients: 0, connections: 0 });
    }
  });

  test.each([[['mqtt'], 'mqtt'], [['chat', 'mqtt'], 'mqtt'], [['mqttv3.1', 'mqtt'], 'mqtt'], [['mqtt', 'mqttv3.1'], 'mqtt'], [['mqttv3.1'], 'mqttv3.1']])(
    'trap 61: of several subprotocols mqtt is taken, and mqttv3.1 where that is all a client offers: %j',
    async (offered, taken) => {
      expect((await dial(offered)).socket.protocol).toBe(taken);
    },
  );

  test('trap 61: a client that offers neither is refused', async () => {
    for (const offered of [[], ['MQTT'], ['mqtt5', 'chat']]) {
      const { broker, socket } = await dial(offered, true);
      expect([socket.readyState, broker.stats().connectionsOpened]).toEqual([WebSocket.CLOSED, 0]);
    }
  });
});
