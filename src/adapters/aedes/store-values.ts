/** Values of `aedesStore`: a version, a checksum, and the structured clone of what Aedes gave, `Buffer`s included. */
import { deserialize, serialize } from 'node:v8';
import { BrokerError } from '../../errors/errors.js';
import { crc32 } from '../../util/crc32.js';

const version = 1;
const headBytes = 5;

export function toValue(content: unknown): Buffer {
  const body = serialize(content);
  const head = Buffer.allocUnsafe(headBytes);
  head[0] = version;
  head.writeUInt32BE(crc32(body), 1);
  return Buffer.concat([head, body]);
}

/** @throws BrokerError ODN_ERR_STORAGE_FORMAT, ODN_ERR_STORAGE_CORRUPT */
export function fromValue<T>(value: Uint8Array): T {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes[0] !== version) throw new BrokerError('ODN_ERR_STORAGE_FORMAT', `a stored packet has version ${bytes[0]}, this release reads ${version}`);
  if (bytes.length < headBytes || crc32(bytes, headBytes) !== bytes.readUInt32BE(1)) {
    throw new BrokerError('ODN_ERR_STORAGE_CORRUPT', 'a stored packet is damaged: its checksum is wrong');
  }
  return deserialize(bytes.subarray(headBytes)) as T;
}
