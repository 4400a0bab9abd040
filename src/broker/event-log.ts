/** What goes to the `logger` while the broker runs: connections at `debug`, the broker itself at `info`, what is odd at `warn`. */
import type { Logger } from '../observe/logger.js';
import type { Client } from '../protocol/client.js';
import type { BrokerEvents, EventLog } from './events.js';

type Lines = { readonly [E in keyof BrokerEvents]?: (logger: Logger, ...args: Parameters<BrokerEvents[E]>) => void };

const facts = ({ id, principal, protocolVersion, connection: { transport, remoteAddress } }: Client): object => ({
  clientId: id,
  principal,
  protocolVersion,
  transport,
  remoteAddress,
});

/** Once per connection or rarer: events about messages are the host's to log. */
const lines: Lines = {
  client: (logger, client, { sessionPresent }) => logger.debug({ ...facts(client), sessionPresent }, 'client connected'),
  clientDisconnected: (logger, { id }, { reasonCode, why }) =>
    logger.debug({ clientId: id, reasonCode, why }, 'client disconnected'),
  connectRefused: (logger, { clientId, reasonCode, why, connection: { transport, remoteAddress } }) =>
    logger.debug({ clientId, reasonCode, why, transport, remoteAddress }, 'connection refused'),
  listening: (logger, { url }) => logger.info({ url }, 'listening'),
  closed: (logger) => logger.info({}, 'closed'),
  hookError: (logger, error, hook) => logger.warn({ err: error, code: error.code, hook }, error.message),
  storageState: (logger, state, error) => {
    if (state === 'ok') logger.info({ state }, 'storage works again');
    else logger.warn({ state, err: error, code: error?.code }, `storage ${state}`);
  },
};

/** Logs what is listed above; `undefined` without a logger. */
export function eventLog(logger: Logger | undefined): EventLog | undefined {
  return logger === undefined ? undefined : (event, args) => lines[event]?.(logger, ...args);
}
