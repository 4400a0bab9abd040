// Goal: a wire client sends exactly what it is told, shows exactly what came, and hides nothing that is wrong.
// Method: a peer of a few lines that speaks mqtt-packet or raw bytes, in place of the broker.
import { describe, expect, test } from '@jest/globals';
import { generate, parser, type Packet } from 'mqtt-packet';
import { virtualClock, WireClient, type WireClientOptions, type WireVersion } from '../../../src/testing/index.js';
import type { Transport } from '../../../src/transport/transport.js';

/** Takes down what it is sent; answers nothing by itself. */
class Peer {
  readonly chunks: Uint8Array[] = [];
  readonly events: string[] = [];
  readonly version: WireVersion;
  transport: Transport | undefined;

  constructor(version: WireVersion = 5) {
    this.version = version;
  }

  accept(transport: Transport): void {
    this.transport = transport;
    transport.start({
      onBytes: (chunk) => void this.chunks.push(chunk),
      onDrain: () => void this.events.push('drain'),
      onEnd: () => void this.events.push('end'),
      onClose: () => void this.events.push('close'),
    });
  }

  get hex(): string {
    return Buffer.concat(this.chunks.splice(0)).toString('hex');
  }

  /** What it was sent, as mqtt-packet reads it, without the noise. */
  get packets(): Record<string, unknown>[] {
    const found: Record<string, unknown>[] = [];
    const reading = parser({ protocolVersion: this.version });
    reading.on('packet', (packet) => found.push(JSON.parse(JSON.stringify(packet)) as Record<string, unknown>));
    reading.parse(Buffer.concat(this.chunks.splice(0)));
    return found;
  }

  sends(...packets: Packet[]): void {
    for (const packet of packets) this.transport?.write(generate(packet, { protocolVersion: this.version }));
  }

  sendsHex(hex: string): void {
    this.transport?.write(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  }
}

const open = (options: WireClientOptions = {}) => new WireClient(new Peer(options.protocolVersion), options);

describe('sending', () => {
  test('CONNECT in each version', () => {
    expect(open({ protocolVersion: 3 }).connect({ clientId: 'a' }).broker.hex).toBe('100f00064d514973647003020000000161');
    expect(open({ protocolVersion: 4 }).connect({ clientId: 'a', clean: false }).broker.hex).toBe('100d00044d51545404000000000161');
    expect(open().connect({ clientId: 'a', cleanStart: false, keepalive: 60 }).broker.hex).toBe('100e00044d5154540500003c00000161');
  });

  test('a will, a password and properties reach the wire', () => {
    const will = { topic: 'w', payload: new Uint8Array([255]), qos: 1, retain: true, properties: { willDelayInterval: 5 } } as const;
    const client = open().connect({
      clientId: 'a',
      username: 'u',
      password: Uint8Array.of(1, 2),
      will,
      properties: { sessionExpiryInterval: 7, userProperties: [['b', '1'], ['a', '2'], ['b', '3']] },
    }); // prettier-ignore
    const userProperties = '260001620001312600016100013226000162000133';
    const hex = `00044d51545405ee00001a1100000007${userProperties}0001610518000000050001770001ff00017500020102`;
    expect(client.broker.hex).toBe(`10${(hex.length / 2).toString(16)}${hex}`);
  });

  test('packet identifiers count from 1 unless given, over PUBLISH, SUBSCRIBE and UNSUBSCRIBE', () => {
    const client = open()
      .publish({ topic: 'a', qos: 1, payload: 'x' })
      .publish({ topic: 'a' })
      .subscribe('f/#', { qos: 2, nl: true, rh: 1, properties: { subscriptionIdentifier: 9 } })
      .subscribe(['g', { topic: 'h', qos: 1, rap: true }], { packetId: 77 })
      .unsubscribe(['f/#', 'g'])
      .publish({ topic: 'a', qos: 2, packetId: 500, retain: true, dup: true });
    const packets = client.broker.packets;
    expect(packets.map(({ cmd, messageId }) => [cmd, messageId])).toEqual([
      ['publish', 1],
      ['publish', undefined],
      ['subscribe', 2],
      ['subscribe', 77],
      ['unsubscribe', 3],
      ['publish', 500],
    ]);
    expect(packets[2]).toMatchObject({
      properties: { subscriptionIdentifier: 9 },
      subscriptions: [{ topic: 'f/#', qos: 2, nl: true, rap: false, rh: 1 }],
    });
    expect(packets[3]).toMatchObject({ subscriptions: [{ topic: 'g', qos: 0 }, { topic: 'h', qos: 1, rap: true }] });
    expect(packets[5]).toMatchObject({ retain: true, dup: true, qos: 2 });
  });

  test('acknowledgements, PINGREQ, DISCONNECT and AUTH', () => {
    const hexOf = (send: (client: WireClient<Peer>) => unknown, protocolVersion: WireVersion = 5): string => {
      const client = open({ protocolVersion });
      send(client);
      return client.broker.hex;
    };
    expect(hexOf((client) => client.puback(1).pubrec(2).pubrel(3).pubcomp(4))).toBe('40020001500200026202000370020004');
    expect(hexOf((client) => client.puback(1, 0x87))).toBe('400400018700');
    expect(hexOf((client) => client.puback(1), 4)).toBe('40020001');
    expect(hexOf((client) => client.pingreq())).toBe('c000');
    expect(hexOf((client) => client.disconnect(), 4)).toBe('e000');
    expect(hexOf((client) => client.disconnect(4, { reasonString: 'x' }))).toBe('e00604041f000178');
    expect(hexOf((client) => client.auth(0x18, { authenticationMethod: 'm', authenticationData: 'd' }))).toBe('f00a18081500016d16000164');
    expect(hexOf((client) => client.sends({ cmd: 'pingresp' }))).toBe('d000');
    expect(hexOf((client) => client.sendsHex(' C0\n00 ').sendsBytes(Uint8Array.of(0xff)))).toBe('c000ff');
    expect(() => open().sendsHex('c0 0')).toThrow(/not hexadecimal/);
    expect(() => open().sends({ cmd: 'nonsense' })).toThrow(/Unknown command/);
  });

  test('cutInto delivers each send in pieces', () => {
    const client = open({ cutInto: 3 });
    const sizes = (): number[] => client.broker.chunks.splice(0).map(({ length }) => length);
    expect([client.sendsHex('00010203040506'), sizes()][1]).toEqual([3, 3, 1]);
    expect([client.cutInto(1).pingreq(), sizes()][1]).toEqual([1, 1]);
  });

  test('the turn of the clock ends after each send', () => {
    const clock = virtualClock();
    const peer = new Peer();
    const client = new WireClient(peer, { clock });
    clock.endOfTurn(() => peer.sends({ cmd: 'pingresp' }));
    expect(client.received()).toEqual([]);
    expect(client.pingreq().received()).toEqual([{ type: 'pingresp' }]);
    expect(client.clock).toBe(clock);
    expect(() => open().clock).toThrow(/without its clock/);
  });
});

describe('receiving', () => {
  test('every packet of a 5.0 broker, with the fields that are documented and no others', () => {
    const client = open();
    client.broker.sends(
      { cmd: 'connack', reasonCode: 0, sessionPresent: true, properties: { receiveMaximum: 10, retainAvailable: false } },
      { cmd: 'publish', topic: 't', payload: 'text', qos: 0, retain: true, dup: false },
      { cmd: 'publish', topic: 't', payload: Buffer.from([0xff, 0]), qos: 2, retain: false, dup: true, messageId: 7 },
      { cmd: 'puback', messageId: 1, reasonCode: 0x10 },
      { cmd: 'pubrec', messageId: 2, reasonCode: 0 },
      { cmd: 'pubrel', messageId: 3, reasonCode: 0x92, properties: { reasonString: 'gone' } },
      { cmd: 'pubcomp', messageId: 4, reasonCode: 0 },
      { cmd: 'suback', messageId: 5, granted: [0, 2, 0x87] },
      { cmd: 'unsuback', messageId: 6, granted: [0x11] },
      { cmd: 'pingresp' },
      { cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'm', authenticationData: Buffer.from('d') } },
      { cmd: 'disconnect', reasonCode: 0x8e },
    );
    expect(client.received()).toStrictEqual([
      { type: 'connack', reasonCode: 0, sessionPresent: true, properties: { receiveMaximum: 10, retainAvailable: false } },
      { type: 'publish', topic: 't', payload: 'text', qos: 0, retain: true, dup: false },
      { type: 'publish', topic: 't', payload: '0xff00', qos: 2, retain: false, dup: true, packetId: 7 },
      { type: 'puback', packetId: 1, reasonCode: 0x10 },
      { type: 'pubrec', packetId: 2, reasonCode: 0 },
      { type: 'pubrel', packetId: 3, reasonCode: 0x92, properties: { reasonString: 'gone' } },
      { type: 'pubcomp', packetId: 4, reasonCode: 0 },
      { type: 'suback', packetId: 5, reasonCodes: [0, 2, 0x87] },
      { type: 'unsuback', packetId: 6, reasonCodes: [0x11] },
      { type: 'pingresp' },
      { type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'm', authenticationData: 'd' } },
      { type: 'disconnect', reasonCode: 0x8e },
    ]);
    expect(client.received()).toEqual([]);
  });

  test('every packet of a 3.1.1 broker', () => {
    const client = open({ protocolVersion: 4 });
    client.broker.sends(
      { cmd: 'connack', returnCode: 5, sessionPresent: false },
      { cmd: 'publish', topic: 't', payload: '', qos: 1, retain: false, dup: false, messageId: 7 },
      { cmd: 'puback', messageId: 1 },
      { cmd: 'suback', messageId: 5, granted: [1, 0x80] },
      { cmd: 'unsuback', messageId: 6, granted: [] },
    );
    expect(client.received()).toStrictEqual([
      { type: 'connack', reasonCode: 5, sessionPresent: false },
      { type: 'publish', topic: 't', payload: '', qos: 1, retain: false, dup: false, packetId: 7 },
      { type: 'puback', packetId: 1 },
      { type: 'suback', packetId: 5, reasonCodes: [1, 0x80] },
      { type: 'unsuback', packetId: 6 },
    ]);
  });

  test('user properties keep order and repetition in every packet that has them', () => {
    const client = open();
    // c: 3, a: 1, c: 2
    const pairs = '26 0001 63 0001 33 26 0001 61 0001 31 26 0001 63 0001 32'.replaceAll(' ', '');
    const section = `15${pairs}`;
    const packet = (first: string, before: string, after = ''): void => {
      const rest = before + section + after;
      client.broker.sendsHex(first + (rest.length / 2).toString(16).padStart(2, '0') + rest);
    };
    packet('20', '0000');
    packet('30', '000174', '70');
    packet('32', '0001740009', '70');
    for (const first of ['40', '50']) packet(first, '000110');
    for (const first of ['62', '70']) packet(first, '000192');
    packet('90', '0001', '00');
    packet('b0', '0001', '00');
    packet('e0', '82');
    packet('f0', '18');
    const received = client.received();
    expect(received).toHaveLength(11);
    const expected = [['c', '3'], ['a', '1'], ['c', '2']]; // prettier-ignore
    for (const { properties } of received) expect(properties).toEqual({ userProperties: expected });
  });

  test('user properties are found among properties of every kind', () => {
    const client = open();
    const properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      contentType: 'c',
      responseTopic: 'r',
      correlationData: Buffer.from([1, 0xff]),
      subscriptionIdentifier: [1, 70_000],
      topicAlias: 3,
      userProperties: { 1: 'numeric', k: ['a', 'b'] },
    };
    client.broker.sends({ cmd: 'publish', topic: 't', payload: '', qos: 0, retain: false, dup: false, properties });
    expect(client.last()?.properties).toEqual({
      ...properties,
      correlationData: '0x01ff',
      userProperties: [['1', 'numeric'], ['k', 'a'], ['k', 'b']],
    }); // prettier-ignore
  });

  test('a packet is shown once it is whole; raw bytes are shown as they are', () => {
    const client = open();
    client.broker.sendsHex('d000d0');
    expect(client.received()).toEqual([{ type: 'pingresp' }]);
    expect(client.received()).toEqual([]);
    client.broker.sendsHex('00');
    expect(client.receivedHex()).toBe('d0 00');
    expect(client.receivedHex()).toBe('');
    client.broker.sendsHex('d000e000');
    expect(client.last()).toEqual({ type: 'disconnect', reasonCode: 0 });
    client.broker.sendsHex('d000');
    expect(client.skip().received()).toEqual([]);
  });

  // v5 DISCONNECT without a reason code: mqtt-packet alone would read into the packet behind it.
  test('a short packet does not swallow the next', () => {
    const client = open();
    client.broker.sendsHex('e000d000e00181d000');
    expect(client.received()).toEqual([
      { type: 'disconnect', reasonCode: 0 },
      { type: 'pingresp' },
      { type: 'disconnect', reasonCode: 0x81 },
      { type: 'pingresp' },
    ]);
  });

  test.each([
    ['a reserved type', '0000', /no MQTT packet/],
    ['wrong flags', '4102 0001', /no MQTT packet/],
    ['an unknown reason code', '4004 0001 7700', /no MQTT packet/],
    ['an unknown property', '2005 0000 02 7f00', /no MQTT packet/],
    ['a packet that only clients send', 'c000', /does not send pingreq/],
    ['a Remaining Length of five bytes', '30 ffffffff 01', /more than four bytes/],
    ['a Remaining Length that is too long for its value', '30 8000', /shortest form/],
  ])('%s is an error of received()', (_name, hex, message) => {
    const client = open();
    client.broker.sendsHex(hex.replaceAll(' ', ''));
    expect(() => client.received()).toThrow(message);
  });

  test('connected() takes the CONNACK only when it accepts', () => {
    const peer = new Peer();
    const client = new WireClient(peer);
    expect(() => client.connected()).toThrow(/accepting CONNACK, got undefined/);
    peer.sends({ cmd: 'connack', reasonCode: 0x87, sessionPresent: false });
    expect(() => client.connected()).toThrow(/135/);
    peer.sends({ cmd: 'connack', reasonCode: 0, sessionPresent: false }, { cmd: 'pingresp' });
    expect(client.connected().received()).toEqual([{ type: 'pingresp' }]);
  });
});

describe('the connection', () => {
  test('a broker that ends is followed, at the end of the turn', () => {
    const clock = virtualClock();
    const client = open({ clock });
    client.broker.transport?.end();
    expect([client.ended, client.closed, client.broker.events]).toEqual([true, false, []]);
    clock.flush();
    expect([client.ended, client.closed, client.broker.events]).toEqual([true, true, ['end', 'close']]);
  });

  test('unless the client stays half-open', () => {
    const client = open({ halfOpen: true });
    client.broker.transport?.end();
    expect([client.ended, client.closed]).toEqual([true, false]);
    expect(client.pingreq().broker.hex).toBe('c000');
    expect([client.end().closed, client.broker.events]).toEqual([true, ['end', 'close']]);
  });

  test('a broker that destroys is closed, and one that stops within a packet is an error', () => {
    const client = open();
    client.broker.sendsHex('d0');
    client.broker.transport?.destroy();
    expect([client.closed, client.ended]).toEqual([true, false]);
    expect(() => client.received()).toThrow(/closed within a packet: d0/);
  });

  test('drop vanishes; pause leaves what is sent with the broker', () => {
    const client = open({ meta: { remoteAddress: '203.0.113.7' } });
    const { broker } = client;
    expect(broker.transport?.meta).toEqual({ remoteAddress: '203.0.113.7' });
    client.pause();
    broker.sendsHex('d000');
    expect([client.received(), broker.transport?.unsentBytes]).toEqual([[], 2]);
    expect(client.resume().received()).toEqual([{ type: 'pingresp' }]);
    expect([client.drop().closed, broker.events]).toEqual([true, ['drain', 'close']]);
  });
});
