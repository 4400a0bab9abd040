/**
 * User properties in the order in which they were sent (v5 3.3.2.3.7). mqtt-packet gathers them into an
 * object and loses it, so they are read once more from the bytes of a packet that it has accepted.
 */

/** How the value of each property is written, by identifier (v5 table 2-4). */
const widths: Readonly<Record<number, number | 'string' | 'pair' | 'varint'>> = {
  0x01: 1, 0x02: 4, 0x03: 'string', 0x08: 'string', 0x09: 'string', 0x0b: 'varint', 0x11: 4, 0x12: 'string',
  0x13: 2, 0x15: 'string', 0x16: 'string', 0x17: 1, 0x18: 4, 0x19: 1, 0x1a: 'string', 0x1c: 'string',
  0x1f: 'string', 0x21: 2, 0x22: 2, 0x23: 2, 0x24: 1, 0x25: 1, 0x26: 'pair', 0x27: 4, 0x28: 1, 0x29: 1, 0x2a: 1,
}; // prettier-ignore

/** Reads from `at` on; the caller has made sure that the packet is whole. */
class Reader {
  readonly #bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    const value = this.#bytes.readUInt8(this.at);
    this.at += 1;
    return value;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  }

  text(): string {
    const end = this.at + 2 + this.#bytes.readUInt16BE(this.at);
    const value = this.#bytes.toString('utf8', this.at + 2, end);
    this.at = end;
    return value;
  }
}

/** What stands before the properties, by packet type: fixed bytes behind the fixed header. */
const bytesBefore: Readonly<Record<number, number>> = { 2: 2, 4: 3, 5: 3, 6: 3, 7: 3, 9: 2, 11: 2, 14: 1, 15: 1 };

/** The user properties of one whole 5.0 packet from a broker. */
export function userPropertiesOf(packet: Buffer): (readonly [name: string, value: string])[] {
  const found: (readonly [string, string])[] = [];
  const reader = new Reader(packet, 0);
  const first = reader.byte();
  const type = first >> 4;
  reader.varint();
  if (type === 3) {
    reader.text();
    if ((first & 0x06) !== 0) reader.at += 2;
  } else {
    reader.at += bytesBefore[type] ?? packet.length;
  }
  if (reader.at >= packet.length) return found; // the short form, which has no properties
  const bytes = reader.varint();
  const end = reader.at + bytes;
  while (reader.at < end) {
    const width = widths[reader.byte()];
    if (width === 'pair') found.push([reader.text(), reader.text()]);
    else if (width === 'string') reader.text();
    else if (width === 'varint') reader.varint();
    else reader.at += width ?? packet.length;
  }
  return found;
}
