/** `npm run mutate`: which lines count, what may be changed on them, and that a seed repeats a run. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { drawMutants, type Mutant } from '../../../scripts/mutate/draw.js';
import { codeLineOf, enforcingLines } from '../../../scripts/mutate/lines.js';
import { isReal, mutated, mutationsOf } from '../../../scripts/mutate/mutations.js';
import { isEnough, linesOf, summaryOf, type Survivor } from '../../../scripts/mutate/report.js';
import { patternOf } from '../../../scripts/mutate/tests.js';

/** What may become of one line, those left out that do not parse or change nothing. */
const changed = (text: string, line = 1): string[] =>
  mutationsOf(text, line)
    .filter((mutation) => isReal(text, mutation))
    .map((mutation) => `${mutation.kind}: ${mutated(text, mutation).split('\n').slice(line - 1).join(' ')}`)
    .toSorted();

describe('what may be changed on a line', () => {
  test('a condition, its comparison and its constant, and what depends on it', () => {
    expect(changed('if (count > 3) close(count);')).toEqual([
      'comparison: if (count >= 3) close(count);',
      'constant: if (count > 4) close(count);',
      'deletion: if (count > 3) ;',
      'negation: if (!(count > 3)) close(count);',
    ]);
  });

  test('each side of a logical operator, and the operator; a negation is taken away', () => {
    expect(changed('const ok = !clean && known;')).toEqual([
      'logic: const ok = !clean || known;',
      'negation: const ok = !clean && !(known);',
      'negation: const ok = clean && known;',
    ]);
  });

  test('a reason code, a flag and a string that decides something', () => {
    expect(changed("step = { effect: 'sendPubrel', code: ReasonCode.success, first: 0x62, last: true };")).toEqual([
      'constant: step = { effect: \'\', code: ReasonCode.success, first: 0x62, last: true };',
      "constant: step = { effect: 'sendPubrel', code: (ReasonCode.success - 1), first: 0x62, last: true };",
      "constant: step = { effect: 'sendPubrel', code: ReasonCode.success, first: 0x62, last: false };",
      "constant: step = { effect: 'sendPubrel', code: ReasonCode.success, first: 99, last: true };",
      'deletion: ;',
    ]);
  });

  test('a case, a default value, a value that is returned', () => {
    expect(changed('switch (type) {\n  case 3:\n    break;\n}', 2)).toEqual(['constant:   case 4:     break; }']);
    expect(changed('switch (type) {\n  default:\n    go();\n}', 2)).toEqual(['constant:   case undefined:     go(); }']);
    expect(changed('size = asked ?? none;')).toEqual(['default: size = asked;', 'default: size = none;', 'deletion: ;']);
    expect(changed('const f = () => {\n  return made(x);\n};', 2)).toEqual(['value:   return undefined; };']);
  });

  test('a statement over several lines goes as a whole, but only from its first line', () => {
    const text = 'throw new Fault(\n  ReasonCode.malformedPacket,\n);';
    expect(changed(text)).toEqual(['deletion: ;']);
    expect(changed(text, 2)).toEqual(['constant:   (ReasonCode.malformedPacket - 1), );']);
  });

  test('not what only tells somebody something', () => {
    expect(changed("throw malformed('MQTT-3.1.2-3', 'the reserved flag is set');")).toEqual(['deletion: ;']);
    expect(changed("drop(late ? 'expired' : 'full', 0);")).toEqual(["deletion: ;", "negation: drop(!(late) ? 'expired' : 'full', 0);"]);
    expect(changed("const missing = 'MQTT-3.1.2-9';")).toEqual([]);
    expect(changed("const said = reason ?? 'was refused by the host';")).toEqual([]);
  });

  test('not types, nor what makes no difference', () => {
    expect(changed('type QoS = 0 | 1 | 2;')).toEqual([]);
    expect(changed('const table: Record<1, true> = made as Record<1, true>;')).toEqual(['value: const table: Record<1, true> = undefined;']);
    expect(changed('function send(qos = 1): void {\n}')).toEqual([]);
    expect(changed('const qos = a < b ? a : b;')).toEqual(['negation: const qos = !(a < b) ? a : b;']);
  });
});

describe('which line a citation speaks of', () => {
  const text = [
    '/** v5 [MQTT-1.1.1-1] of the file */', // 1
    '',
    '/** v5 [MQTT-1.1.1-2] of a function */',
    'function check(packet) {', // 4
    '  // v5 [MQTT-1.1.1-3]: the reason,',
    '  // on two lines',
    '  if (packet.qos === 3) return false;', // 7
    '  return true; // v5 [MQTT-1.1.1-4]',
    '}',
    'interface Told {', // 10
    '  /** v5 [MQTT-1.1.1-5] */',
    '  readonly qos: 0 | 1;',
    '}',
    '/** v5 [MQTT-1.1.1-6] */', // 14
    'const limit = 3;',
    'class Sender {', // 16
    '  /** v5 [MQTT-1.1.1-7] */',
    '  send() {}',
    '}',
  ].join('\n');

  test('its own, or the next one where it stands alone; none for the doc comment of a file or a declaration', () => {
    expect([1, 3, 5, 6, 8, 11, 14, 17].map((line) => codeLineOf(text, line))).toEqual([undefined, undefined, 7, 7, 8, undefined, 15, undefined]);
  });

  test('lines of several citations are one, and those with nothing to change are none', () => {
    const cited = [5, 6, 8, 11, 14].map((line) => ({ key: `v5 [MQTT-1.1.1-${line}]`, file: 'a.ts', line }));
    const lines = enforcingLines(cited, () => text);
    expect(lines.map(({ line, keys }) => [line, keys.length])).toEqual([[7, 2], [8, 1], [15, 1]]);
  });
});

describe('the draw', () => {
  const text = Array.from({ length: 100 }, (_, index) => `if (a${index} > ${index}) close(); // v5 [MQTT-1.1.1-${index}]`).join('\n');
  const cited = Array.from({ length: 100 }, (_, index) => ({ key: `v5 [MQTT-1.1.1-${index}]`, file: 'a.ts', line: index + 1 }));
  const lines = enforcingLines(cited, () => text);
  const draw = (seed: number, count = 10): readonly Mutant[] => drawMutants(lines, seed, count, () => true);

  test('is repeated by its seed, and by no other', () => {
    expect(draw(7)).toEqual(draw(7));
    expect(draw(8)).not.toEqual(draw(7));
  });

  test('takes each line once, as many as there are, and every kind of mutation', () => {
    expect(new Set(draw(1, 200).map(({ line }) => line)).size).toBe(100);
    expect(draw(1, 200)).toHaveLength(100);
    expect(new Set(draw(1, 100).map(({ mutation }) => mutation.kind))).toEqual(new Set(['comparison', 'constant', 'deletion', 'negation']));
  });

  test('draws another mutation of the line when one is not worth a try', () => {
    const deletions = drawMutants(lines, 1, 10, (_file, { kind }) => kind === 'deletion');
    expect(deletions).toHaveLength(10);
    expect(new Set(deletions.map(({ mutation }) => mutation.kind))).toEqual(new Set(['deletion']));
    expect(drawMutants(lines, 1, 10, () => false)).toEqual([]);
  });
});

describe('the report', () => {
  const [mutant] = drawMutants(enforcingLines([{ key: 'v5 [MQTT-1.1.1-1]', file: 'a.ts', line: 1 }], () => 'close(); // x'), 1, 1, () => true) as [Mutant];
  const killed = { mutant, outcome: { failed: { path: 'test/x.test.ts', title: 'v5 [MQTT-1.1.1-1] it closes' } } };
  const survivor = { mutant, outcome: { passed: 12 } };
  const hung = { mutant, outcome: { ended: 'a hang: no end after 30 s' } };

  test('says what was changed and who saw it, or why nobody can', () => {
    expect(linesOf(killed, [])).toEqual(['a.ts:1 v5 [MQTT-1.1.1-1]', '  close();  →  ;', '  killed by test/x.test.ts: v5 [MQTT-1.1.1-1] it closes']);
    expect(linesOf(hung, []).at(-1)).toBe('  killed by a hang: no end after 30 s');
    expect(linesOf(survivor, []).at(-1)).toBe('  SURVIVED');
    expect(linesOf(survivor, [{ file: 'a.ts', before: 'close();', after: ';', reason: 'it is closed' }]).at(-1)).toBe('  SURVIVED: it is closed');
  });

  test('wants 95 of 100 killed, survivors with a reason or without', () => {
    const results = (survivors: number) => Array.from({ length: 60 }, (_, index) => (index < survivors ? survivor : index % 2 === 0 ? killed : hung));
    expect(summaryOf(results(3), [], 5).at(-1)).toBe('57 of 60 mutants killed (95.0 %) in 5 s');
    expect([0, 3, 4].map((survivors) => isEnough(results(survivors)))).toEqual([true, true, false]);
    expect(isEnough([])).toBe(false);
  });
});

test('a pattern of several statements finds each of them in a title', () => {
  const pattern = new RegExp(patternOf(['v5 [MQTT-3.1.2-24]', 'v5 [X5-4.9-1]']));
  expect(['v5 [MQTT-3.1.2-24] x', 'v3.1.1 [MQTT-1.1.1-1], v5 [MQTT-1.2.3-4] [X5-4.9-1] x'].map((title) => pattern.test(title))).toEqual([true, true]);
  expect(['v5 [MQTT-3.1.2-2] x', 'v5 [MQTT-3.1.2-241] x', 'v5 [X5-4x9-1]'].map((title) => pattern.test(title))).toEqual([false, false, false]);
});

test('test/conformance/survivors.json lists code that is still there', () => {
  const known = JSON.parse(readFileSync('test/conformance/survivors.json', 'utf8')) as readonly Survivor[];
  for (const { file, before, reason } of known) expect([readFileSync(file, 'utf8').includes(before), reason.length > 10]).toEqual([true, true]);
});
