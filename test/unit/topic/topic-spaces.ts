/** Small spaces of topics and filters to be walked through in full, and rules stated in another way than in src. */

/** All strings of 1 to `lengthMax` characters of `alphabet`. */
export function allStrings(alphabet: string, lengthMax: number): string[] {
  const all: string[] = [];
  let longest = [''];
  for (let length = 1; length <= lengthMax; length += 1) {
    longest = longest.flatMap((text) => alphabet.split('').map((character) => text + character));
    all.push(...longest);
  }
  return all;
}

/** Whether an ordinary filter that is not empty is valid, by its levels. */
export function isValidFilter(filter: string): boolean {
  const levels = filter.split('/');
  return levels.every(
    (level, index) => level === '+' || (level === '#' && index === levels.length - 1) || !/[+#]/.test(level),
  );
}

/** Filters and topics with empty levels, `$` and both wildcards everywhere: 421 and 340, of up to four characters. */
export const smallFilters = allStrings('ab/+#$', 4).filter(isValidFilter);
export const smallTopics = allStrings('ab/$', 4);

/** The specification's rule, level by level, recursively. */
export function oracleMatches(filter: string, topic: string): boolean {
  if (/^[+#]/.test(filter) && topic.startsWith('$')) return false;
  return levelsMatch(filter.split('/'), topic.split('/'));
}

function levelsMatch([filter, ...filters]: string[], [topic, ...topics]: string[]): boolean {
  if (filter === '#') return true;
  if (filter === undefined || topic === undefined) return filter === topic;
  return (filter === '+' || filter === topic) && levelsMatch(filters, topics);
}
