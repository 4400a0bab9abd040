/** What the `odonata` command does, with the process around it as a parameter. */
import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createBroker } from '../broker/broker.js';
import type { Broker } from '../broker/broker.js';
import type { ListenOptions } from '../broker/lifecycle.js';
import type { BrokerOptions } from '../broker/options.js';
import { isBrokerError } from '../errors/errors.js';
import { level } from '../storage/level/level.js';
import { memoryStorage } from '../storage/memory.js';
import { version } from '../broker/version.js';
import { help, readArguments, UsageError } from './arguments.js';
import type { ServeCommand, TlsFiles } from './arguments.js';
import { announce, errorPrinter, printable, report, reportClients } from './reports.js';

/** The process, as far as the command needs one. */
export interface CommandIo {
  /** Prints a line. */
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  /** Calls `listener` at each SIGINT and SIGTERM. */
  readonly onSignal: (listener: (signal: 'SIGINT' | 'SIGTERM') => void) => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
  /** Imports a module. */
  readonly load: (url: string) => Promise<unknown>;
}

/** Runs the command to its end; resolves with the exit code. */
export async function main(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const command = readArguments(argv);
    if (command.action === 'serve') return await serve(command, io);
    io.out(command.action === 'help' ? help : version);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    io.err(printable(`odonata: ${error.message}; see odonata --help`));
    return 2;
  }
}

async function serve(command: ServeCommand, io: CommandIo): Promise<number> {
  const broker = await makeBroker(command, io);
  const printError = errorPrinter(io);
  report(broker, printError, io);
  if (command.output === 'verbose') reportClients(broker, io);
  const closed = new Promise<void>((done) => broker.once('closed', done));
  io.onSignal((signal) => {
    if (broker.closed) return io.exit(128 + constants.signals[signal]);
    void broker.close();
  });
  try {
    await broker.ready();
    const openings = (await listenOptions(command)).map((options) => broker.listen(options));
    // All are waited for, so that none is left opening behind a failure.
    await Promise.allSettled(openings);
    const listeners = await Promise.all(openings);
    if (command.output !== 'quiet') announce(broker, listeners, command, io);
  } catch (error) {
    const interrupted = broker.closed;
    await broker.close();
    if (interrupted) return 0;
    if (!isBrokerError(error)) throw error;
    printError(error);
    return 1;
  }
  await closed;
  return 0;
}

/** @throws UsageError: the config is not one. */
async function makeBroker({ config, data, memory }: ServeCommand, io: CommandIo): Promise<Broker> {
  const given = config === undefined ? {} : await loadConfig(config, io);
  const storage = memory ? memoryStorage() : data === undefined ? undefined : level(data);
  try {
    return createBroker(storage === undefined ? given : { ...given, storage });
  } catch (error) {
    if (!isBrokerError(error)) throw error;
    throw new UsageError(`${config}: ${error.message}`, { cause: error });
  }
}

async function loadConfig(file: string, io: CommandIo): Promise<BrokerOptions> {
  let loaded: unknown;
  try {
    loaded = await io.load(pathToFileURL(resolve(file)).href);
  } catch (cause) {
    throw new UsageError(`cannot load ${file}: ${whyNotLoaded(cause)}`, { cause });
  }
  const options = (loaded as { readonly default?: unknown }).default;
  if (typeof options !== 'object' || options === null) {
    throw new UsageError(`${file} has no default export that is an object of broker options`);
  }
  return options;
}

function whyNotLoaded(cause: unknown): string {
  const { code, message = String(cause) } = Object(cause) as Partial<NodeJS.ErrnoException>; // a module may throw anything
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[cm]?ts\b/.test(message)) {
    return `Node ${process.version} does not run TypeScript; 22.18, 23.6 and later do, or compile it to JavaScript`;
  }
  return message.split('\n', 1)[0] ?? '';
}

async function listenOptions({ host, port, tls, webSocket }: ServeCommand): Promise<ListenOptions[]> {
  const all: ListenOptions[] = [];
  if (port !== undefined) all.push({ host, port });
  if (tls !== undefined) all.push({ host, port: tls.port, tls: await readTls(tls) });
  if (webSocket !== undefined) all.push({ host, port: webSocket.port, webSocketPath: webSocket.path });
  return all;
}

async function readTls({ cert, key, ca, requestCert }: TlsFiles): Promise<NonNullable<ListenOptions['tls']>> {
  const read = (file: string): Promise<Buffer> =>
    readFile(file).catch((cause: Error) => {
      throw new UsageError(`cannot read ${file}: ${cause.message}`, { cause });
    });
  return {
    cert: await read(cert),
    key: await read(key),
    ...(ca !== undefined && { ca: await read(ca) }),
    requestCert,
    rejectUnauthorized: requestCert,
  };
}
