/** What goes to and comes from LevelDB in this process, taken where `odonata/level` hands it over: costs next to nothing. */
import { Level } from 'level';

interface Write {
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
}
type Pair = [Uint8Array, Uint8Array];
/** What `src/storage/level/level-store.ts` calls of a database. */
interface Calls {
  batch: (this: Calls, writes: readonly Write[], options: object) => Promise<void>;
  iterator: (this: Calls, options: object) => AsyncIterable<Pair>;
  getMany: (this: Calls, keys: readonly Uint8Array[], options: object) => Promise<(Uint8Array | undefined)[]>;
}

export const meter = {
  /** Bytes of each commit group, in order. */
  groups: [] as number[],
  writtenBytes: 0,
  readBytes: 0,
};

const keyOfGroup = 'l'.charCodeAt(0);

/** From now on everything is counted. */
export function startMeter(): void {
  const calls = Level.prototype as unknown as Calls;
  const { batch, iterator, getMany } = calls;
  calls.batch = function counted(writes, options) {
    for (const { key, value } of writes) {
      meter.writtenBytes += key.length + (value?.length ?? 0);
      if (key[0] === keyOfGroup && value !== undefined) meter.groups.push(value.length);
    }
    return batch.call(this, writes, options);
  };
  calls.iterator = function counted(options) {
    return countedPairs(iterator.call(this, options));
  };
  calls.getMany = async function counted(keys, options) {
    const values = await getMany.call(this, keys, options);
    for (const value of values) meter.readBytes += value?.length ?? 0;
    return values;
  };
}

async function* countedPairs(pairs: AsyncIterable<Pair>): AsyncGenerator<Pair> {
  for await (const pair of pairs) {
    meter.readBytes += pair[0].length + pair[1].length;
    yield pair;
  }
}
