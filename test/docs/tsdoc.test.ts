/**
 * Goal: an editor shows what every public name means, and no type gives up. Method: ask the compiler for all that
 * the entry points export and for every member below.
 */
import { relative } from 'node:path';
import { expect, test } from '@jest/globals';
import ts from 'typescript';
import { PublicApi, root, type PublicName } from './public-api.js';

const api = new PublicApi(['src/index.ts', 'src/aedes.ts', 'src/auth.ts', 'src/level.ts', 'src/testing/index.ts']);

const where = (node: ts.Node): string => {
  const file = node.getSourceFile();
  return `${relative(root, file.fileName)}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
};

/** Every node of the public signatures: bodies, private and internal members left out. */
function* signatureNodes(): Generator<{ readonly owner: PublicName; readonly node: ts.Node }> {
  for (const owner of api.names) {
    const nodes: ts.Node[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isBlock(node) || ts.isClassElement(node)) return; // a class's members are names of their own
      nodes.push(node);
      ts.forEachChild(node, visit);
    };
    ts.forEachChild(owner.node, visit);
    for (const node of nodes) yield { owner, node };
  }
}

test('every public name and every member has a comment', () => {
  expect(api.names.length).toBeGreaterThan(400);
  const bare = api.names.filter(({ documentation }) => documentation === '').map(({ name, node }) => `${name} (${where(node)})`);
  expect(bare).toEqual([]);
});

test('no `any` in public types, written or inferred', () => {
  const found: string[] = [];
  for (const { owner, node } of signatureNodes()) if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(owner.name);
  for (const { name, symbol, node } of api.names) {
    if (symbol === undefined) continue;
    const type = api.checker.getTypeOfSymbolAtLocation(symbol, node);
    const results = type.getCallSignatures().map((signature) => signature.getReturnType());
    const isType = (symbol.flags & ts.SymbolFlags.Value) === 0;
    if (!isType && [type, ...results].some(({ flags }) => (flags & ts.TypeFlags.Any) !== 0)) found.push(name);
  }
  expect(found).toEqual([]);
});

test('whatever type a public name mentions can be imported too', () => {
  const exported = new Set([...api.exports.values()].flat());
  const missing = new Set<string>();
  let references = 0;
  for (const { owner, node } of signatureNodes()) {
    const name = ts.isTypeReferenceNode(node) ? node.typeName : ts.isExpressionWithTypeArguments(node) ? node.expression : undefined;
    const symbol = name === undefined ? undefined : api.checker.getSymbolAtLocation(name);
    if (symbol === undefined) continue;
    references += 1;
    const target = api.target(symbol);
    const isOurs = target.declarations?.some((declaration) => declaration.getSourceFile().fileName.startsWith(`${root}src/`));
    if (isOurs !== true || (target.flags & ts.SymbolFlags.TypeParameter) !== 0 || exported.has(target)) continue;
    missing.add(`${target.name} (${owner.name})`);
  }
  expect(references).toBeGreaterThan(200);
  expect([...missing]).toEqual([]);
});
