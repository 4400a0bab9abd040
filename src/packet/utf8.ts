/**
 * UTF-8 Encoded Strings (v5 1.5.4, v3.1.1 1.5.3): checked byte by byte before they are decoded, since decoders
 * replace what is ill-formed and a topic would silently become another one.
 */

/** What is wrong with a string; 0 means nothing is. */
export const Utf8Problem = {
  /** Not UTF-8: stray or missing continuation, overlong form, surrogate, or beyond U+10FFFF. */
  illFormed: 1,
  /** U+0000. */
  nullCharacter: 2,
  /** U+0001 to U+001F, U+007F to U+009F, or a non-character. */
  controlOrNonCharacter: 3,
} as const;
export type Utf8Problem = (typeof Utf8Problem)[keyof typeof Utf8Problem];

/**
 * The first problem in `buffer` from `start` to before `end`, or 0. With `strict`, control characters and
 * non-characters are problems too.
 */
export function utf8Problem(buffer: Uint8Array, start: number, end: number, strict: boolean): 0 | Utf8Problem {
  let at = start;
  while (at < end) {
    const lead = buffer[at] as number;
    at += 1;
    if (lead < 0x80) {
      if (lead >= 0x20 && lead !== 0x7f) continue;
      if (lead === 0) return Utf8Problem.nullCharacter; // v5 [MQTT-1.5.4-2] [MQTT-4.7.3-2], v3.1.1 [MQTT-1.5.3-2] [MQTT-4.7.3-2]
      if (strict) return Utf8Problem.controlOrNonCharacter; // v5 [X5-1.5.4-1]
      continue;
    }
    // v5 [MQTT-1.5.4-1], v3.1.1 [MQTT-1.5.3-1]: C0, C1 could only be overlong, F5 to FF only beyond U+10FFFF.
    if (lead < 0xc2 || lead > 0xf4) return Utf8Problem.illFormed;
    const continuations = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (end - at < continuations) return Utf8Problem.illFormed; // v5 [MQTT-1.5.4-1]
    const second = buffer[at] as number;
    if (second < secondMin(lead) || second > secondMax(lead)) return Utf8Problem.illFormed; // v5 [MQTT-1.5.4-1]
    let codePoint = ((lead & (0x3f >> continuations)) << 6) | (second & 0x3f);
    for (let last = at + continuations, next = at + 1; next < last; next += 1) {
      const byte = buffer[next] as number;
      if ((byte & 0xc0) !== 0x80) return Utf8Problem.illFormed; // v5 [MQTT-1.5.4-1]
      codePoint = (codePoint << 6) | (byte & 0x3f);
    }
    at += continuations;
    if (strict && isControlOrNonCharacter(codePoint)) return Utf8Problem.controlOrNonCharacter; // v5 [X5-1.5.4-1]
  }
  return 0;
}

/** The same for a string of the host's: a surrogate without its partner is what could not be sent. */
export function textProblem(text: string, strict: boolean): 0 | Utf8Problem {
  for (let at = 0; at < text.length; at += 1) {
    const codePoint = text.codePointAt(at) as number;
    if (codePoint >= 0xd800 && codePoint <= 0xdfff) return Utf8Problem.illFormed; // v5 [MQTT-1.5.4-1]
    if (codePoint === 0) return Utf8Problem.nullCharacter; // v5 [MQTT-1.5.4-2]
    if (strict && isControlOrNonCharacter(codePoint)) return Utf8Problem.controlOrNonCharacter; // v5 [X5-1.5.4-1]
    if (codePoint > 0xffff) at += 1;
  }
  return 0;
}

/** Decodes what {@link utf8Problem} found no fault with. */
export function decodeUtf8(buffer: Uint8Array, start: number, end: number): string {
  if (end - start <= shortBytesMax) {
    const text = decodeShortAscii(buffer, start, end);
    if (text !== undefined) return text;
  }
  const bytes = Buffer.isBuffer(buffer) ? buffer : Buffer.from(buffer.buffer, buffer.byteOffset, buffer.length);
  return bytes.toString('utf8', start, end); // v5 [MQTT-1.5.4-3], v3.1.1 [MQTT-1.5.3-3]: a leading U+FEFF is kept
}

/** Up to here V8 joins characters into one flat string, in half the time of a call out of JavaScript. */
const shortBytesMax = 12;

/** `undefined` when a byte is not ASCII. */
function decodeShortAscii(buffer: Uint8Array, start: number, end: number): string | undefined {
  let text = '';
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const a = buffer[at] as number;
    const b = buffer[at + 1] as number;
    const c = buffer[at + 2] as number;
    const d = buffer[at + 3] as number;
    if ((a | b | c | d) > 0x7f) return undefined;
    text += String.fromCharCode(a, b, c, d);
  }
  for (; at < end; at += 1) {
    const byte = buffer[at] as number;
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Excludes overlong forms. */
function secondMin(lead: number): number {
  return lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
}

/** Excludes surrogates and what is beyond U+10FFFF. */
function secondMax(lead: number): number {
  return lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
}

function isControlOrNonCharacter(codePoint: number): boolean {
  if (codePoint < 0xa0) return codePoint < 0x20 || codePoint >= 0x7f;
  return (codePoint & 0xfffe) === 0xfffe || (codePoint >= 0xfdd0 && codePoint <= 0xfdef);
}
