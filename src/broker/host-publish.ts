/** A publish from inside the process: routed at once, settled when it is stored as far as its QoS promises. */
import { BrokerError } from '../errors/errors.js';
import type { Publication } from '../packet/publication.js';
import { RouteResult } from '../protocol/ports.js';
import type { Engine } from '../protocol/ports.js';
import type { Session } from '../protocol/session.js';

/** @throws BrokerError `ODN_ERR_QUOTA`, `ODN_ERR_STORAGE_WRITE`, `ODN_ERR_ABORTED` */
export function routeFromHost(
  engine: Engine,
  message: Publication,
  origin: Session | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (message.retain && message.qos > 0 && engine.router.retainedRefusal(message) !== 0) {
    engine.observer.dropped('quota', message, message.publisherId);
    const { retainedMessagesMax, retainedBytesMax } = engine.options;
    const limits = `${retainedMessagesMax} messages, ${retainedBytesMax} bytes`;
    return Promise.reject(new BrokerError('ODN_ERR_QUOTA', `the retained store is full (${limits}): ${message.topic} was not published`));
  }
  engine.counters.publishReceived += 1;
  engine.counters.publishReceivedBytes += message.end - message.payloadStart;
  const result = new RouteResult();
  engine.router.publish(message, engine.router.lookupTopic(message.topic), origin, result);
  if (engine.observer.wantsPublish) engine.observer.published(message, origin?.client);
  const { lsn } = result;
  if (message.qos === 0 || engine.durability.has(lsn)) {
    engine.router.publishOwn(message, result);
    return Promise.resolve();
  }
  return new Promise<void>((resolve, reject) => {
    const abort = (): void => reject(aborted('publish'));
    signal?.addEventListener('abort', abort, { once: true });
    const settled = (): void => signal?.removeEventListener('abort', abort);
    engine.durability.after(
      lsn,
      () => {
        settled();
        resolve();
        engine.router.publishOwn(message, result);
      },
      (error) => {
        settled();
        reject(error);
        engine.router.publishOwn(message, result); // what is queued in memory goes on
      },
    );
  });
}

export const aborted = (what: string): BrokerError => new BrokerError('ODN_ERR_ABORTED', `${what} was given up: its signal fired`);
