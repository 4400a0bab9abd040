/**
 * The broker as the store hears and tells it: a callback that throws is a bug of the broker, and must not stop what
 * the store was about. It is told as one.
 */
import { BrokerError } from '../../errors/errors.js';
import type { StorageListener } from '../storage.js';

/** Calls `run`, and tells what it throws. */
export type Guard = (run: () => void) => void;

export interface Guarded {
  readonly listener: StorageListener;
  readonly guard: Guard;
}

/** `listener`, none of whose methods throw, and what else is called of the broker. */
export function guarded(listener: StorageListener): Guarded {
  const guard = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      tell(listener, error);
    }
  };
  return {
    guard,
    listener: {
      onDurable: (lsn) => guard(() => listener.onDurable(lsn)),
      onFailed: (from, to, error) => guard(() => listener.onFailed(from, to, error)),
      onState: (state, error) => guard(() => listener.onState(state, error)),
      onDamaged: (error) => guard(() => listener.onDamaged(error)),
    },
  };
}

function tell(listener: StorageListener, cause: unknown): void {
  const message = cause instanceof Error ? cause.message : String(cause);
  try {
    listener.onDamaged(new BrokerError('ODN_ERR_INTERNAL', `what the store told the broker made it fail: ${message}`, { cause }));
  } catch {
    // Whoever throws when told of a bug has nobody left to be told.
  }
}
