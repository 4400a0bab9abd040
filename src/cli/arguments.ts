/** The command line of `odonata`: from words to what is to be done, or a `UsageError` of one line. */
import { parseArgs } from 'node:util';

/** The command cannot be carried out as it was given: exit code 2. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}

/** Certificate files of the mqtts listener. */
export interface TlsFiles {
  readonly port: number;
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
  /** Refuse clients without a certificate that `ca` signed. */
  readonly requestCert: boolean;
}

/** What `odonata` was asked to serve. */
export interface ServeCommand {
  readonly action: 'serve';
  readonly host: string;
  /** Plain MQTT; `undefined` is none. */
  readonly port: number | undefined;
  readonly tls: TlsFiles | undefined;
  readonly webSocket: { readonly port: number; readonly path: string } | undefined;
  readonly config: string | undefined;
  readonly memory: boolean;
  /** Folder that keeps what must survive a restart. */
  readonly data: string | undefined;
  readonly output: 'quiet' | 'normal' | 'verbose';
}

export type Command = ServeCommand | { readonly action: 'help' | 'version' };

export const help = `Usage: odonata [options]

Runs an MQTT broker (3.1, 3.1.1 and 5.0) and prints the address of each listener.

  --port PORT          plain MQTT on this port; 0 = any free one, none = no plain MQTT (1883)
  --host ADDRESS       address to listen on (127.0.0.1)
  --tls-cert FILE      certificate (PEM); with --tls-key: MQTT over TLS too
  --tls-key FILE       private key of the certificate (PEM)
  --tls-port PORT      port of MQTT over TLS (8883)
  --tls-request-cert   refuse TLS clients without a certificate signed by --tls-ca
  --tls-ca FILE        authority of the client certificates (PEM)
  --ws-port PORT       MQTT over WebSocket too, on this port
  --ws-path PATH       path of MQTT over WebSocket (/mqtt)
  --config FILE        JavaScript or TypeScript module whose default export is the broker's options, hooks included
  --data DIR           keep sessions, queues and retained messages in this folder, synced before they are acknowledged
  --memory             keep everything in memory, whatever the config says; without --data or a config it is so anyway
  --verbose            print clients as they come and go
  --quiet              print errors only
  -h, --help           print this
  --version            print the version

SIGINT and SIGTERM close the broker in order; a second one ends it at once.
Exit codes: 0 closed in order, 1 could not listen or open its storage, 2 bad arguments or config.`;

const options = {
  port: { type: 'string', default: '1883' },
  host: { type: 'string', default: '127.0.0.1' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'tls-ca': { type: 'string' },
  'tls-port': { type: 'string' },
  'tls-request-cert': { type: 'boolean', default: false },
  'ws-port': { type: 'string' },
  'ws-path': { type: 'string' },
  config: { type: 'string' },
  data: { type: 'string' },
  memory: { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
  quiet: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', default: false },
} as const;

/** @throws UsageError */
export function readArguments(argv: readonly string[]): Command {
  const values = parse(argv);
  if (values.help) return { action: 'help' };
  if (values.version) return { action: 'version' };
  if (values.host === '') throw new UsageError('--host needs an address');
  if (values.quiet && values.verbose) throw new UsageError('--quiet and --verbose exclude each other');
  if (values.data === '') throw new UsageError('--data needs a folder');
  if (values.data !== undefined && values.memory) throw new UsageError('--data and --memory exclude each other');
  const command: ServeCommand = {
    action: 'serve',
    host: values.host,
    port: values.port === 'none' ? undefined : portOf('--port', values.port),
    tls: tlsOf(values),
    webSocket: webSocketOf(values),
    config: values.config,
    memory: values.memory,
    data: values.data,
    output: values.quiet ? 'quiet' : values.verbose ? 'verbose' : 'normal',
  };
  if (command.port === undefined && command.tls === undefined && command.webSocket === undefined) {
    throw new UsageError('--port none leaves nothing to listen on: give --ws-port, or --tls-cert and --tls-key');
  }
  return command;
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    // Node's messages go on with advice about dashes.
    const [fault] = (cause as Error).message.split(/\.?\s*\n|\. /, 1);
    throw new UsageError(fault, { cause });
  }
}

type Values = ReturnType<typeof parse>;

function tlsOf(values: Values): TlsFiles | undefined {
  const { 'tls-cert': cert, 'tls-key': key, 'tls-ca': ca, 'tls-port': port, 'tls-request-cert': requestCert } = values;
  if (cert === undefined || key === undefined) {
    const given = [cert, key, ca, port].some((value) => value !== undefined) || requestCert;
    if (given) throw new UsageError('TLS needs both --tls-cert and --tls-key');
    return undefined;
  }
  // Without one, Node would trust every public authority to name our clients.
  if (requestCert && ca === undefined) throw new UsageError('--tls-request-cert needs --tls-ca');
  return { port: portOf('--tls-port', port ?? '8883'), cert, key, ca, requestCert };
}

function webSocketOf(values: Values): ServeCommand['webSocket'] {
  const { 'ws-port': port, 'ws-path': path } = values;
  if (port === undefined) {
    if (path !== undefined) throw new UsageError('--ws-path needs --ws-port');
    return undefined;
  }
  if (path !== undefined && !/^\/[^?#\s]*$/.test(path)) {
    throw new UsageError(`--ws-path is '${path}'; it must be a path such as /mqtt`);
  }
  return { port: portOf('--ws-port', port), path: path ?? '/mqtt' };
}

function portOf(name: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new UsageError(`${name} is '${text}'; it must be a number from 0 to 65535`);
}
