/** The clocks that hooks use where the host gives none; nothing else in this room asks for the time. */

/** Milliseconds that only go forward: for rates and for how long a verdict is kept. */
export const steadyNow = (): number => performance.now();

/** Wall-clock milliseconds since 1970: for what certificates and tokens say. */
export const wallNow = (): number => Date.now();

/** The wall-clock milliseconds of a date such as `Nov 24 03:54:43 2026 GMT`; NaN when it is none. */
export const parseWallMs = (text: string): number => Date.parse(text);

/** The form in which other packages want wall-clock milliseconds. */
export const dateOf = (wallMs: number): Date => new Date(wallMs);
