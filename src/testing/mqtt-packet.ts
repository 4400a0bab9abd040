/** The optional package mqtt-packet, loaded by the first wire client: the rest of the test kit works without it. */
import { createRequire } from 'node:module';
import type * as MqttPacket from 'mqtt-packet';
import { BrokerError } from '../errors/errors.js';

export type { Packet } from 'mqtt-packet';

let loaded: typeof MqttPacket | undefined;

/** @throws BrokerError `ODN_ERR_MISSING_PACKAGE` */
export function mqttPacket(): typeof MqttPacket {
  if (loaded !== undefined) return loaded;
  try {
    return (loaded = createRequire(import.meta.url)('mqtt-packet') as typeof MqttPacket);
  } catch (cause) {
    const remedy = 'npm install --save-dev mqtt-packet';
    throw new BrokerError('ODN_ERR_MISSING_PACKAGE', `a wire client needs the package "mqtt-packet": ${remedy}`, { cause });
  }
}
