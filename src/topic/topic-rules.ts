/**
 * What makes a topic name and a topic filter, and when a filter matches a name (v5 4.7 and 4.8.2,
 * v3.1.1 4.7). All functions take strings that are well-formed UTF-8 (see packet/utf8.ts) and walk over them
 * once: no recursion and no regular expressions, since a peer may send 65,535 bytes of separators.
 */
import { isHiddenFromWildcards, multiLevelCode, separatorCode, singleLevelCode } from './levels.js';

/** Default of the option `topicLevelsMax`: 200 separators. */
export const topicLevelsMaxDefault = 201;

/** The most that the length field of a string can say. Default of `topicBytesMax`. */
export const topicBytesMaxDefault = 65_535;

/** What a topic filter of a Shared Subscription starts with: v5 [MQTT-4.8.2-1]. */
export const sharePrefix = '$share/';

/** Why `topic` is no topic name that this broker takes, or `undefined`. */
export function topicNameProblem(topic: string, levelsMax: number, bytesMax: number): string | undefined {
  if (topic.length === 0) return 'topic name is empty'; // v5 [MQTT-4.7.3-1]
  let levels = 1;
  for (let at = 0; at < topic.length; at += 1) {
    const code = topic.charCodeAt(at);
    if (code === separatorCode) levels += 1;
    // v5 [MQTT-4.7.0-1], v3.1.1 [MQTT-4.7.1-1]
    else if (code === singleLevelCode || code === multiLevelCode)
      return `topic name ${quote(topic)} contains the wildcard ${topic.charAt(at)}`;
    else if (code === 0) return `topic name ${quote(topic)} contains U+0000`;
  }
  return sizeProblem('topic name', topic, levels, levelsMax, bytesMax);
}

/**
 * Why `filter` is no topic filter that this broker takes, or `undefined`. A Shared Subscription's comes whole,
 * `$share/<name>/<filter>`; levels are then counted in `<filter>`, bytes in all of it.
 */
export function topicFilterProblem(filter: string, levelsMax: number, bytesMax: number): string | undefined {
  if (filter.length === 0) return 'topic filter is empty'; // v5 [MQTT-4.7.3-1]
  let levelStart = 0;
  if (filter.startsWith(sharePrefix)) {
    levelStart = sharedFilterStart(filter);
    // v5 [MQTT-4.8.2-1], [MQTT-4.8.2-2]
    if (levelStart < 0)
      return `shared topic filter ${quote(filter)} is not $share/<name>/<filter> with a <name> without + and #`;
  }
  let levels = 1;
  for (let at = levelStart; at < filter.length; at += 1) {
    const code = filter.charCodeAt(at);
    if (code === separatorCode) {
      levels += 1;
      levelStart = at + 1;
    } else if (code === multiLevelCode) {
      // v5 [MQTT-4.7.1-1], v3.1.1 [MQTT-4.7.1-2]
      if (at !== levelStart || at + 1 !== filter.length)
        return `topic filter ${quote(filter)}: # must be a level of its own and the last one`;
    } else if (code === singleLevelCode) {
      // v5 [MQTT-4.7.1-2], v3.1.1 [MQTT-4.7.1-3]
      if (at !== levelStart || (at + 1 < filter.length && filter.charCodeAt(at + 1) !== separatorCode))
        return `topic filter ${quote(filter)}: + must be a level of its own`;
    } else if (code === 0) return `topic filter ${quote(filter)} contains U+0000`;
  }
  return sizeProblem('topic filter', filter, levels, levelsMax, bytesMax);
}

/**
 * The parts of a Shared Subscription's filter, or `undefined` when `filter` is not one. `$share` alone and
 * `$shared/a` are ordinary filters; what is ill-formed was refused by {@link topicFilterProblem} before.
 */
export function parseSharedFilter(filter: string): { shareName: string; topicFilter: string } | undefined {
  const start = filter.startsWith(sharePrefix) ? sharedFilterStart(filter) : -1;
  if (start < 0) return undefined;
  return { shareName: filter.slice(sharePrefix.length, start - 1), topicFilter: filter.slice(start) };
}

/** Whether a valid filter, shared or not, can match more than one topic name. */
export function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.includes('#');
}

/**
 * Whether a valid filter matches a valid topic name, character by character. Of a Shared
 * Subscription it takes the filter part.
 */
export function matches(filter: string, topic: string): boolean {
  const first = filter.charCodeAt(0);
  const isWildcard = first === singleLevelCode || first === multiLevelCode;
  if (isWildcard && isHiddenFromWildcards(topic)) return false;
  let f = 0;
  let t = 0;
  // Each round begins at the start of a level in both. Beyond the end charCodeAt is NaN, which equals nothing.
  for (;;) {
    const code = filter.charCodeAt(f);
    if (code === multiLevelCode) return true;
    if (code === singleLevelCode) {
      f += 1;
      while (t < topic.length && topic.charCodeAt(t) !== separatorCode) t += 1;
    } else {
      for (; f < filter.length && filter.charCodeAt(f) !== separatorCode; f += 1, t += 1)
        if (filter.charCodeAt(f) !== topic.charCodeAt(t)) return false;
      if (t < topic.length && topic.charCodeAt(t) !== separatorCode) return false;
    }
    // `a/#` also matches `a`, its parent (v5 4.7.1.2).
    if (t === topic.length) return f === filter.length || filter.charCodeAt(f + 1) === multiLevelCode;
    if (f === filter.length) return false;
    f += 1;
    t += 1;
  }
}

/** Where the filter part of a shared filter begins, or -1 when the whole is ill-formed. */
function sharedFilterStart(filter: string): number {
  for (let at = sharePrefix.length; at < filter.length; at += 1) {
    const code = filter.charCodeAt(at);
    if (code === singleLevelCode || code === multiLevelCode) return -1; // v5 [MQTT-4.8.2-2]
    if (code !== separatorCode) continue;
    if (at === sharePrefix.length) return -1; // v5 [MQTT-4.8.2-1]
    return at + 1 < filter.length ? at + 1 : -1; // v5 [MQTT-4.8.2-2]
  }
  return -1;
}

function sizeProblem(
  what: string,
  text: string,
  levels: number,
  levelsMax: number,
  bytesMax: number,
): string | undefined {
  if (levels > levelsMax) return `${what} of ${levels} levels is over the limit of ${levelsMax}`;
  const bytes = Buffer.byteLength(text);
  if (bytes > bytesMax) return `${what} of ${bytes} bytes is over the limit of ${bytesMax}`; // v5 [MQTT-4.7.3-3], v3.1.1 [MQTT-4.7.3-3]
  return undefined;
}

/** For messages: as JSON, so that a peer's line breaks stay out of the host's log, and not endless. */
function quote(text: string): string {
  return text.length > 64 ? `${JSON.stringify(text.slice(0, 64))}...` : JSON.stringify(text);
}
