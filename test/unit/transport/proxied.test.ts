// Goal: behind a trusted proxy `meta` is the real client's and MQTT starts behind the header; nobody else can say so.
import { describe, expect, test } from '@jest/globals';
import { memoryTransportPair } from '../../../src/transport/memory-transport.js';
import { proxiedTransport } from '../../../src/transport/proxied.js';
import type { Transport } from '../../../src/transport/transport.js';
import { trustedAddresses } from '../../../src/transport/trusted-addresses.js';
import { v2Header, v2IPv4, v2Tlv } from './proxy-headers.js';
import { record } from './support.js';

const v1 = Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 56324 1883\r\n');
const trusted = trustedAddresses(['10.0.0.0/8']);

function open(remoteAddress: string | undefined = '10.1.2.3') {
  const meta = { transport: 'tcp', remotePort: 1, ...(remoteAddress !== '' && { remoteAddress }) } as const;
  const [far, near] = memoryTransportPair(meta);
  const transport: Transport = proxiedTransport(near, trusted);
  return { far, near, transport, atFar: record(far), received: record(transport) };
}

describe('from a trusted address', () => {
  test('the header is taken off, wherever it is cut', () => {
    const bytes = Buffer.concat([v1, Buffer.from('MQTT')]);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const { far, transport, received } = open();
      expect(transport.meta.remoteAddress).toBe('10.1.2.3');
      far.write(bytes.subarray(0, cut));
      if (cut < v1.length) expect(received.calls).toEqual([]);
      far.write(bytes.subarray(cut));
      expect(received.bytes.toString()).toBe('MQTT');
      expect(transport.meta).toEqual({
        transport: 'tcp',
        remoteAddress: '203.0.113.7',
        remotePort: 56_324,
        localAddress: '192.0.2.1',
        localPort: 1_883,
      });
    }
  });

  test('byte by byte, then everything passes through both ways', () => {
    const { far, transport, atFar, received } = open();
    for (const byte of v1) far.write(Uint8Array.of(byte));
    expect(received.calls).toEqual([]);
    far.write(Buffer.from('PROXY is a topic now'));
    transport.pause();
    far.write(Buffer.from('later'));
    expect(received.calls).toEqual(['bytes:PROXY is a topic now']);
    transport.resume();
    far.pause();
    transport.write(Buffer.from('ab'));
    transport.writeMany([Buffer.from('c'), Buffer.from('d')]);
    expect(transport.unsentBytes).toBe(4);
    far.resume();
    transport.end();
    far.end();
    expect(received.calls.slice(1)).toEqual(['bytes:later', 'drain', 'end', 'close']);
    expect(atFar.calls).toEqual(['drain', 'bytes:ab', 'bytes:cd', 'end', 'close']);
    expect(received.error).toBeUndefined();
  });

  test('the facts of the client’s TLS connection are in the meta', () => {
    const { far, transport } = open();
    const ssl = v2Tlv(0x20, Buffer.from([0x07, 0, 0, 0, 0]), v2Tlv(0x22, Buffer.from('device-7')));
    const addresses = v2IPv4('203.0.113.7', '192.0.2.1', 56_324, 8_883);
    far.write(v2Header(0x21, 0x11, addresses, ssl, v2Tlv(0x02, Buffer.from('broker.example'))));
    expect(transport.meta).toMatchObject({
      remoteAddress: '203.0.113.7',
      tls: { authorized: true, serverName: 'broker.example', peerCertificate: { subject: { CN: 'device-7' } } },
    });
  });

  test('a connection of the proxy’s own keeps its addresses', () => {
    const { far, transport, received } = open();
    far.write(Buffer.concat([v2Header(0x20, 0), Buffer.from('x')]));
    expect([transport.meta.remoteAddress, received.calls]).toEqual(['10.1.2.3', ['bytes:x']]);
  });

  test('no valid header: destroyed with ODN_ERR_PROXY_HEADER, nothing delivered', () => {
    const { far, atFar, received } = open();
    far.write(Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\nMQTT'));
    far.write(Buffer.from('MQTT'));
    expect([received.calls, atFar.calls]).toEqual([['close'], ['close']]);
    expect(received.error).toMatchObject({ code: 'ODN_ERR_PROXY_HEADER', message: expect.stringContaining('10.1.2.3') });
  });

  test('a header that never ends is refused at its limit', () => {
    const { far, received } = open();
    far.write(Buffer.from('PROXY '));
    let sent = 6;
    for (; received.calls.length === 0 && sent < 10_000; sent += 1) far.write(Buffer.from('x'));
    expect(sent).toBe(107);
    expect(received.error).toMatchObject({ code: 'ODN_ERR_PROXY_HEADER' });
  });

  test('an end within the header is a fault, an end without a byte is a health check', () => {
    const broken = open();
    broken.far.write(v1.subarray(0, 5));
    broken.far.end();
    expect(broken.received.calls).toEqual(['close']);
    expect(broken.received.error).toMatchObject({ code: 'ODN_ERR_PROXY_HEADER' });
    const check = open();
    check.far.end();
    check.transport.destroy();
    expect([check.received.calls, check.received.error]).toEqual([['end', 'close'], undefined]);
  });
});

test.each(['11.0.0.1', '::1', 'not an address', ''])('from %j the header is only bytes', (address) => {
  const { far, near, transport, received } = open(address);
  expect(transport).toBe(near);
  far.write(v1);
  expect(received.bytes.equals(v1)).toBe(true);
  expect(transport.meta.remotePort).toBe(1);
});

describe('trustedAddresses', () => {
  test('matches networks, addresses and mapped addresses', () => {
    const matches = trustedAddresses(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', 'fe80::1', '172.16.0.0/12']);
    const asked = ['10.255.0.1', '::ffff:10.0.0.1', '192.0.2.1', '2001:db8:1::1', 'fe80::1%eth0', '172.31.255.255'];
    expect(asked.filter((address) => !matches(address))).toEqual([]);
    const others = ['11.0.0.1', '::ffff:11.0.0.1', '192.0.2.2', '2001:db9::1', 'fe80::2', '172.32.0.1', '', 'x', undefined];
    expect(others.filter(matches)).toEqual([]);
    expect(trustedAddresses([])('127.0.0.1')).toBe(false);
  });

  test.each(['10.0.0.0/33', '10.0.0/8', '::/129', 'localhost', '10.0.0.0/', '10.0.0.0/8/8', 'fe80::1%eth0', '10.0.0.0/-1'])(
    '%j is ODN_ERR_OPTION',
    (network) => {
      expect(() => trustedAddresses([network])).toThrow(expect.objectContaining({ code: 'ODN_ERR_OPTION' }));
    },
  );
});
