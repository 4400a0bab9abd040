/** Runs the `odonata` command inside the test, and plain sockets to talk to it. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { main, type CommandIo } from '../../src/cli/main.js';
import { Lines } from '../support/lines.js';

export const fixture = (...path: string[]): string => join(import.meta.dirname, '..', 'fixtures', ...path);
export const config = (name: string): string => join(import.meta.dirname, 'configs', name);

export class Command {
  readonly out = new Lines();
  readonly err = new Lines();
  /** Codes with which it ended its process at once. */
  readonly exits: number[] = [];
  /** The exit code, once it has run to its end. */
  readonly ended: Promise<number>;
  private onSignal: ((signal: 'SIGINT' | 'SIGTERM') => void) | undefined = undefined;

  constructor(argv: readonly string[], io: Partial<CommandIo> = {}) {
    this.ended = main(argv, {
      out: (line) => this.out.add(line),
      err: (line) => this.err.add(line),
      onSignal: (listener) => (this.onSignal = listener),
      exit: (code) => void this.exits.push(code),
      load: (url) => import(url),
      ...io,
    });
  }

  signal(name: 'SIGINT' | 'SIGTERM' = 'SIGTERM'): void {
    this.onSignal?.(name);
  }

  /** The port of the listener with this scheme. */
  async port(scheme = 'mqtt'): Promise<number> {
    return Number(new URL(await this.out.find(new RegExp(`^${scheme}://`))).port);
  }
}

const commands: Command[] = [];
const sockets: Socket[] = [];

/** Starts the command; `closeAll` ends it. */
export function odonata(...argv: string[]): Command {
  return odonataWith({}, ...argv);
}

export function odonataWith(io: Partial<CommandIo>, ...argv: string[]): Command {
  const command = new Command(argv, io);
  commands.push(command);
  return command;
}

/** For `afterEach`: lets go of every socket and stops every command. */
export async function closeAll(): Promise<void> {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const command of commands.splice(0)) {
    command.signal();
    await command.ended;
  }
}

/** A client that has sent `hex`; it reads nothing until asked, and half-closes only when told to. */
export async function clientOf(port: number, hex: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  sockets.push(socket);
  await once(socket, 'connect');
  socket.write(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  return socket;
}

/** The next bytes, in hex. */
export async function bytesOf(socket: Socket): Promise<string> {
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return bytes.toString('hex');
}

/** CONNECT of client `a`, 3.1.1. */
export const connect4 = '10 0d 0004 4d515454 04 02 003c 0001 61';
/** CONNECT of client `a`, 5.0. */
export const connect5 = '10 0e 0004 4d515454 05 02 003c 00 0001 61';
/** CONNECT of client `a`, 3.1.1, as user `u` with password `p`. */
export const connectAsUser = '10 13 0004 4d515454 04 c2 003c 0001 61 0001 75 0001 70';
