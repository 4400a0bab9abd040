/** MQTT 3.1, CONNECT and CONNACK: where they differ from 3.1.1. */
import { describe, expect, test } from '@jest/globals';
import type { AuthenticateAnswer, AuthenticateRequest } from '../../../src/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, payloads } from '../../wire/rig.js';
import { a, accepted, client, connectBytes, connecting, expectAnswer, expectClosed, expectOpen, open, refused, resumable, subscriber } from './support.js';

describe('name and level', () => {
  test('v3.1 MQIsdp with level 3 is spoken by default, and may be switched off', () => {
    expectAnswer(connecting(openRig()), accepted);
    expectAnswer(connecting(openRig({ protocolVersions: [4, 5] })), refused(1), true);
  });

  // Method: every level under both names, and which of them are a version at all.
  test('v3.1 of all levels MQIsdp has 3 alone; every other one, those of the bridge bit too, is refused with 0x01', () => {
    const rig = openRig();
    let count = 0;
    for (let level = 0; level < 256; level += 1) {
      if (level !== 3) {
        expectAnswer(connecting(rig, { level }), refused(1), true);
        count += 1;
      }
    }
    expect([count, rig.stats.clients]).toEqual([255, 0]);
  });

  test('v3.1 MQTT with level 3 is refused with 0x01, and so is MQTT with its bridge bit', () => {
    for (const level of [3, 0x83]) expectAnswer(connecting(openRig(), { name: 'MQTT', level }), refused(1), true);
  });

  test.each(['MQIsdX', 'mqisdp', 'MQIsd', 'MQIsdpp', 'MQISDP'])('v3.1 the name %s is nobody’s, and closed without a word', (name) => {
    expectClosed(connecting(openRig(), { name }));
  });

  test('v3.1 a refused level is refused before anything behind it is looked at', () => {
    const rig = openRig({ authenticate: () => Promise.reject(new Error('never asked')) });
    expectAnswer(open(rig).sendsBytes(packet(0x10, `${text('MQIsdp')} 04 ff`)), refused(1), true);
  });
});

describe('Client Identifier', () => {
  const connack = (clientId: string, options = {}): string => connecting(openRig(options), { payload: text(clientId) }).receivedHex();

  test('v3.1 1 to 23 characters are accepted', () => {
    for (const id of ['a', 'x'.repeat(23), '0123456789', 'é'.repeat(23), 'a b/c']) expect([id, connack(id)]).toEqual([id, accepted]);
  });

  test('v3.1 decided: longer ones are accepted as well; mqtt31ClientIdLimit refuses them with 0x02, counting characters', () => {
    for (const id of ['x'.repeat(24), 'x'.repeat(65_535), 'é'.repeat(24)]) {
      expect(connack(id)).toBe(accepted);
      expectAnswer(connecting(openRig({ mqtt31ClientIdLimit: true }), { payload: text(id) }), refused(2), true);
    }
    for (const id of ['x'.repeat(23), '😀'.repeat(23)]) expect(connack(id, { mqtt31ClientIdLimit: true })).toBe(accepted);
    // The limit is of 3.1 alone.
    expect(openRig({ mqtt31ClientIdLimit: true }).open({ protocolVersion: 4 }).connect({ clientId: 'x'.repeat(24) }).receivedHex()).toBe(accepted);
  });

  test.each(['02', '00'])('v3.1 an empty one is refused with 0x02, Connect Flags %s', (flags) => {
    const rig = openRig();
    expectAnswer(connecting(rig, { flags, payload: '0000' }), refused(2), true);
    expect(rig.stats.sessions).toBe(0);
  });

  test('v3.1 + and # are refused with 0x02 unless the host allows them', () => {
    for (const id of ['+', 'a/#']) {
      expectAnswer(connecting(openRig(), { payload: text(id) }), refused(2), true);
      expect(connack(id, { clientIdWildcards: true })).toBe(accepted);
    }
  });
});

describe('flags and payload', () => {
  test('v3.1 the reserved flags of the first byte and of Connect Flags are not checked', () => {
    for (let first = 0x10; first < 0x20; first += 1) expectAnswer(connecting(openRig(), { first }), accepted);
    for (const flags of ['03', '01']) expectAnswer(connecting(openRig(), { flags }), accepted);
    expectAnswer(connecting(openRig(), { flags: 'c3', payload: `${a} ${text('u')} ${text('p')}` }), accepted);
  });

  test('v3.1 Remaining Length takes precedence: a flagged User Name or Password that is not there is not given', () => {
    const seen: (string | undefined)[][] = [];
    const authenticate = ({ username, password }: AuthenticateRequest): boolean =>
      seen.push([username, password === undefined ? undefined : Buffer.from(password).toString()]) > 0;
    for (const [flags, payload] of [['82', a], ['c2', a], ['c2', `${a} ${text('u')}`], ['c2', `${a} ${text('u')} ${text('p')}`], ['82', `${a} 0000`]] as const) {
      expectAnswer(connecting(openRig({ authenticate }), { flags, payload }), accepted);
    }
    expect(seen).toEqual([[undefined, undefined], [undefined, undefined], ['u', undefined], ['u', 'p'], ['', undefined]]);
    // A part of one is none.
    for (const [flags, rest] of [['82', '00'], ['82', '0001'], ['c2', `${text('u')} 0002 70`]] as const) expectClosed(connecting(openRig(), { flags, payload: `${a} ${rest}` }));
  });

  test('v3.1 a will has no such exception, and what is not flagged is one byte too many', () => {
    for (const payload of [a, `${a} ${text('w')}`]) expectClosed(connecting(openRig(), { flags: '06', payload }));
    for (const payload of [`${a} ${text('u')}`, `${a} 00`]) expectClosed(connecting(openRig(), { flags: '02', payload }));
    expectClosed(connecting(openRig(), { flags: '42', payload: `${a} ${text('p')}` })); // a Password without User Name
  });

  test('v3.1 without Will Flag the bits of Will QoS and Will Retain are disregarded; with it QoS 3 closes', () => {
    for (const flags of ['0a', '12', '1a', '22', '3a']) expectAnswer(connecting(openRig(), { flags }), accepted);
    const will = `${a} ${text('w')} ${text('will')}`;
    expectClosed(connecting(openRig(), { flags: '1e', payload: will }));
    for (const [flags, qos, retain] of [['06', 0, false], ['0e', 1, false], ['16', 2, false], ['36', 2, true]] as const) {
      const rig = openRig();
      const watcher = rig.client('watcher').subscribe([{ topic: 'w', qos: 2, rap: true }]).skip();
      connecting(rig, { flags, payload: will }).drop();
      expect(watcher.received()).toMatchObject([{ payload: 'will', qos, retain }]);
    }
  });

  test('v3.1 strings are UTF-8 without U+0000, as in the later versions', () => {
    for (const bytes of [Buffer.of(0xff), Buffer.from('a\0'), Buffer.of(0xed, 0xa0, 0x80)]) expectClosed(connecting(openRig(), { payload: text(bytes) }));
  });
});

describe('CONNACK', () => {
  test('v3.1 its first byte is 0, also when a session is resumed', () => {
    const rig = openRig();
    const first = connecting(rig, { flags: '00' });
    expectAnswer(first, accepted);
    first.subscribe('t', { qos: 1 }).drop();
    rig.client('pub').publish({ topic: 't', payload: 'kept', qos: 1 });
    const again = connecting(rig, { flags: '00' });
    expect(again.receivedHex()).toBe(`${accepted} 32 09 00 01 74 00 01 6b 65 70 74`); // the session is there
    // For a 3.1.1 client that comes to the same session there is such a flag.
    again.puback(1).drop();
    expect(rig.open({ protocolVersion: 4 }).connect({ clientId: 'a', clean: false }).receivedHex()).toBe('20 02 01 00');
  });

  test('v3.1 it has the return codes 1 to 5 and no other: what has none is closed', () => {
    const deny = (reasonCode: number): AuthenticateAnswer => ({ action: 'deny', reasonCode });
    for (const [reasonCode, code] of [[0x84, 1], [0x85, 2], [0x88, 3], [0x89, 3], [0x97, 3], [0x9c, 3], [0x9d, 3], [0x9f, 3], [0x86, 4], [0x87, 5], [0x8a, 5]] as const) {
      expectAnswer(connecting(openRig({ authenticate: () => deny(reasonCode) })), refused(code), true);
    }
    for (const reasonCode of [0x80, 0x83]) expectClosed(connecting(openRig({ authenticate: () => deny(reasonCode) })));
    expectAnswer(connecting(openRig({ authenticate: () => false })), refused(5), true);
    expectAnswer(connecting(openRig({ authenticate: () => false }), { flags: 'c2', payload: `${a} ${text('u')} ${text('p')}` }), refused(4), true);
  });

  test('v3.1 a second CONNECT, or any other first packet, is closed without a word', () => {
    expectClosed(client(openRig(), 'a').sendsBytes(connectBytes()));
    for (const hex of ['c0 00', '30 03 00 01 74', 'e0 00', '82 06 00 01 00 01 74 00']) expectClosed(open(openRig()).sendsHex(hex));
  });
});

describe('sessions', () => {
  test('v3.1 Clean Session 0 keeps subscriptions, messages and what is in flight; 1 throws them away and keeps nothing', () => {
    const rig = openRig();
    const first = resumable(rig, 'a').subscribe('t', { qos: 2 }).skip();
    rig.client('pub').publish({ topic: 't', payload: '1', qos: 2 });
    expect(payloads(first)).toEqual(['1']);
    first.disconnect();
    rig.client('pub').publish({ topic: 't', payload: '2', qos: 1 });
    rig.clock.advance(1e12);
    expect(resumable(rig, 'a').received()).toMatchObject([{ payload: '1', qos: 2, dup: true, packetId: 1 }, { payload: '2', qos: 1, dup: false }]);
    client(rig, 'a').drop();
    expect([rig.stats.subscriptions, resumable(rig, 'a').received()]).toEqual([0, []]);
  });

  test('v3.1 taking over closes the old connection without a word, and its will is sent', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    const old = client(rig, 'a', { will: { topic: 'w', payload: 'will' } });
    const next = client(rig, 'a');
    expectClosed(old);
    expect(payloads(watcher)).toEqual(['will']);
    expectOpen(next);
  });

  test('v3.1 DISCONNECT drops the will, has no answer and no body; Keep Alive closes at one and a half times', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    const will = { topic: 'w', payload: 'will' };
    expectClosed(client(rig, 'a', { will }).disconnect());
    expect(payloads(watcher)).toEqual([]);
    expectClosed(client(rig, 'a', { will }).sendsHex('e0 01 00'));
    expect(payloads(watcher)).toEqual(['will']);
    const silent = client(rig, 'a', { will, keepalive: 10 });
    rig.clock.advance(14_999);
    expect(silent.closed).toBe(false);
    rig.clock.advance(1);
    expectClosed(silent);
    expect(payloads(watcher)).toEqual(['will']);
  });
});
