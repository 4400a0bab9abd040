/**
 * Reads the fields of one packet from left to right, never beyond its end. Used where objects are made
 * (CONNECT, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT, AUTH); PUBLISH and acknowledgements are read without it.
 */
import { copyOf, readUint16 } from './bytes.js';
import { fieldMissing, formatStatement, packetIdZero, textFault, trailingBytes } from './fault.js';
import type { Properties } from './packets.js';
import type { PropertyHome } from './property.js';
import type { ProtocolVersion } from './protocol.js';
import { propertiesEnd, readProperties } from './read-properties.js';
import type { PropertyLimits } from './scan-properties.js';
import { decodeUtf8, utf8Problem } from './utf8.js';
import { readVariableByteInteger, variableByteIntegerBytes } from './variable-byte-integer.js';

export class FieldReader {
  readonly buffer: Uint8Array;
  at: number;
  readonly end: number;
  readonly version: ProtocolVersion;
  readonly limits: PropertyLimits;

  constructor(buffer: Uint8Array, start: number, end: number, version: ProtocolVersion, limits: PropertyLimits) {
    this.buffer = buffer;
    this.at = start;
    this.end = end;
    this.version = version;
    this.limits = limits;
  }

  get done(): boolean {
    return this.at === this.end;
  }

  byte(what: string, statement = formatStatement(this.version)): number {
    if (this.at >= this.end) throw fieldMissing(what, statement);
    const value = this.buffer[this.at] as number;
    this.at += 1;
    return value;
  }

  uint16(what: string, statement = formatStatement(this.version)): number {
    if (this.at + 2 > this.end) throw fieldMissing(what, statement);
    const value = readUint16(this.buffer, this.at);
    this.at += 2;
    return value;
  }

  packetId(): number {
    const id = this.uint16('Packet Identifier');
    if (id === 0) throw packetIdZero(this.version); // v5 [MQTT-2.2.1-3]
    return id;
  }

  /** A UTF-8 Encoded String. `statement` is cited when it is missing or cut. */
  text(what: string, statement = formatStatement(this.version)): string {
    const start = this.at + 2;
    const end = this.skipField(what, statement);
    const problem = utf8Problem(this.buffer, start, end, this.limits.strictText);
    if (problem !== 0) throw textFault(problem, this.version); // v5 [MQTT-1.5.4-1] [MQTT-1.5.4-2] [X5-1.5.4-1]
    return decodeUtf8(this.buffer, start, end);
  }

  /** Binary Data, copied. */
  binary(what: string, statement = formatStatement(this.version)): Buffer {
    const start = this.at + 2;
    return copyOf(this.buffer, start, this.skipField(what, statement));
  }

  /** Property Length and properties of a 5.0 packet. */
  properties(home: PropertyHome): Properties {
    const length = readVariableByteInteger(this.buffer, this.at, this.end);
    const start = this.at + variableByteIntegerBytes(length);
    this.at = propertiesEnd(start, length, this.end);
    return readProperties(this.buffer, start, this.at, home, this.limits);
  }

  /** Nothing may follow the last field. */
  finish(statement = formatStatement(this.version)): void {
    if (this.at !== this.end) throw trailingBytes(this.end - this.at, statement);
  }

  private skipField(what: string, statement: string): number {
    const length = this.uint16(what, statement);
    if (this.at + length > this.end) throw fieldMissing(what, statement); // v5 [X5-1.5.6-1]
    this.at += length;
    return this.at;
  }
}
