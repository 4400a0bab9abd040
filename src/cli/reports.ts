/** What `odonata` prints while it runs. */
import type { Broker } from '../broker/broker.js';
import { ReasonCode } from '../packet/reason-code.js';
import type { Client } from '../protocol/client.js';
import type { Listener } from '../transport/listener.js';
import type { ServeCommand } from './arguments.js';

interface Output {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

const versionNames = { 3: '3.1', 4: '3.1.1', 5: '5.0' } as const;

/** One line per listener, where messages are kept, and who may use them. */
export function announce(broker: Broker, listeners: readonly Listener[], command: ServeCommand, { out, err }: Output): void {
  for (const { url } of listeners) out(url);
  if (command.data !== undefined) out(printable(`messages are kept in ${command.data}`));
  if (broker.options.hooks.authenticate !== undefined) return;
  const checksCertificates = command.tls?.requestCert === true;
  const open = listeners.find(({ url }) => !(checksCertificates && url.startsWith('mqtts:')));
  if (open === undefined) return;
  const { host } = open;
  const remedy = isLoopback(host) ? '' : '; give --config a module with an authenticate hook, or --host 127.0.0.1';
  err(`no authentication: everyone who reaches ${host} is served${remedy}`);
}

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');

/** Prints each error once, however many ways it comes. */
export function errorPrinter({ err }: Output): (error: Error) => void {
  const printed = new WeakSet<Error>();
  return (error) => {
    if (printed.has(error)) return;
    printed.add(error);
    err(printable(`odonata: ${error.message}`));
  };
}

/** Errors that nobody else is told of. A logger of the config gets them instead. */
export function report(broker: Broker, printError: (error: Error) => void, { err }: Output): void {
  const print = (what: string): void => err(printable(`odonata: ${what}`));
  if (broker.options.logger === undefined) broker.on('error', printError);
  broker.on('hookError', (error) => print(error.message));
  broker.on('storageState', (state, error) => print(`storage ${state}${error === undefined ? '' : `: ${error.message}`}`));
}

/** Clients as they come and go. */
export function reportClients(broker: Broker, { out }: Output): void {
  const print = (what: string): void => out(printable(what));
  broker.on('client', (client, { sessionPresent }) => {
    const session = sessionPresent ? ', session resumed' : '';
    print(`client '${client.id}' connected: ${originOf(client)}${session}`);
  });
  broker.on('clientDisconnected', (client, { reasonCode, why }) => {
    print(`client '${client.id}' disconnected: ${inWords(reasonCode, why)}`);
  });
  broker.on('connectRefused', ({ clientId, reasonCode, why }) => {
    const who = clientId === undefined ? 'a connection' : `client '${clientId}'`;
    print(`${who} refused: ${inWords(reasonCode, why)}`);
  });
}

function originOf({ protocolVersion, principal, connection }: Client): string {
  const { transport = 'stream', remoteAddress, remotePort } = connection;
  const from = remoteAddress === undefined ? '' : ` from ${remoteAddress} port ${remotePort}`;
  const who = principal === undefined ? '' : ` as '${principal}'`;
  return `MQTT ${versionNames[protocolVersion]} over ${transport}${from}${who}`;
}

/** A hook that refuses need not say why: then the code's own name does. */
function inWords(reasonCode: number, why: string): string {
  if (reasonCode === 0) return why;
  const [name = 'refused'] = Object.entries(ReasonCode).find(([, code]) => code === reasonCode) ?? [];
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${why === '' ? words : why} (0x${reasonCode.toString(16)})`;
}

/** What peers send must not break a line or steer the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
