/** Changes of many calls as one batch: one is on its way to the store while the next one fills. */
import type { KeyValueChange, KeyValueStore } from '../../storage/key-value-store.js';

interface Group {
  readonly changes: KeyValueChange[];
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class GroupWriter {
  private readonly store: KeyValueStore;
  private filling: Group | undefined = undefined;
  private writing: Promise<void> | undefined = undefined;
  /** After a write that failed a store is opened anew: LevelDB refuses all others. */
  private hasFailed = false;

  constructor(store: KeyValueStore) {
    this.store = store;
  }

  /** Resolves when all of `changes` are as safe as the store promises; in a batch with those of others. */
  write(changes: readonly KeyValueChange[]): Promise<void> {
    const group = (this.filling ??= newGroup());
    for (const change of changes) group.changes.push(change);
    this.writing ??= this.writeAll();
    return group.promise;
  }

  /** Resolves when nothing is left to write. */
  async idle(): Promise<void> {
    await this.writing;
  }

  private async writeAll(): Promise<void> {
    await Promise.resolve(); // what else is asked for in this turn
    for (let group = this.filling; group !== undefined; group = this.filling) {
      this.filling = undefined;
      try {
        if (this.hasFailed) {
          await this.store.close();
          await this.store.open();
          this.hasFailed = false;
        }
        await this.store.write(group.changes);
        group.resolve();
      } catch (error) {
        this.hasFailed = true;
        group.reject(error);
      }
    }
    this.writing = undefined;
  }
}

function newGroup(): Group {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  return { changes: [], promise, resolve, reject };
}
