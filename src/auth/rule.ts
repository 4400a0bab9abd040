/** A rule as it is decided with, wherever it was written, and whom it is about. */
import { isDollar } from './filters.js';

/** What an answer is about: subscribe and deliver, or publish and will. */
export type Access = 'read' | 'write';

/** A rule that was checked. */
export interface Rule {
  /** Its place: the index in the list of rules, the line of a file. */
  readonly place: number;
  /** For messages: `rule 3`, `line 12`. */
  readonly name: string;
  readonly allows: boolean;
  readonly read: boolean;
  readonly write: boolean;
  /** The filter, for messages. */
  readonly topic: string;
  /** Its levels; `%c` and `%u` are placeholders. */
  readonly levels: readonly string[];
  /** The principals that it is about, `undefined` among them for who has none; together with `groups`. */
  readonly users: readonly (string | undefined)[] | undefined;
  readonly groups: readonly string[] | undefined;
  readonly clientIds: readonly string[] | undefined;
}

/** Who asks. */
export interface Subject {
  readonly principal: string | undefined;
  readonly clientId: string | undefined;
  readonly groups: readonly string[];
}

export const principalPlaceholder = '%u';
export const clientIdPlaceholder = '%c';

/** Whether a filter may be filled with this: never a wildcard, another level, or nothing. */
export function isUsable(value: string | undefined): value is string {
  if (value === undefined || value === '') return false;
  return !value.includes('+') && !value.includes('#') && !value.includes('/') && !value.includes('\0');
}

/** Whether the rule names this client, whatever its filter. */
export function isAbout(rule: Rule, { principal, clientId, groups }: Subject): boolean {
  return isAboutPrincipal(rule, principal, groups) && isAboutClientId(rule, clientId);
}

export function isAboutPrincipal(rule: Rule, principal: string | undefined, groups: readonly string[]): boolean {
  if (rule.users === undefined && rule.groups === undefined) return true;
  return rule.users?.includes(principal) === true || rule.groups?.some((group) => groups.includes(group)) === true;
}

function isAboutClientId({ clientIds }: Rule, clientId: string | undefined): boolean {
  return clientIds === undefined || (clientId !== undefined && clientIds.includes(clientId));
}

/**
 * The levels of the rule's filter for this client, or the placeholder for which there is no usable value: then the
 * rule does not apply. By its name alone nobody is allowed what lies below a first level that begins with `$`.
 */
export function filledLevels({ levels, allows }: Rule, { principal, clientId }: Subject): readonly string[] | '%c' | '%u' {
  const filled: string[] = [];
  for (const level of levels) {
    if (level !== principalPlaceholder && level !== clientIdPlaceholder) {
      filled.push(level);
      continue;
    }
    const value = level === principalPlaceholder ? principal : clientId;
    if (!isUsable(value) || (allows && filled.length === 0 && isDollar(value))) return level;
    filled.push(value);
  }
  return filled;
}
