/**
 * The architecture, read from the sources: who may import whom, where Node and time are allowed,
 * no cycles, no dead files, no leftovers. A rule that hinders is changed here, in the open.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const linesMax = 400;

// ---- The rules, as data ----

/** The lowest layers, which every room may use. */
const ground = ['errors', 'util', 'packet'];
const ports = ['storage port', 'hooks port', 'transport port'];
const core = [...ground, 'topic', 'protocol', 'router', ...ports];
const belowAdapters = [...core, 'storage', 'hooks', 'transport', 'observe', 'broker'];

/** What each room may import besides itself. A room is a folder of src; `entry` is the files directly in src. */
const mayImport: Readonly<Record<string, readonly string[] | 'anything'>> = {
  errors: ['util'],
  util: ['errors'],
  packet: ['errors', 'util'],
  topic: ground,
  protocol: [...ground, 'topic', ...ports],
  router: core,
  'storage port': ground,
  /** `authenticate` is shown where the connection comes from. */
  'hooks port': [...ground, 'transport port'],
  'transport port': ground,
  storage: [...ground, 'storage port'],
  hooks: [...ground, 'topic', 'hooks port'],
  transport: [...ground, 'transport port'],
  observe: [...ground, 'protocol'],
  broker: belowAdapters,
  adapters: belowAdapters,
  /** Ready-made hooks: they know the port, never the broker that asks. */
  auth: [...ground, 'topic', 'hooks port', 'transport port'],
  /** The command's own files: a host of the broker like any other. */
  cli: belowAdapters,
  entry: [...belowAdapters, 'adapters', 'auth', 'cli'],
  testing: 'anything',
};

/** Files that may use `node:*` at run time; types of `node:*` are fine everywhere. */
const nodeAllowed =
  /^(?:(?:transport|observe|adapters|auth|testing)\/|storage\/level|broker\/(?:clock|driver|lifecycle)[^/]*\.ts$|cli(?:\.ts$|\/))/;
/** Files that may ask for the time or set a timer: everything else is given the clock. */
const clockAllowed = /^(?:testing\/|(?:broker\/clock|auth\/time)\.ts$)/;
const clockModules = new Set(['node:timers', 'node:timers/promises', 'node:perf_hooks']);
const clockGlobals = new Set(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Date', 'performance']);
const clockMembers = new Set(['process.hrtime', 'process.nextTick', 'AbortSignal.timeout']);

// ---- Reading the sources ----

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

interface Source {
  /** Path below src, with forward slashes. */
  readonly file: string;
  readonly text: string;
  readonly imports: readonly Import[];
  /** Uses of timers and dates, as `name (line)`. */
  readonly clockUses: readonly string[];
}

const notOurs = new Set(['node_modules', 'dist', '.git', 'coverage', 'temp']);

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (notOurs.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

const pathBelow = (folder: string, path: string): string => relative(folder, path).split(sep).join('/');

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** The module that `node` imports or re-exports, statically, dynamically or as a type. */
function importOf(node: ts.Node): Import | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const clause = node.importClause;
    const named = clause?.namedBindings;
    const onlyTypeNames =
      clause?.name === undefined &&
      named !== undefined &&
      ts.isNamedImports(named) &&
      named.elements.length > 0 &&
      named.elements.every((element) => element.isTypeOnly);
    return {
      specifier: node.moduleSpecifier.text,
      typeOnly: clause?.phaseModifier === ts.SyntaxKind.TypeKeyword || onlyTypeNames,
    };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, typeOnly: node.isTypeOnly };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
    return { specifier: node.argument.literal.text, typeOnly: true };
  }
  if (ts.isCallExpression(node)) {
    const [argument] = node.arguments;
    const loads = node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === 'require';
    if (loads && argument !== undefined && ts.isStringLiteralLike(argument)) {
      return { specifier: argument.text, typeOnly: false };
    }
  }
  return undefined;
}

/** The timer or date that `node` uses as a value: `setTimeout(…)`, `x = Date.now`, `globalThis.setImmediate`. */
function clockUseOf(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const member = node.getText();
    if (clockMembers.has(member)) return member;
    return node.expression.getText() === 'globalThis' && clockGlobals.has(node.name.text) ? member : undefined;
  }
  if (!ts.isIdentifier(node) || !clockGlobals.has(node.text)) return undefined;
  if (ts.isShorthandPropertyAssignment(node.parent)) return node.text;
  const namesSomethingElse = 'name' in node.parent && node.parent.name === node;
  const isType = ts.isTypeNode(node.parent) || ts.isQualifiedName(node.parent);
  return namesSomethingElse || isType ? undefined : node.text;
}

function readSource(path: string): Source {
  const text = readFileSync(path, 'utf8');
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  const imports: Import[] = [];
  const clockUses: string[] = [];
  walk(tree, (node) => {
    const imported = importOf(node);
    if (imported !== undefined) imports.push(imported);
    const clockUse = clockUseOf(node);
    if (clockUse !== undefined) {
      clockUses.push(`${clockUse} (line ${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1})`);
    }
  });
  return { file: pathBelow(join(root, 'src'), path), text, imports, clockUses };
}

const sources = filesBelow(join(root, 'src'))
  .filter((path) => path.endsWith('.ts'))
  .map(readSource);
const sourceByFile = new Map(sources.map((source) => [source.file, source]));

// ---- What an import means ----

const isRelative = (specifier: string): boolean => specifier.startsWith('.');
const isNode = (specifier: string): boolean => specifier.startsWith('node:') || builtinModules.includes(specifier);
const packageOf = (specifier: string): string =>
  specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

/** The file below src that a relative import leads to. */
const targetOf = (file: string, specifier: string): string =>
  posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts');

const targetsOf = (source: Source): string[] =>
  source.imports.filter(({ specifier }) => isRelative(specifier)).map(({ specifier }) => targetOf(source.file, specifier));

function roomOf(file: string): string {
  const [folder = '', name] = file.split('/');
  if (name === undefined) return 'entry';
  const isPort = file === `${folder}/${folder}.ts` && ports.includes(`${folder} port`);
  return isPort ? `${folder} port` : folder;
}

/** The sources that become a file of dist each, as tsup is told. */
const entryPoints = [...readFileSync(join(root, 'tsup.config.ts'), 'utf8').matchAll(/: 'src\/([^']+\.ts)'/g)].map(
  ([, file]) => file ?? '',
);

/** Every import cycle, as `a.ts -> b.ts -> a.ts`. */
function importCycles(): string[] {
  const cycles: string[] = [];
  const finished = new Set<string>();
  const follow = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start >= 0) return void cycles.push([...trail.slice(start), file].join(' -> '));
    const source = sourceByFile.get(file);
    if (source === undefined || finished.has(file)) return;
    for (const target of targetsOf(source)) follow(target, [...trail, file]);
    finished.add(file);
  };
  for (const { file } of sources) follow(file, []);
  return cycles;
}

function reachableFrom(files: readonly string[]): Set<string> {
  const reached = new Set<string>();
  const pending = [...files];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    const source = sourceByFile.get(file);
    if (source === undefined || reached.has(file)) continue;
    reached.add(file);
    pending.push(...targetsOf(source));
  }
  return reached;
}

/** Lines of `text` that match, as `file:line: text`. */
function matchingLines(file: string, text: string, pattern: RegExp): string[] {
  return text
    .split('\n')
    .map((line, index) => ({ line, where: `${file}:${index + 1}` }))
    .filter(({ line }) => pattern.test(line))
    .map(({ line, where }) => `${where}: ${line.trim().slice(0, 120)}`);
}

// ---- The tests ----

describe('layers', () => {
  test('every folder of src is a room with a rule', () => {
    const strangers = sources.filter(({ file }) => mayImport[roomOf(file)] === undefined).map(({ file }) => file);
    expect(strangers).toEqual([]);
  });

  test('a file imports its own room and the rooms it may know', () => {
    const violations = sources.flatMap((source) => {
      const room = roomOf(source.file);
      const allowed = mayImport[room] ?? [];
      if (allowed === 'anything') return [];
      return targetsOf(source)
        .filter((target) => roomOf(target) !== room && !allowed.includes(roomOf(target)))
        .map((target) => `src/${source.file} (${room}) imports src/${target} (${roomOf(target)})`);
    });
    expect(violations).toEqual([]);
  });

  test('no import cycles, not even of types', () => {
    expect(importCycles()).toEqual([]);
  });
});

describe('the outside world', () => {
  test('node:* is used only where the design allows it', () => {
    const violations = sources.flatMap(({ file, imports }) =>
      imports
        .filter(({ specifier, typeOnly }) => isNode(specifier) && !typeOnly)
        .filter(({ specifier }) => {
          const isPort = ports.includes(roomOf(file));
          return isPort || !nodeAllowed.test(file) || (clockModules.has(specifier) && !clockAllowed.test(file));
        })
        .map(({ specifier }) => `src/${file} imports ${specifier}`),
    );
    expect(violations).toEqual([]);
  });

  test('Node modules are imported with the node: prefix', () => {
    const violations = sources.flatMap(({ file, imports }) =>
      imports
        .filter(({ specifier }) => builtinModules.includes(specifier) && !specifier.startsWith('node:'))
        .map(({ specifier }) => `src/${file} imports ${specifier}`),
    );
    expect(violations).toEqual([]);
  });

  test('only the clock and the test kit know timers and dates', () => {
    const violations = sources
      .filter(({ file }) => !clockAllowed.test(file))
      .flatMap(({ file, clockUses }) => clockUses.map((use) => `src/${file} uses ${use}`));
    expect(violations).toEqual([]);
  });

  const outsideImports = sources
    .filter(({ file }) => roomOf(file) !== 'testing')
    .flatMap(({ file, imports }) => {
      const outside = imports.map(({ specifier }) => specifier).filter((name) => !isRelative(name) && !isNode(name));
      return [...new Set(outside.map(packageOf))].map((name) => ({ file, name }));
    });

  test('each outside package has exactly one importing file', () => {
    const names = [...new Set(outsideImports.map(({ name }) => name))];
    const violations = names
      .map((name) => ({ name, files: outsideImports.filter((use) => use.name === name).map(({ file }) => `src/${file}`) }))
      .filter(({ files }) => files.length > 1)
      .map(({ name, files }) => `${name} is imported by ${files.join(', ')}`);
    expect(violations).toEqual([]);
  });

  test('each outside package is a declared dependency or peer', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly dependencies?: object;
      readonly peerDependencies?: object;
    };
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    const violations = outsideImports
      .filter(({ name }) => !declared.includes(name))
      .map(({ file, name }) => `src/${file} imports ${name}`);
    expect(violations).toEqual([]);
  });
});

describe('files', () => {
  test(`no source is longer than ${linesMax} lines`, () => {
    const violations = sources
      .map(({ file, text }) => ({ file, lines: text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > linesMax)
      .map(({ file, lines }) => `src/${file} has ${lines} lines`);
    expect(violations).toEqual([]);
  });

  test('every source is reachable from an entry point', () => {
    expect(entryPoints).toContain('index.ts');
    if (!sourceByFile.has('index.ts')) return; // the house is still being built
    expect(entryPoints.filter((file) => !sourceByFile.has(file))).toEqual([]);
    const reached = reachableFrom(entryPoints);
    expect(sources.map(({ file }) => file).filter((file) => !reached.has(file))).toEqual([]);
  });

  test('no source leaves work for later', () => {
    const violations = sources.flatMap(({ file, text }) =>
      matchingLines(`src/${file}`, text, /\b(?:TODO|FIXME|XXX)\b/),
    );
    expect(violations).toEqual([]);
  });

  test('no test is skipped or singled out', () => {
    const pattern = /\b(?:test|it|describe)(?:\.\w+)*\.(?:skip|only|todo)\b|\b(?:xtest|xit|xdescribe|fit|fdescribe)\(/;
    const violations = filesBelow(join(root, 'test'))
      .filter((path) => path.endsWith('.ts'))
      .flatMap((path) => matchingLines(pathBelow(root, path), readFileSync(path, 'utf8'), pattern));
    expect(violations).toEqual([]);
  });

  // `/home/…` is left out: it is a likely MQTT topic.
  test('nothing names the machine or the registry on which it was written', () => {
    const machinePath = /(?<![\w./+#$-])\/(?:work|workspace|root|Users|mnt)\/\w|\b[A-Z]:\\Users\\|\.\.\/shared\b/;
    const registry = /"resolved": "(?!https:\/\/registry\.npmjs\.org\/)|^\s*(?:@\S+:)?registry\s*=|_auth/;
    const violations = filesBelow(root).flatMap((path) => {
      const text = readFileSync(path, 'utf8');
      if (text.includes('\0')) return []; // not a text file
      const file = pathBelow(root, path);
      const settings = /(?:^|\/)(?:package-lock\.json|\.npmrc)$/.test(file);
      return [...matchingLines(file, text, machinePath), ...(settings ? matchingLines(file, text, registry) : [])];
    });
    expect(violations).toEqual([]);
  });
});
