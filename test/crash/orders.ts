/** What the test tells its broker process, and what that answers. */

/** `level(path)`, or the store that loses at the kill what was not synced. */
export type StoreChoice = { readonly kind: 'level' } | { readonly kind: 'power'; readonly synced: boolean };

/** Opens a broker; the process serves one. */
export interface OpenOrder {
  readonly type: 'open';
  readonly store: StoreChoice;
  /** Where the store keeps its files. */
  readonly folder: string;
  /** Where it says whether a commit group is in flight. */
  readonly flightFile: string;
  readonly checkpointBytes: number | undefined;
  /** Acknowledge before the commit: a fault. */
  readonly eager: boolean;
  readonly seed: number;
}

export type Order = OpenOrder | { readonly type: 'close' };

export type Report =
  | { readonly type: 'loaded' }
  | { readonly type: 'listening'; readonly port: number }
  /** It did not open, or met an error while it served. */
  | { readonly type: 'error'; readonly message: string };
