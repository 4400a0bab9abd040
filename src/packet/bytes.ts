/** Numbers and copies out of received bytes, and back. */

export function readUint16(buffer: Uint8Array, at: number): number {
  return ((buffer[at] as number) << 8) | (buffer[at + 1] as number);
}

export function readUint32(buffer: Uint8Array, at: number): number {
  return readUint16(buffer, at) * 0x1_0000 + readUint16(buffer, at + 2);
}

/** `buffer[start, end)` with bytes of its own, outside Node's pool: it may live as long as a session. */
export function copyOf(buffer: Uint8Array, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(end - start);
  copy.set(buffer.subarray(start, end));
  return copy;
}

/** The two bytes of a Packet Identifier. */
export function idBytes(packetId: number): [number, number] {
  return [packetId >> 8, packetId & 0xff];
}
