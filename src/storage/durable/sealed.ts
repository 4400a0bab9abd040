/** Stored values: a version, a checksum, and what they hold. A value that is not what was written says so. */
import { BrokerError } from '../../errors/errors.js';
import { crc32 } from '../../util/crc32.js';
import { ByteReader, DamagedError } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';

/** Of each value; a newer one is not guessed at. */
const recordVersion = 1;
const sealBytes = 5;

/** Begins a value in an empty writer. */
export function beginValue(writer: ByteWriter): void {
  writer.clear();
  writer.byte(recordVersion);
  writer.uint32(0);
}

/** Ends it, and returns its bytes: the writer's own memory. */
export function sealValue(writer: ByteWriter): Buffer {
  writer.patchUint32(1, crc32(writer.view, sealBytes));
  return writer.view;
}

/** The value that `write` makes, in memory of its own. */
export function valueOf(writer: ByteWriter, write: (writer: ByteWriter) => void): Buffer {
  beginValue(writer);
  write(writer);
  return Buffer.from(sealValue(writer));
}

/** Opens the value of `what` for reading; throws a `DamagedError` when its checksum is wrong. */
export function openValue(value: Uint8Array, what: string): ByteReader {
  const reader = new ByteReader(value);
  const version = reader.byte();
  const checksum = reader.uint32();
  if (version !== recordVersion) {
    throw new BrokerError('ODN_ERR_STORAGE_FORMAT', `${what} has record version ${version}, this release reads ${recordVersion}`);
  }
  const found = crc32(value, sealBytes);
  if (found !== checksum) throw new DamagedError(`checksum 0x${found.toString(16)}, stored 0x${checksum.toString(16)}`);
  return reader;
}

/** Whether this is the sealed value with this checksum, whole and unharmed. */
export const isWhole = (value: Uint8Array, checksum: number): boolean =>
  value.length >= sealBytes && checksumOf(value) === checksum && crc32(value, sealBytes) === checksum;

/** The checksum of a sealed value. */
export const checksumOf = (value: Uint8Array): number =>
  Buffer.from(value.buffer, value.byteOffset, value.byteLength).readUInt32BE(1);

/** Something that was stored is not where it was stored. */
export const damaged = (message: string): BrokerError =>
  new BrokerError('ODN_ERR_STORAGE_CORRUPT', message, { cause: new DamagedError(message) });

/** The error of the host for what went wrong while `what` was read. */
export function readFailure(error: unknown, what: string): BrokerError {
  if (error instanceof BrokerError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof DamagedError ? 'ODN_ERR_STORAGE_CORRUPT' : 'ODN_ERR_STORAGE_READ';
  const verb = error instanceof DamagedError ? 'is damaged' : 'could not be read';
  return new BrokerError(code, `${what} ${verb}: ${message}`, { cause: error });
}
