/**
 * What topic filters have to do with each other, as sets of the topic names that they match (v5 4.7). A filter comes
 * cut into its levels. Level names are endless, so that one filter contains another only if it does so level by
 * level; `+/#` is `#`, as every topic name has a first level.
 */

/** Whether a first level is out of the reach of wildcards, as `$…` is. */
export const isDollar = (level: string | undefined): boolean => level !== undefined && level.startsWith('$');

/** The levels of a filter or a topic name. */
export function levelsOf(filter: string): readonly string[] {
  return filter === '+/#' ? ['#'] : filter.split('/');
}

/** Whether `outer` matches every topic name that `inner` matches; of a topic name, whether it matches that. */
export function contains(outer: readonly string[], inner: readonly string[]): boolean {
  for (let at = 0; ; at += 1) {
    const level = outer[at];
    const other = inner[at];
    if (level === '#') return at > 0 || !isDollar(other); // `a/#` also matches `a`, its parent
    if (level === undefined || other === undefined) return level === other;
    if (other === '#') return false;
    if (level === '+' ? at === 0 && isDollar(other) : level !== other) return false;
  }
}

/**
 * The filter that matches what both match, or `undefined` when there is nothing. `meet` says what two levels that
 * are no wildcards have in common; by default they must be equal.
 */
export function intersection(
  one: readonly string[],
  two: readonly string[],
  meet: (one: string, two: string) => string | undefined = equal,
): readonly string[] | undefined {
  const common: string[] = [];
  for (let at = 0; ; at += 1) {
    const level = one[at];
    const other = two[at];
    if (level === '#') return at === 0 && isDollar(other) ? undefined : [...common, ...two.slice(at)];
    if (other === '#') return at === 0 && isDollar(level) ? undefined : [...common, ...one.slice(at)];
    if (level === undefined || other === undefined) return level === other ? common : undefined;
    const shared = meetOf(level, other, at === 0, meet);
    if (shared === undefined) return undefined;
    common.push(shared);
  }
}

function meetOf(
  one: string,
  two: string,
  isFirst: boolean,
  meet: (one: string, two: string) => string | undefined,
): string | undefined {
  if (one !== '+' && two !== '+') return meet(one, two);
  const named = one === '+' ? two : one;
  return isFirst && isDollar(named) ? undefined : named;
}

const equal = (one: string, two: string): string | undefined => (one === two ? one : undefined);
