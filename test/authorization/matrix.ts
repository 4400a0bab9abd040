/** One generated test per cell: each way that an action can take, with each thing the hook can come to. */
import { expect, test } from '@jest/globals';
import type { Action, BrokerOptions } from '../../src/index.js';
import type { WireVersion } from '../../src/testing/index.js';
import { columns, rareColumns } from './columns.js';
import { Stage } from './stage.js';

/** What everyone concerned saw. */
export type Seen = Readonly<Record<string, unknown>>;

export interface Row {
  readonly path: string;
  /** Default: 3.1.1 and 5.0. */
  readonly versions?: readonly WireVersion[];
  readonly options?: BrokerOptions;
  /** Played with the rare columns too. */
  readonly everyAnswer?: boolean;
  /** Plays it: arms the stage when the time has come, and waits for the answer. */
  readonly play: (stage: Stage) => Promise<Seen>;
  /** What is seen when the hook allows; absent where it is always refused. */
  readonly allowed?: (stage: Stage) => Seen;
  /** What is seen when it refuses; absent where it is not asked. */
  readonly refused?: (stage: Stage) => Seen;
  /** Questions; by default one, and none where the answer does not matter. */
  readonly asked?: number | ((stage: Stage) => number);
  /** As the hook is asked; by default an anonymous client and topic `t`. */
  readonly question?: string;
  /** `dropped` events of a refusal. */
  readonly dropped?: readonly string[];
}

const valueOf = <T>(value: T | ((stage: Stage) => T), stage: Stage): T =>
  typeof value === 'function' ? (value as (stage: Stage) => T)(stage) : value;

/** Plays every row with every column, on both versions. */
export function matrix(type: Action['type'], rows: readonly Row[]): void {
  const cells = rows.flatMap((row) => {
    const answers = row.everyAnswer === true ? [...columns, ...rareColumns] : columns;
    return (row.versions ?? [4, 5]).flatMap((version) => answers.map((column) => ({ path: row.path, row, version, column, answers: column.answers })));
  });
  test.each(cells)(`${type}, $path, v$version: $answers`, async ({ row, column, version }) => {
    const stage = new Stage(type, column, version, row.options);
    const { allowed, refused, dropped = [], question = `undefined ${type} t` } = row;
    const isRefused = allowed === undefined || (refused !== undefined && !column.allows);
    const isDecided = allowed !== undefined && refused !== undefined;
    const seen = await row.play(stage);
    const expected = isRefused ? refused : allowed;
    expect(seen).toEqual(expected?.(stage));

    const asked = valueOf(row.asked ?? (isDecided ? 1 : 0), stage);
    expect(stage.asked).toEqual(Array<string>(asked).fill(question));
    expect(stage.hookErrors).toEqual(Array<string>(column.fails ? asked : 0).fill('ODN_ERR_HOOK authorize'));
    expect(stage.count(({ hookErrors }) => hookErrors)).toBe(stage.hookErrors.length);
    expect(stage.dropped).toEqual(isRefused ? dropped : []);
    const denied = stage.count(({ dropped: counts }) => counts.publishDenied + counts.deliverDenied);
    expect(denied).toBe(stage.dropped.length);
  });
}
