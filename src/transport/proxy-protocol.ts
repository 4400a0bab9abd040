/**
 * The PROXY protocol header, versions 1 and 2, with which a load balancer states the real client's address
 * (HAProxy's proxy-protocol.txt). Pure and strict: it is parsed before anything is known about the peer.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** The real client as the proxy states it. */
export interface ProxyHeader {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
  /** The client's TLS connection to the proxy (version 2 only). */
  readonly tls?: ProxyTls;
}

export interface ProxyTls {
  /** The client showed a certificate and the proxy verified it. */
  readonly verified: boolean;
  /** Common name of that certificate. */
  readonly commonName?: string;
  /** Server Name Indication. */
  readonly serverName?: string;
}

/**
 * `local`: a valid header that states no address, so the connection's own addresses are the real ones
 * (a health check of the proxy, or a client that came over something other than IP).
 */
export type ProxyHeaderResult =
  | { readonly header: ProxyHeader | 'local'; /** Length of the header; MQTT begins behind it. */ readonly bytes: number }
  | 'more'
  | 'invalid';

/** A longer version 1 header cannot be; 2.1 of the document. */
const v1BytesMax = 107;
const v1Start = Buffer.from('PROXY ', 'latin1');
const v2Signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const v2FixedBytes = 16;
/** Behind the fixed part. The document asks for 520 at least; proxies add a few short TLVs. */
const v2RestBytesMax = 4_096;

/** Reads the header at the start of `bytes`. Never looks at more than the header and never keeps `bytes`. */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeaderResult {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (startsAlike(buffer, v1Start)) return buffer.length < v1Start.length ? 'more' : parseV1(buffer);
  if (startsAlike(buffer, v2Signature)) return buffer.length < v2FixedBytes ? checkV2Start(buffer) : parseV2(buffer);
  return 'invalid';
}

/** Whether one is the beginning of the other. */
function startsAlike(buffer: Buffer, start: Buffer): boolean {
  const length = Math.min(buffer.length, start.length);
  return buffer.compare(start, 0, length, 0, length) === 0;
}

function parseV1(buffer: Buffer): ProxyHeaderResult {
  const end = buffer.subarray(0, v1BytesMax).indexOf('\r\n');
  if (end < 0) return buffer.length < v1BytesMax ? 'more' : 'invalid';
  const bytes = end + 2;
  const line = buffer.toString('latin1', 0, end);
  // Whatever follows UNKNOWN is to be ignored.
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { header: 'local', bytes };
  const [, family, sourceAddress = '', destinationAddress = '', sourcePort = '', destinationPort = '', ...rest] =
    line.split(' ');
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : undefined;
  const isLegal =
    isAddress !== undefined &&
    isAddress(sourceAddress) &&
    isAddress(destinationAddress) &&
    isPort(sourcePort) &&
    isPort(destinationPort) &&
    rest.length === 0;
  if (!isLegal) return 'invalid';
  return {
    header: {
      sourceAddress: sourceAddress.toLowerCase(),
      sourcePort: Number(sourcePort),
      destinationAddress: destinationAddress.toLowerCase(),
      destinationPort: Number(destinationPort),
    },
    bytes,
  };
}

/** Without a zone such as `%eth0`, which means nothing here. */
const isPlainIPv6 = (text: string): boolean => isIPv6(text) && !text.includes('%');
const isPort = (text: string): boolean => /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

/** Refuses a wrong version or command with the first byte that shows it. */
function checkV2Start(buffer: Buffer): 'more' | 'invalid' {
  const versionAndCommand = buffer[12];
  return versionAndCommand === undefined || versionAndCommand === 0x20 || versionAndCommand === 0x21 ? 'more' : 'invalid';
}

/** Address family and transport of the header, as the document's table has them, with the length of their addresses. */
const v2Families: Readonly<Record<number, { readonly addressBytes: number; readonly isIP: boolean }>> = {
  0x00: { addressBytes: 0, isIP: false }, // unspecified
  0x11: { addressBytes: 12, isIP: true }, // TCP over IPv4
  0x21: { addressBytes: 36, isIP: true }, // TCP over IPv6
  0x31: { addressBytes: 216, isIP: false }, // a UNIX stream socket
};

function parseV2(buffer: Buffer): ProxyHeaderResult {
  const restBytes = buffer.readUInt16BE(14);
  const bytes = v2FixedBytes + restBytes;
  if (checkV2Start(buffer) === 'invalid' || restBytes > v2RestBytesMax) return 'invalid';
  if (buffer.length < bytes) return 'more';
  if (buffer[12] === 0x20) return { header: 'local', bytes }; // LOCAL: the rest is to be ignored
  const family = v2Families[buffer.readUInt8(13)];
  if (family === undefined || restBytes < family.addressBytes) return 'invalid';
  if (!family.isIP) return { header: 'local', bytes };
  const addresses = buffer.subarray(v2FixedBytes, v2FixedBytes + family.addressBytes);
  const tlvs = readTlvs(buffer.subarray(v2FixedBytes + family.addressBytes, bytes));
  const tls = tlvs === undefined ? undefined : tlsOf(tlvs);
  if (tls === undefined) return 'invalid';
  return { header: { ...readAddresses(addresses), ...(tls !== 'none' && { tls }) }, bytes };
}

function readAddresses(buffer: Buffer): Omit<ProxyHeader, 'tls'> {
  const addressBytes = (buffer.length - 4) / 2;
  const read = addressBytes === 4 ? ipv4Text : ipv6Text;
  return {
    sourceAddress: read(buffer.subarray(0, addressBytes)),
    destinationAddress: read(buffer.subarray(addressBytes, 2 * addressBytes)),
    sourcePort: buffer.readUInt16BE(2 * addressBytes),
    destinationPort: buffer.readUInt16BE(2 * addressBytes + 2),
  };
}

const ipv4Text = (buffer: Buffer): string => buffer.join('.');

/** As Node writes addresses: shortest form, and `::ffff:192.0.2.1` for a mapped IPv4 address. */
function ipv6Text(buffer: Buffer): string {
  const hex = buffer.toString('hex');
  if (hex.startsWith('00000000000000000000ffff')) return `::ffff:${ipv4Text(buffer.subarray(12))}`;
  return new URL(`http://[${hex.match(/.{4}/g)?.join(':')}]`).hostname.slice(1, -1);
}

const tlvAuthority = 0x02;
const tlvSsl = 0x20;
const tlvSslCommonName = 0x22;
/** Client bits of the SSL TLV: it showed a certificate over this connection, or over its TLS session. */
const sslCertificateShown = 0x02 | 0x04;
const sslFixedBytes = 5;

/** Values by type, the last of each; `undefined` when one is cut off. */
function readTlvs(buffer: Buffer): ReadonlyMap<number, Buffer> | undefined {
  const values = new Map<number, Buffer>();
  let at = 0;
  while (at < buffer.length) {
    if (at + 3 > buffer.length) return undefined;
    const end = at + 3 + buffer.readUInt16BE(at + 1);
    if (end > buffer.length) return undefined;
    values.set(buffer.readUInt8(at), buffer.subarray(at + 3, end));
    at = end;
  }
  return values;
}

/** `undefined` when the SSL TLV is ill-formed. All other TLVs are skipped. */
function tlsOf(tlvs: ReadonlyMap<number, Buffer>): ProxyTls | 'none' | undefined {
  const authority = tlvs.get(tlvAuthority);
  const serverName = authority === undefined ? {} : { serverName: authority.toString('utf8') };
  const ssl = tlvs.get(tlvSsl);
  if (ssl === undefined) return authority === undefined ? 'none' : { verified: false, ...serverName };
  if (ssl.length < sslFixedBytes) return undefined;
  const subTlvs = readTlvs(ssl.subarray(sslFixedBytes));
  if (subTlvs === undefined) return undefined;
  const commonName = subTlvs.get(tlvSslCommonName);
  return {
    verified: (ssl.readUInt8(0) & sslCertificateShown) !== 0 && ssl.readUInt32BE(1) === 0,
    ...(commonName !== undefined && { commonName: commonName.toString('utf8') }),
    ...serverName,
  };
}
