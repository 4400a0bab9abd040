/** The tables are whole, tests and comments cite only what is in them, and docs/conformance.md says what is proven. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { readCitations, readTitles } from '../../scripts/conformance/citations.js';
import { conformancePage } from '../../scripts/conformance/page.js';
import { readStatements, readTable, tables } from '../../scripts/conformance/statements.js';

const root = process.cwd();
const statements = readStatements(root);
const known = new Set(statements.map(({ key }) => key));

test.each(tables)('$file has $testable testable statements', ({ file, version, testable }) => {
  expect(readTable(root, file, version).filter((statement) => statement.testable)).toHaveLength(testable);
});

test('no test and no comment cites a statement that is not in the tables', () => {
  const cited = [...readTitles(root), ...readCitations(root)];
  expect(cited.filter(({ key }) => !known.has(key)).map(({ key, file, line }) => `${file}:${line} ${key}`)).toEqual([]);
});

test('docs/conformance.md is what `npm run conformance` writes', () => {
  expect(readFileSync(`${root}/docs/conformance.md`, 'utf8')).toBe(conformancePage(root));
});
