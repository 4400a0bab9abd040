/** The logger port, and where an error goes that nobody listens to. */
import { isBrokerError } from '../errors/errors.js';

/**
 * What the broker logs to: pino, or anything that takes an object of fields and a message. Calls must not throw.
 * @public
 */
export interface Logger {
  /** Single connections: clients as they come and go, connections that were refused. */
  debug(fields: object, message?: string): void;
  /** The broker itself: listening, storage working again, closed. */
  info(fields: object, message?: string): void;
  /** What is odd and survived: a hook that failed, a store that stalls. */
  warn(fields: object, message?: string): void;
  /** What is emitted as `error` and no listener took. */
  error(fields: object, message?: string): void;
}

const nothing = (): void => {};

/** Logs nothing: the default. @public */
export const silentLogger: Logger = Object.freeze({ debug: nothing, info: nothing, warn: nothing, error: nothing });

/**
 * An error that no `error` listener took: to the logger, or without one to `process.emitWarning` with its code,
 * so that it is never lost.
 */
export function reportUnheard(error: unknown, logger: Logger | undefined): void {
  const code = isBrokerError(error) ? error.code : 'ODN_ERR_INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  if (logger !== undefined) return logger.error({ err: error, code }, message);
  const stack = error instanceof Error ? error.stack : undefined;
  process.emitWarning(message, { type: 'OdonataWarning', code, ...(stack !== undefined && { detail: stack }) });
}
