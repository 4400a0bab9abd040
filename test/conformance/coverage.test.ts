/** The tables are whole, tests and comments cite only what is in them, and docs/conformance.md says what is proven. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { keysIn, readCitations, readTitles, readTrapTitles } from '../../scripts/conformance/citations.js';
import { conformancePage } from '../../scripts/conformance/page.js';
import { readStatements, readTable, readTraps, tables } from '../../scripts/conformance/statements.js';

const root = process.cwd();
const statements = readStatements(root);
const known = new Set(statements.map(({ key }) => key));

test.each(tables)('$file has $testable testable statements', ({ file, version, testable }) => {
  expect(readTable(root, file, version).filter((statement) => statement.testable)).toHaveLength(testable);
});

/** Statements about the broker as a whole: no line enforces them. */
const ofTheWhole = new Set(['v3.1.1 [MQTT-7.0.0-1]', 'v3.1.1 [MQTT-7.0.0-2]']);

test('every testable statement has a test, and is cited where it is enforced', () => {
  const tested = new Set(readTitles(root).map(({ key }) => key));
  const cited = new Set([...ofTheWhole, ...readCitations(root).map(({ key }) => key)]);
  const missing = statements.filter(({ testable, key }) => testable && !(tested.has(key) && cited.has(key)));
  expect(missing.map(({ key }) => `${key}${tested.has(key) ? '' : ' has no test'}${cited.has(key) ? '' : ' is not cited in src'}`)).toEqual([]);
});

test('no test and no comment cites a statement that is not in the tables', () => {
  const cited = [...readTitles(root), ...readCitations(root)];
  expect(cited.filter(({ key }) => !known.has(key)).map(({ key, file, line }) => `${file}:${line} ${key}`)).toEqual([]);
});

test('each of the 61 traps has a test that names it, and names statements of the tables', () => {
  const traps = readTraps(root);
  expect(traps.map(({ number }) => number)).toEqual(Array.from({ length: 61 }, (_, index) => index + 1));
  const named = new Set(readTrapTitles(root).map(({ trap }) => trap));
  expect(traps.filter(({ number }) => !named.has(number))).toEqual([]);
  expect([...named].filter((trap) => trap > traps.length)).toEqual([]);
  expect(traps.flatMap(({ statements: cited }) => keysIn(cited)).filter((key) => !known.has(key))).toEqual([]);
});

test('docs/conformance.md is what `npm run conformance` writes', () => {
  expect(readFileSync(`${root}/docs/conformance.md`, 'utf8')).toBe(conformancePage(root));
});
