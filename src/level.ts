/** The public door of `odonata/level`. */
export { fromAbstractLevel, level } from './storage/level/level.js';
export type { FromAbstractLevelOptions, LevelOptions } from './storage/level/level.js';
export type { AbstractLevelLike, LevelEncodings, LevelOperation } from './storage/level/level-store.js';
