// Goal: the parser reads exactly what proxy-protocol.txt allows, wherever the bytes are cut, and nothing else.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseProxyHeader, type ProxyHeaderResult } from '../../../src/transport/proxy-protocol.js';
import { v2Header, v2IPv4, v2IPv6, v2Tlv } from './proxy-headers.js';

const parseText = (text: string): ProxyHeaderResult => parseProxyHeader(Buffer.from(text, 'latin1'));
const mqtt = Buffer.from('100c00044d5154540402003c0000', 'hex');

const ipv4 = {
  sourceAddress: '203.0.113.7',
  sourcePort: 56_324,
  destinationAddress: '192.0.2.1',
  destinationPort: 1_883,
};
const ipv6 = {
  sourceAddress: '2001:db8::7',
  sourcePort: 56_324,
  destinationAddress: '::1',
  destinationPort: 8_883,
};

/** Every legal header here, and what it means. */
const vectors: readonly (readonly [name: string, bytes: Buffer, header: unknown])[] = [
  ['v1 IPv4', Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 56324 1883\r\n'), ipv4],
  ['v1 IPv6', Buffer.from('PROXY TCP6 2001:DB8::7 ::1 56324 8883\r\n'), ipv6],
  ['v1 unknown', Buffer.from('PROXY UNKNOWN\r\n'), 'local'],
  ['v1 unknown with addresses', Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n'), 'local'],
  ['v1 longest', Buffer.from(`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`), 'local'],
  ['v2 IPv4', v2Header(0x21, 0x11, v2IPv4('203.0.113.7', '192.0.2.1', 56_324, 1_883)), ipv4],
  ['v2 IPv6', v2Header(0x21, 0x21, v2IPv6('20010db8000000000000000000000007', `${'0'.repeat(31)}1`, 56_324, 8_883)), ipv6],
  ['v2 local', v2Header(0x20, 0x00), 'local'],
  ['v2 local with an address to ignore', v2Header(0x20, 0x11, Buffer.alloc(5)), 'local'],
  ['v2 unspecified', v2Header(0x21, 0x00, Buffer.alloc(9)), 'local'],
  ['v2 UNIX socket', v2Header(0x21, 0x31, Buffer.alloc(216)), 'local'],
  [
    'v2 with unknown TLVs',
    v2Header(0x21, 0x11, v2IPv4('203.0.113.7', '192.0.2.1', 56_324, 1_883), v2Tlv(0xea, Buffer.alloc(300)), v2Tlv(0x04)),
    ipv4,
  ],
  [
    'v2 with TLS',
    v2Header(
      0x21,
      0x11,
      v2IPv4('203.0.113.7', '192.0.2.1', 56_324, 1_883),
      v2Tlv(0x02, Buffer.from('broker.example')),
      v2Tlv(0x20, Buffer.from([0x07, 0, 0, 0, 0]), v2Tlv(0x21, Buffer.from('TLSv1.3')), v2Tlv(0x22, Buffer.from('device-7'))),
    ),
    { ...ipv4, tls: { verified: true, commonName: 'device-7', serverName: 'broker.example' } },
  ],
];

describe('legal headers', () => {
  test.each(vectors)('%s', (_name, bytes, header) => {
    expect(parseProxyHeader(bytes)).toEqual({ header, bytes: bytes.length });
  });

  test.each(vectors)('%s: "more" at every cut, and MQTT begins behind it', (_name, bytes, header) => {
    for (let length = 0; length < bytes.length; length += 1) {
      expect(parseProxyHeader(bytes.subarray(0, length))).toBe('more');
    }
    const shifted = Buffer.concat([Buffer.from([0xff]), bytes, mqtt]).subarray(1); // not at the start of its memory
    expect(parseProxyHeader(shifted)).toEqual({ header, bytes: bytes.length });
  });

  test('a certificate counts as verified only when one was shown and found good', () => {
    const verified = (client: number, verify: number): unknown => {
      const ssl = v2Tlv(0x20, Buffer.from([client, 0, 0, 0, verify]));
      const result = parseProxyHeader(v2Header(0x21, 0x11, v2IPv4('1.2.3.4', '5.6.7.8', 1, 2), ssl));
      return typeof result === 'object' && result.header !== 'local' ? result.header.tls : undefined;
    };
    expect(verified(0x01, 0)).toEqual({ verified: false }); // TLS without a certificate
    expect(verified(0x03, 0)).toEqual({ verified: true });
    expect(verified(0x05, 0)).toEqual({ verified: true });
    expect(verified(0x03, 1)).toEqual({ verified: false });
  });

  test('IPv6 is written as Node writes it', () => {
    const textOf = (hex: string): unknown => {
      const result = parseProxyHeader(v2Header(0x21, 0x21, v2IPv6(hex, hex, 1, 2)));
      return typeof result === 'object' && result.header !== 'local' ? result.header.sourceAddress : undefined;
    };
    expect(textOf('0'.repeat(32))).toBe('::');
    expect(textOf('00000000000000000000ffffc0000201')).toBe('::ffff:192.0.2.1');
    expect(textOf('20010db8000000010000000000000001')).toBe('2001:db8:0:1::1');
  });
});

describe('hostile input', () => {
  test.each([
    'GET / HTTP/1.1\r\n',
    'PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n',
    'PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n',
    'PROXY TCP4 1.2.3.4\0 5.6.7.8 1 2\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    'PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n\r\n',
    'PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY UNKNOWNx\r\n',
    'PROXY \r\n',
    'proxy tcp4 1.2.3.4 5.6.7.8 1 2\r\n',
    `PROXY UNKNOWN ${'f'.repeat(92)}\r\n`,
    `PROXY TCP4 ${'1'.repeat(96)}`,
  ])('v1 %j is invalid', (text) => {
    expect(parseText(text)).toBe('invalid');
  });

  const addresses = v2IPv4('1.2.3.4', '5.6.7.8', 1, 2);
  test.each([
    ['version 1', v2Header(0x11, 0x11, addresses)],
    ['command 2', v2Header(0x22, 0x11, addresses)],
    ['UDP', v2Header(0x21, 0x12, addresses)],
    ['an unknown family', v2Header(0x21, 0x41, addresses)],
    ['addresses cut short', v2Header(0x21, 0x11, addresses.subarray(1))],
    ['IPv4 addresses as IPv6', v2Header(0x21, 0x21, addresses)],
    ['a TLV cut in its head', v2Header(0x21, 0x11, addresses, Buffer.from([0x04, 0]))],
    ['a TLV longer than the header', v2Header(0x21, 0x11, addresses, Buffer.from([0x04, 0, 5, 1, 2]))],
    ['an SSL TLV that is too short', v2Header(0x21, 0x11, addresses, v2Tlv(0x20, Buffer.alloc(4)))],
    ['an SSL sub-TLV cut off', v2Header(0x21, 0x11, addresses, v2Tlv(0x20, Buffer.alloc(5), Buffer.from([0x22, 0, 9, 65])))],
    ['a length above the limit', v2Header(0x21, 0x11, Buffer.alloc(4_097))],
  ])('v2 with %s is invalid', (_name, bytes) => {
    expect(parseProxyHeader(bytes)).toBe('invalid');
  });

  test('an impossible header is refused before its rest has come', () => {
    expect(parseProxyHeader(v2Header(0x31, 0x11).subarray(0, 13))).toBe('invalid');
    expect(parseProxyHeader(v2Header(0x21, 0x11, Buffer.alloc(60_000)).subarray(0, 16))).toBe('invalid');
    expect(parseProxyHeader(mqtt.subarray(0, 1))).toBe('invalid');
  });

  // Method: any bytes, and legal headers with one byte changed; a result must lie within the input.
  test('no input throws or reaches beyond itself', () => {
    const anyBytes = fc.uint8Array({ maxLength: 200 });
    const changed = fc
      .tuple(fc.constantFrom(...vectors), fc.nat(), fc.integer({ min: 0, max: 255 }))
      .map(([[, bytes], at, byte]) => {
        const copy = Uint8Array.from(bytes);
        copy[at % copy.length] = byte;
        return copy;
      });
    let runs = 0;
    fc.assert(
      fc.property(fc.oneof(anyBytes, changed), (bytes) => {
        runs += 1;
        const result = parseProxyHeader(bytes);
        if (typeof result === 'object') expect(result.bytes).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2_000 },
    );
    expect(runs).toBeGreaterThanOrEqual(2_000);
  });
});
