/**
 * The code in Markdown files: every ```ts fence is a program that is type-checked, and those marked ```ts run are run.
 * Then well-known ports become 0, what it opens is closed, and what it prints must be what its comments `// → …` say.
 */
import * as channels from 'node:diagnostics_channel';
import { readdirSync, readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as net from 'node:net';
import { join, relative } from 'node:path';
import * as jose from 'jose';
import * as mqtt from 'mqtt';
import * as odonata from 'odonata';
import * as auth from 'odonata/auth';
import * as level from 'odonata/level';
import * as testing from 'odonata/testing';
import ts from 'typescript';
import { compilerOptions, root } from './public-api.js';

export interface Snippet {
  /** `README.md:17 Start`. */
  readonly name: string;
  readonly code: string;
  readonly runs: boolean;
}

/** Every Markdown file of the repository, as a path below its root. */
export function markdownFiles(folder = root): string[] {
  const notOurs = new Set(['node_modules', 'dist', 'temp', 'coverage', '.git', 'etc']);
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return notOurs.has(entry.name) ? [] : markdownFiles(path);
    return entry.name.endsWith('.md') ? [relative(root, path)] : [];
  });
}

export function snippetsOf(file: string): Snippet[] {
  const text = readFileSync(root + file, 'utf8');
  return [...text.matchAll(/^```(ts|ts run)\n([\s\S]*?)^```$/gm)].map(({ 1: fence, 2: code = '', index }) => {
    const before = text.slice(0, index);
    const [heading = ''] = before.match(/^##? .*$/gm)?.slice(-1) ?? [];
    return { name: `${file}:${before.split('\n').length} ${heading.replace(/^#+ /, '')}`, code, runs: fence === 'ts run' };
  });
}

/** What the compiler has against the snippets, against our sources and not a build. */
export function typeErrors(snippets: readonly Snippet[]): string[] {
  const options = { ...compilerOptions('test/tsconfig.json'), noEmit: true };
  // Beside the tests, so that they see the packages that tests see.
  const files = new Map(snippets.map((snippet, index) => [`${root}test/docs/snippet-${index}.ts`, snippet]));
  const host = ts.createCompilerHost(options);
  const onDisk = ts.createCompilerHost(options);
  host.fileExists = (file) => files.has(file) || onDisk.fileExists(file);
  host.getSourceFile = (file, ...rest) => {
    const snippet = files.get(file);
    return snippet === undefined
      ? onDisk.getSourceFile(file, ...rest)
      : ts.createSourceFile(file, `${snippet.code}\nexport {};\n`, ts.ScriptTarget.ES2023);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files].flatMap(([file, { name }]) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText }) => `${name}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
}

type AsyncFunction = new (...args: string[]) => (...args: unknown[]) => Promise<void>;
const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as AsyncFunction;

/** Runs a snippet to its end and returns what it printed. */
export async function run({ code }: Snippet): Promise<string[]> {
  const printed: string[] = [];
  const closes: (() => unknown)[] = [];
  const print = (...values: unknown[]): void => void printed.push(values.map(String).join(' '));
  const modules: Readonly<Record<string, object>> = {
    odonata: { ...odonata, createBroker: (options: odonata.BrokerOptions) => closedLater(odonata.createBroker(options)) },
    'odonata/auth': auth,
    'odonata/level': level,
    'odonata/testing': testing,
    jose,
    mqtt: { ...mqtt, MqttClient: mqtt.MqttClient },
    'node:diagnostics_channel': { ...channels, subscribe: subscribedUntilThen },
    'node:net': { ...net, createServer: (...args: Parameters<typeof net.createServer>) => endedLater(net.createServer(...args)) },
    'node:http': { ...http, createServer: (...args: Parameters<typeof http.createServer>) => endedLater(http.createServer(...args)) },
  };
  const closedLater = (broker: odonata.Broker): odonata.Broker => {
    closes.push(() => broker.close());
    return broker;
  };
  const endedLater = <S extends net.Server>(server: S): S => {
    closes.push(() => server.close());
    return server;
  };
  // Channels belong to the process, in which other tests run too.
  function subscribedUntilThen(...args: Parameters<typeof channels.subscribe>): void {
    channels.subscribe(...args);
    closes.push(() => channels.unsubscribe(...args));
  }
  const load = (name: string): object => {
    if (name in modules) return modules[name] as object;
    const builtin = name.startsWith('node:') ? process.getBuiltinModule(name) : undefined;
    if (builtin !== undefined) return builtin;
    throw new Error(`snippets that run cannot import ${name}`);
  };
  try {
    await new AsyncFunction('require', 'exports', 'console', compiled(code))(load, {}, { log: print, error: print });
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    for (const close of closes.toReversed()) await close();
  }
  return printed;
}

function compiled(code: string): string {
  const onFreePorts = code.replaceAll(/\b(?:port: |listen\()(?:1883|8883|8083|3000)\b/g, (text) => text.replace(/\d+$/, '0'));
  const compilerOptionsOfRun = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true };
  return ts.transpileModule(onFreePorts, { compilerOptions: compilerOptionsOfRun }).outputText;
}

/** What the comments of a snippet say that it prints; any port for a well-known one. */
export function promisedOutput({ code }: Snippet): string[] {
  return [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line = '']) => withoutPort(line));
}

export const withoutPort = (line: string): string => line.replace(/(?<=\d\.\d\.\d\.\d:)\d+/, 'PORT');
