/** The normative statements of MQTT as data: one row each, from test/conformance/statements/. */
import { readFileSync } from 'node:fs';

/** A table of statements. `v5` holds the rules of the 5.0 text that have no id of their own too (`X5-…`). */
export type Version = 'v5' | 'v3.1.1';

export interface Statement {
  /** `v5 [MQTT-3.1.2-24]`: what test titles begin with and comments cite. */
  readonly key: string;
  readonly version: Version;
  readonly id: string;
  readonly section: string;
  readonly who: 'server' | 'client' | 'both';
  readonly statement: string;
  readonly testable: boolean;
  /** How to see it at the broker, or why it cannot be seen there. */
  readonly hint: string;
}

/** File, version, and how many of its rows can be tested at a broker. */
export const tables = [
  { file: 'mqtt-5.0.tsv', version: 'v5', testable: 244 },
  { file: 'mqtt-3.1.1.tsv', version: 'v3.1.1', testable: 137 },
  { file: 'mqtt-5.0-extra.tsv', version: 'v5', testable: 67 },
] as const;

export const keyOf = (version: Version, id: string): string => `${version} [${id}]`;

export function readTable(root: string, file: string, version: Version): readonly Statement[] {
  const [, ...rows] = readFileSync(`${root}/test/conformance/statements/${file}`, 'utf8').trimEnd().split('\n');
  return rows.map((row) => {
    const [id = '', section = '', who = '', statement = '', hint = ''] = row.split('\t');
    const testable = hint.startsWith('yes');
    return { key: keyOf(version, id), version, id, section, who: who as Statement['who'], statement, testable, hint };
  });
}

export const readStatements = (root: string): readonly Statement[] =>
  tables.flatMap(({ file, version }) => readTable(root, file, version));

/** A rule that brokers commonly get wrong: one row of test/conformance/statements/traps.tsv. */
export interface Trap {
  readonly number: number;
  readonly rule: string;
  /** The statements it is about, as titles and comments cite them. */
  readonly statements: string;
}

export function readTraps(root: string): readonly Trap[] {
  const [, ...rows] = readFileSync(`${root}/test/conformance/statements/traps.tsv`, 'utf8').trimEnd().split('\n');
  return rows.map((row) => {
    const [number = '', rule = '', statements = ''] = row.split('\t');
    return { number: Number(number), rule, statements };
  });
}
