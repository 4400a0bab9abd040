/** What `broker.connect()` takes, and whether it is legal. */
import { BrokerError } from '../errors/errors.js';
import type { QoS } from '../packet/protocol.js';
import type { Engine } from '../protocol/ports.js';
import { hostTextProblem } from './host-message.js';
import type { PublishProperties } from '../packet/packets.js';
import type { MessageListener } from './message-stream.js';

/** A will of an in-process client. @public */
export interface LocalWill extends PublishProperties {
  /** Topic name, without wildcards. */
  readonly topic: string;
  /** A string is sent as UTF-8. */
  readonly payload: string | Uint8Array;
  /** Default 0. */
  readonly qos?: QoS;
  /** Keep it as the topic's retained message. Default false. */
  readonly retain?: boolean;
  /** Whole seconds between the end of the connection and the will, 0 to 4,294,967,295; the end of the session comes first if it is earlier. Default 0. */
  readonly willDelaySeconds?: number;
}

/** Options of `broker.connect()`. @public */
export interface ConnectOptions {
  /** Default: one that the broker assigns. */
  readonly clientId?: string;
  /** Who the session belongs to and `authorize` is asked about. Default: anonymous. */
  readonly principal?: string;
  /** Default true. */
  readonly cleanStart?: boolean;
  /** How long the session outlives the connection, in seconds; 4,294,967,295 = for ever. Default 0. */
  readonly sessionExpirySeconds?: number;
  /** Published when the client goes away without `disconnect()`, or with reason code 0x04. Default: none. */
  readonly will?: LocalWill;
  /** QoS 1 and 2 messages to receive before the first is acknowledged; 1 to 65,535, default 100. */
  readonly receiveMaximum?: number;
  /** Gets every message; without it, iterate over the client. */
  readonly onMessage?: MessageListener;
}

const names = new Set(['clientId', 'principal', 'cleanStart', 'sessionExpirySeconds', 'will', 'receiveMaximum', 'onMessage']);
const clientIdBytesMax = 65_535;

/** The will's message is checked when it is made. @throws BrokerError `ODN_ERR_ARGUMENT` */
export function checkConnectOptions(engine: Engine, options: ConnectOptions): void {
  const { clientId, principal, cleanStart = true, sessionExpirySeconds = 0, will, receiveMaximum = 100, onMessage } = options;
  const unknown = Object.keys(options).find((name) => !names.has(name));
  if (unknown !== undefined) throw wrong(`there is no option ${unknown} of connect()`);
  if (clientId !== undefined) checkClientId(engine, clientId);
  checkType('principal', principal, 'string');
  checkType('cleanStart', cleanStart, 'boolean');
  checkType('onMessage', onMessage, 'function');
  checkNumber('sessionExpirySeconds', sessionExpirySeconds, 0, 0xffff_ffff);
  checkNumber('receiveMaximum', receiveMaximum, 1, 65_535);
  if (will === undefined) return;
  if (will === null) throw wrong('the will is null; leave it out');
  checkType('will', will, 'object');
  checkNumber('willDelaySeconds', will.willDelaySeconds ?? 0, 0, 0xffff_ffff);
}

/** As a client's own: see protocol/client-id.ts. */
function checkClientId(engine: Engine, clientId: unknown): void {
  if (typeof clientId !== 'string' || clientId === '') throw wrong('clientId must be a string that is not empty');
  const problem = hostTextProblem(engine, clientId);
  if (problem !== undefined) throw wrong(`the clientId ${problem}`);
  if (Buffer.byteLength(clientId) > clientIdBytesMax) throw wrong(`the clientId has more than ${clientIdBytesMax} bytes`);
  if (!engine.options.clientIdWildcards && /[+#]/.test(clientId)) throw wrong(`the clientId ${clientId} has a + or # (clientIdWildcards)`);
}

function checkType(name: string, value: unknown, type: string): void {
  if (value === undefined || typeof value === type) return;
  throw wrong(`${name} is a ${typeof value}; it must be a ${type}`);
}

function checkNumber(name: string, value: unknown, least: number, most: number): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return;
  throw wrong(`${name} is ${String(value)}; it must be an integer from ${least} to ${most}`);
}

const wrong = (message: string): BrokerError => new BrokerError('ODN_ERR_ARGUMENT', message);
