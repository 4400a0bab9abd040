/** Packets at the wrong time or in the wrong direction: before CONNECT, a second CONNECT, what only brokers send. */
import { describe, expect, test } from '@jest/globals';
import type { WireClient } from '../../src/testing/index.js';
import { openRig, payloads, three } from './rig.js';
import type { Rig } from './rig.js';

/** A whole packet of each type as a client could try it. */
const packets: readonly (readonly [name: string, hex: string])[] = [
  ['type 0', '00 00'],
  ['CONNACK', '20 02 00 00'],
  ['PUBLISH', '30 03 0001 74'],
  ['PUBACK', '40 02 0001'],
  ['PUBREC', '50 02 0001'],
  ['PUBREL', '62 02 0001'],
  ['PUBCOMP', '70 02 0001'],
  ['SUBSCRIBE', '82 06 0001 0001 74 00'],
  ['SUBACK', '90 03 0001 00'],
  ['UNSUBSCRIBE', 'a2 05 0001 0001 74'],
  ['UNSUBACK', 'b0 02 0001'],
  ['PINGREQ', 'c0 00'],
  ['PINGRESP', 'd0 00'],
  ['DISCONNECT', 'e0 00'],
  ['AUTH', 'f0 00'],
];

describe('[MQTT-3.1.0-1] before CONNECT', () => {
  test.each(packets)('%s is closed without a word', (_, hex) => {
    const rig = openRig();
    const client = rig.open().sendsHex(hex);
    expect(client.receivedHex()).toBe('');
    expect(client.closed).toBe(true);
    expect(rig.stats).toMatchObject({ connections: 0, clients: 0, connectsRefused: 1, subscriptions: 0, publishReceived: 0 });
  });
  test('its first byte is enough', () => {
    const client = openRig().open().sendsHex('c0');
    expect(client.closed).toBe(true);
  });
  test('other protocols are closed at their first byte, a CONNECT behind it is not looked at', () => {
    for (const greeting of ['GET /mqtt HTTP/1.1\r\n\r\n', '\u0016\u0003\u0001', 'SSH-2.0-x\r\n', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n']) {
      const rig = openRig();
      const connect = Buffer.from('100e00044d5154540502000000000161', 'hex');
      const client = rig.open().sendsBytes(Buffer.concat([Buffer.from(greeting), connect]));
      expect(client.receivedHex()).toBe('');
      expect(client.closed).toBe(true);
    }
  });
});

const connectHex = { 3: '10 0f 0006 4d5149736470 03 02 0000 0001 61', 4: '10 0d 0004 4d515454 04 02 0000 0001 61', 5: '10 0e 0004 4d515454 05 02 0000 00 0001 61' };

describe.each(three)('$name', ({ name, protocolVersion }) => {
  /** Expects the error that the version allows, and nothing else. */
  function expectRefused(rig: Rig, client: WireClient, reasonCode: number): void {
    const answer = client.received();
    if (name === 'v5') expect(answer).toMatchObject([{ type: 'disconnect', reasonCode }]);
    else expect(answer).toEqual([]);
    expect(client.closed).toBe(true);
    expect(rig.stats).toMatchObject({ clients: 0, sessions: 0, protocolErrors: 1 });
  }
  const after = (hex: string): readonly [Rig, WireClient] => {
    const rig = openRig();
    return [rig, rig.client('a', { protocolVersion }).sendsHex(hex)];
  };

  describe('[MQTT-3.1.0-2] a second CONNECT closes the connection', () => {
    test('the same one', () => expectRefused(...after(connectHex[protocolVersion]), 0x82));
    test('one of another version', () => expectRefused(...after(connectHex[protocolVersion === 5 ? 4 : 5]), 0x82));
    test('for another client identifier, which is not connected then', () => {
      const rig = openRig();
      const client = rig.client('a', { protocolVersion }).connect({ clientId: 'b' });
      expectRefused(rig, client, 0x82);
    });
    test('one that is malformed, and one of which only the first byte is here', () => {
      expectRefused(...after('10 02 ff ff'), 0x82);
      expectRefused(...after('1f'), 0x82);
    });
    test('in the same chunk as the first: the first is answered', () => {
      const rig = openRig();
      const client = rig.open({ protocolVersion }).sendsHex(`${connectHex[protocolVersion]} ${connectHex[protocolVersion]}`);
      expect(client.received().map(({ type, reasonCode }) => [type, reasonCode])).toEqual(
        name === 'v5' ? [['connack', 0], ['disconnect', 0x82]] : [['connack', 0]],
      );
      expect(client.closed).toBe(true);
    });
    test('publishes the will', () => {
      const rig = openRig();
      const watcher = rig.subscriber('watcher', 'w');
      rig.client('a', { protocolVersion, will: { topic: 'w', payload: 'x' } }).sendsHex(connectHex[protocolVersion]);
      expect(payloads(watcher)).toEqual(['x']);
    });
  });

  test.each([
    ['CONNACK', '20 02 00 00', 0x82],
    ['SUBACK', '90 03 0001 00', 0x82],
    ['UNSUBACK', 'b0 02 0001', 0x82],
    ['PINGRESP', 'd0 00', 0x82],
    ['type 0', '00 00', 0x81],
  ])('X5-2.1.2-1 %s, which no client sends', (_, hex, reasonCode) => expectRefused(...after(hex), reasonCode));

  test('X5-2.1.2-1 such a packet is refused at its first byte', () => {
    for (const first of ['20', '90', 'b0', 'd0', '00']) {
      const [, client] = after(first);
      expect(client.closed).toBe(true);
    }
  });

  test.each([
    ['PUBACK', ['41', '48']],
    ['PUBREC', ['52']],
    ['PUBREL', ['60', '63']],
    ['PUBCOMP', ['74']],
    ['SUBSCRIBE', ['80', '83']],
    ['UNSUBSCRIBE', ['a0', 'a6']],
    ['PINGREQ', ['c1', 'c8']],
    ['DISCONNECT', ['e2']],
  ] as const)('[MQTT-2.1.3-1], v3.1.1 [MQTT-2.2.2-2] %s with other reserved flags is malformed', (_, firsts) => {
    for (const first of firsts) expectRefused(...after(`${first} 02 0001`), 0x81);
  });

  test('DUP on PUBREL, SUBSCRIBE and UNSUBSCRIBE is legal in 3.1 and malformed since', () => {
    for (const hex of ['6a 02 0001', '8a 06 0001 0001 74 00', 'aa 05 0001 0001 74']) {
      const [rig, client] = after(hex);
      if (name !== 'v3.1') expectRefused(rig, client, 0x81);
      else expect([client.received().length, client.closed]).toEqual([1, false]);
    }
  });

  test('PINGREQ with a body is malformed', () => expectRefused(...after('c0 01 00'), 0x81));

  test('[MQTT-3.12.4-1] PINGREQ is answered, each one', () => {
    const [, client] = after('c0 00 c0 00 c0 00');
    expect(client.receivedHex()).toBe('d0 00 d0 00 d0 00');
  });
});

test.each([3, 4] as const)('version %i: AUTH does not exist', (protocolVersion) => {
  const rig = openRig({ authenticate: () => true });
  const client = rig.client('a', { protocolVersion }).sendsHex('f0 00');
  expect(client.receivedHex()).toBe('');
  expect(client.closed).toBe(true);
});

describe('while CONNECT waits for its hook', () => {
  test.each(packets.filter(([name]) => name !== 'DISCONNECT'))('%s waits, and counts only after CONNACK', async (_, hex) => {
    let answer: (allow: boolean) => void = () => undefined;
    const rig = openRig({ authenticate: () => new Promise<boolean>((resolve) => (answer = resolve)) });
    const client = rig.open().connect({ clientId: 'a' }).sendsHex(hex);
    await rig.settle();
    expect([client.received(), client.closed]).toEqual([[], false]);
    answer(true);
    await rig.settle();
    expect(client.received()[0]).toMatchObject({ type: 'connack', reasonCode: 0 });
  });
});
