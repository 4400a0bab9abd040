/** Writes PROXY protocol version 2 headers, good and bad ones. */
const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);

/** `versionAndCommand` 0x21 is PROXY, 0x20 LOCAL; `family` 0x11 is TCP over IPv4. */
export function v2Header(versionAndCommand: number, family: number, ...rest: Buffer[]): Buffer {
  const body = Buffer.concat(rest);
  return Buffer.concat([signature, Buffer.from([versionAndCommand, family]), uint16(body.length), body]);
}

export function v2IPv4(source: string, destination: string, sourcePort: number, destinationPort: number): Buffer {
  const addresses = [...source.split('.'), ...destination.split('.')].map(Number);
  return Buffer.concat([Buffer.from(addresses), uint16(sourcePort), uint16(destinationPort)]);
}

/** Addresses as 32 hexadecimal digits. */
export function v2IPv6(source: string, destination: string, sourcePort: number, destinationPort: number): Buffer {
  return Buffer.concat([Buffer.from(source + destination, 'hex'), uint16(sourcePort), uint16(destinationPort)]);
}

export function v2Tlv(type: number, ...value: Buffer[]): Buffer {
  const bytes = Buffer.concat(value);
  return Buffer.concat([Buffer.from([type]), uint16(bytes.length), bytes]);
}
