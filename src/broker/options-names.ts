/** Finds the name somebody meant: `maxConnections` is nearest to `connectionsMax`. Pure. */

/** The one of `names` that takes the fewest edits, the order of its words left aside. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const words = sortedWords(name);
  let nearest: string | undefined;
  let fewest = Infinity;
  for (const candidate of names) {
    const edits = editDistance(words, sortedWords(candidate));
    if (edits >= fewest) continue;
    fewest = edits;
    nearest = candidate;
  }
  return nearest;
}

/** `queueMessagesMax` -> `max messages queue`. */
function sortedWords(name: string): string {
  const words = name.slice(0, 100).split(/(?=[A-Z])|[_\-\s]+/);
  return words.map((word) => word.toLowerCase()).toSorted().join(' ');
}

/** Letters left out cost less than wrong ones: `connectTimeout` means `connectTimeoutSeconds`. */
const insertion = 0.5;

/** Levenshtein distance, weighted: letters to insert, delete or replace. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index * insertion);
  for (let index = 0; index < from.length; index += 1) {
    const next = [index + 1];
    for (let at = 1; at <= to.length; at += 1) {
      const replaced = (row[at - 1] as number) + (to[at - 1] === from[index] ? 0 : 1);
      next.push(Math.min(replaced, (row[at] as number) + 1, (next[at - 1] as number) + insertion));
    }
    row = next;
  }
  return row[to.length] as number;
}
