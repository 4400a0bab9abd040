/** Cutting topics and filters into levels in place: an array of 32,000 levels is never made. */

/** Characters with a meaning; as bytes they occur in UTF-8 as themselves only. */
export const separatorCode = 0x2f;
export const singleLevelCode = 0x2b;
export const multiLevelCode = 0x23;
export const dollarCode = 0x24;

/** Where the level that begins at `start` ends: at the next separator, or at the end of the text. */
export function levelEnd(text: string, start: number): number {
  const end = text.indexOf('/', start);
  return end < 0 ? text.length : end;
}

/** Whether wildcards on the first level of a filter leave this topic, or first level, alone. */
export function isHiddenFromWildcards(topic: string): boolean {
  return topic.charCodeAt(0) === dollarCode; // v5 [MQTT-4.7.2-1]
}

/**
 * A level to be kept. V8 makes a slice of 13 characters and more a view of the string that it was cut from,
 * which then lives as long: a short level would hold 64 KiB of a filter that is gone.
 */
export function keptLevel(level: string): string {
  return level.length < 13 ? level : Buffer.from(level).toString();
}
