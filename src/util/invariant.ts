/** The one way to state what must be true inside the broker whatever peers and hosts do. */

/**
 * Throws unless `condition` holds. A failure is a bug of the broker, never of a peer or a host:
 * what they send is checked with errors of their own.
 */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`bug of the broker, please report it: ${message}`);
}
