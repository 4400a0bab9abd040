/**
 * The tarball that `npm publish` would send, installed as a user installs it: who gets what, and whether it
 * runs as ESM, CommonJS and TypeScript, on every runtime we name. Needs `npm run build` and the npm registry.
 */
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '..', '..');
const manifest = readJson(join(root, 'package.json')) as {
  readonly version: string;
  readonly devDependencies: Readonly<Record<string, string>>;
};
const work = mkdtempSync(join(tmpdir(), 'odonata-package-'));
const consumer = join(work, 'consumer');
const connackAccepted = '20020000\n';

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** Runs to its own end, within a minute, and returns what it printed; anything else is an error with all output. */
async function run(cwd: string, command: string, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: '1' };
  const { stdout } = await promisify(execFile)(command, args, { cwd, env, timeout: 60_000 }).catch(
    (cause: Error & { readonly stdout?: string; readonly stderr?: string }) => {
      throw new Error([cause.message, cause.stdout, cause.stderr].join('\n'), { cause });
    },
  );
  return stdout;
}

/** A folder with a package.json of its own and `packages` installed. */
async function install(folder: string, ...packages: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const manifestFile = join(folder, 'package.json');
  if (!existsSync(manifestFile)) writeFileSync(manifestFile, JSON.stringify({ private: true, type: 'module' }));
  await run(folder, 'npm', 'install', '--no-audit', '--no-fund', ...packages);
}

/** What a command prints to stderr that ends with `code`. */
async function failure(code: number, cwd: string, command: string, ...args: readonly string[]): Promise<string> {
  const ending = promisify(execFile)(command, args, { cwd, timeout: 60_000 });
  const failed = await ending.then(
    () => ({ code: 0, stderr: '' }),
    (error: Error & { readonly code?: number; readonly stderr?: string }) => error,
  );
  expect({ command, args, code: failed.code }).toEqual({ command, args, code });
  return failed.stderr ?? '';
}

/** Where npm puts the command of an installed package. */
const commandIn = (folder: string, name: string): string => join(folder, 'node_modules', '.bin', name);

beforeAll(async () => {
  await run(root, 'npm', 'pack', '--pack-destination', work);
  const tarball = readdirSync(work).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error(`npm pack left no tarball in ${work}`);
  await install(consumer, join(work, tarball));
  for (const name of ['esm.mjs', 'cjs.cjs', 'typescript.ts']) {
    copyFileSync(join(import.meta.dirname, 'consumers', name), join(consumer, name));
  }
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

describe('the tarball', () => {
  test('brings fewer than 20 packages', () => {
    const lock = readJson(join(consumer, 'node_modules', '.package-lock.json')) as { readonly packages: object };
    const installed = Object.keys(lock.packages);
    expect(installed).toContain('node_modules/odonata');
    expect(installed.length).toBeLessThan(20);
  });

  test('holds the build, its types and the legal text, and no sources', () => {
    const files = readdirSync(join(consumer, 'node_modules', 'odonata'));
    expect(files.toSorted()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'package.json']);
    const dist = readdirSync(join(consumer, 'node_modules', 'odonata', 'dist'));
    expect(dist).toEqual(
      expect.arrayContaining(
        ['index', 'testing'].flatMap((name) => ['js', 'cjs', 'd.ts', 'd.cts'].map((ending) => `${name}.${ending}`)),
      ),
    );
    expect(dist).toContain('cli.js');
    expect(dist.filter((name) => name.startsWith('cli.cjs'))).toEqual([]);
  });

  test('installs the odonata command', async () => {
    expect(await run(consumer, commandIn(consumer, 'odonata'), '--version')).toContain(manifest.version);
  });
});

describe('a consumer', () => {
  test.each(['esm.mjs', 'cjs.cjs'])('%s gets a CONNACK and exits', async (script) => {
    expect(await run(consumer, process.execPath, script)).toBe(connackAccepted);
  });

  test.each([
    ['module', "const { wire } = await import('odonata/testing');"],
    ['commonjs', "const { wire } = require('odonata/testing');"],
  ])('without mqtt-packet a wire client says what is missing, as %s', async (type, load) => {
    const code = `${load} try { wire().connect(); } catch ({ code }) { console.log(code); }`;
    const printed = await run(consumer, process.execPath, `--input-type=${type}`, '--eval', code);
    expect(printed.trim()).toBe('ODN_ERR_MISSING_PACKAGE');
  });

  describe('with mqtt-packet, the optional peer', () => {
    const tsc = (...args: readonly string[]): Promise<string> => {
      const program = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
      return run(consumer, process.execPath, program, '--strict', '--target', 'es2022', '--types', 'node', ...args);
    };

    beforeAll(async () => {
      const versions = manifest.devDependencies;
      await install(consumer, `mqtt-packet@${versions['mqtt-packet']}`, `@types/node@${versions['@types/node']}`);
    });

    test.each([
      ['module', "await import('odonata/testing')"],
      ['commonjs', "require('odonata/testing')"],
    ])('loads odonata/testing as %s', async (type, code) => {
      expect(await run(consumer, process.execPath, `--input-type=${type}`, '--eval', code)).toBe('');
    });

    test.each([
      ['nodenext', 'nodenext'],
      ['bundler', 'esnext'],
    ])('type-checks with moduleResolution %s, our declarations included', async (moduleResolution, module) => {
      expect(
        await tsc('--noEmit', '--moduleResolution', moduleResolution, '--module', module, 'typescript.ts'),
      ).toBe('');
    });

    test('in TypeScript, compiled, gets a CONNACK and exits', async () => {
      await tsc('--outDir', 'out', '--module', 'nodenext', 'typescript.ts');
      expect(await run(consumer, process.execPath, 'out/typescript.js')).toBe(connackAccepted);
    });
  });
});

describe('the odonata command with a config in TypeScript', () => {
  const command = (...options: readonly string[]): string[] => [...options, commandIn(consumer, 'odonata'), '--config', 'broker.ts'];
  const folder = join(work, 'node@24');

  beforeAll(async () => {
    await install(folder, 'node@24');
    // An option that cannot be: the complaint shows that it was read.
    writeFileSync(join(consumer, 'broker.ts'), 'const maximumQoS: number = 7;\nexport default { maximumQoS };\n');
  });

  test('reads it where Node strips types', async () => {
    const complaint = await failure(2, consumer, commandIn(folder, 'node'), ...command());
    expect(complaint).toContain('odonata: broker.ts: maximumQoS is 7; it must be 2 or 1 or 0');
  });

  test('says what to do where Node does not', async () => {
    const complaint = await failure(2, consumer, commandIn(folder, 'node'), ...command('--no-experimental-strip-types'));
    expect(complaint).toMatch(/^odonata: cannot load broker\.ts: Node v24\.\S+ does not run TypeScript; 22\.18, 23\.6 and later do/);
  });
});

describe('on other runtimes', () => {
  // All of them come from npm; the packages put the program itself at node_modules/.bin.
  const runtimes = [
    { spec: 'node@22', command: 'node', options: [], version: /^v22\./ },
    { spec: 'node@24', command: 'node', options: [], version: /^v24\./ },
    { spec: 'bun@1', command: 'bun', options: ['run'], version: /^1\./ },
    { spec: 'deno@2', command: 'deno', options: ['run', '--allow-all'], version: /^deno 2\./ },
  ];

  test.each(runtimes)('$spec runs the ESM and the CommonJS consumer', async ({ spec, command, options, version }) => {
    const folder = join(work, spec);
    await install(folder, spec);
    const runtime = commandIn(folder, command);
    expect(await run(consumer, runtime, '--version')).toMatch(version);
    for (const script of ['esm.mjs', 'cjs.cjs']) {
      expect(await run(consumer, runtime, ...options, script)).toBe(connackAccepted);
    }
  });
});
