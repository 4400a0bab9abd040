/** Goal: a table in the guides lists exactly what there is. Method: compare it with the members of the public types. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { SysTopics } from '../../src/observe/sys.js';
import { createBroker } from '../../src/index.js';
import { PublicApi, root } from './public-api.js';

const api = new PublicApi(['src/index.ts']);

/** The members of a public type. */
const membersOf = (type: string): string[] =>
  api.names.filter(({ name }) => name.startsWith(`${type}.`)).map(({ name }) => name.slice(type.length + 1).replaceAll("'", ''));

/** What stands under a heading of a guide, down to the next of any level. */
function section(guide: string, heading: string): string {
  const lines = readFileSync(`${root}docs/guides/${guide}.md`, 'utf8').split('\n');
  const start = lines.indexOf(`## ${heading}`);
  if (start < 0) throw new Error(`${guide}.md has no section ${heading}`);
  const end = lines.findIndex((line, index) => index > start && line.startsWith('#'));
  return lines.slice(start + 1, end < 0 ? undefined : end).join('\n');
}

/** The cells of the rows of the first table whose head begins so. */
function rows(text: string, head: string): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${head} |`));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end < 0 ? undefined : end).map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
}

const codeIn = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

test('events.md has every event', () => {
  const table = rows(section('events', 'All events'), 'event');
  expect(table.flatMap(([event]) => codeIn(event))).toEqual(membersOf('BrokerEvents'));
  for (const cells of table) expect(cells[2]).not.toBe('');
});

test('events.md has every reason for which a message is dropped', async () => {
  await using broker = createBroker();
  const table = rows(section('events', 'Why a message was dropped'), '`why`');
  expect(table.flatMap(([why]) => codeIn(why))).toEqual(Object.keys(broker.stats().dropped));
});

test('observability.md has every counter', () => {
  const table = rows(section('observability', 'Counters'), 'names');
  expect(table.flatMap(([names]) => codeIn(names)).toSorted()).toEqual(membersOf('BrokerStats').toSorted());
});

test('observability.md has every diagnostics channel and what is published there', () => {
  const table = rows(section('observability', 'Diagnostics channels'), 'channel');
  expect(table.flatMap(([channel]) => codeIn(channel))).toEqual(membersOf('DiagnosticMessages'));
  for (const [channel = '', , message] of table) {
    const [name = ''] = /(?<=:)\w+/.exec(channel) ?? [];
    const type = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Diagnostic`;
    expect(codeIn(message).toSorted()).toEqual(membersOf(type).toSorted());
  }
});

test('observability.md has every $SYS topic', async () => {
  await using broker = createBroker();
  const text = section('observability', '$SYS topics').replaceAll('\n', ' ');
  const expand = (names: string): string[] => {
    const [, before = '', choices, after = ''] = /^(.*)\{(.*)\}(.*)$/.exec(names) ?? [];
    return choices === undefined ? [names] : choices.split(',').map((choice) => before + choice + after);
  };
  const [plain = '', load = ''] = text.slice(text.indexOf('interval:')).split('below `load/`');
  const documented = [
    ...codeIn(plain).flatMap(expand),
    ...codeIn(load.slice(0, load.indexOf('.'))).flatMap(expand).map((name) => `load/${name}`),
  ];
  const published = new SysTopics().update(broker.stats()).map(({ topic }) => topic.replace('$SYS/broker/', '').replace(/\/\d+min$/, ''));
  expect(documented.toSorted()).toEqual([...new Set(published)].toSorted());
});

test.each([
  ['embedding', 'On a port of its own', 'option of `listen`', 'ListenOptions'],
  ['embedding', 'WebSocket, on an HTTP server', 'option of `attach`', 'AttachOptions'],
  ['in-process', 'Subscribe', 'option', 'SubscribeOptions'],
  ['in-process', 'Connect a client', 'option', 'ConnectOptions'],
])('%s.md, %s: the %s is every one there is', (guide, heading, head, type) => {
  const table = rows(section(guide, heading), head);
  expect(table.flatMap(([option]) => codeIn(option)).toSorted()).toEqual(membersOf(type).toSorted());
});

test('limits.md says of every limit what happens', () => {
  const limits = rows(section('limits', 'Every limit'), 'option').flatMap(([option]) => codeIn(option));
  const reached = section('limits', 'When a limit is reached');
  const notLimits = new Set(['seed', 'sysIntervalSeconds', 'topicAliasMaximumOutbound']);
  expect(limits.length).toBeGreaterThan(25);
  expect(limits.filter((name) => !notLimits.has(name) && !reached.includes(`\`${name}\``))).toEqual([]);
});
