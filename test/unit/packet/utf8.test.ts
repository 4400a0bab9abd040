import { isUtf8 } from 'node:buffer';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeUtf8, textProblem, utf8Problem, Utf8Problem } from '../../../src/packet/utf8.js';

const { illFormed, nullCharacter, controlOrNonCharacter } = Utf8Problem;
const problem = (bytes: readonly number[], strict = false): number =>
  utf8Problem(Uint8Array.from(bytes), 0, bytes.length, strict);

const decoder = new TextDecoder('utf-8', { fatal: true });
function decodes(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Checks one sequence against an oracle for well-formedness, and returns what differs. */
function differs(bytes: Uint8Array, isWellFormed: (bytes: Uint8Array) => boolean): boolean {
  const found = utf8Problem(bytes, 0, bytes.length, false);
  if (!bytes.includes(0)) return found !== (isWellFormed(bytes) ? 0 : illFormed);
  return isWellFormed(bytes) ? found !== nullCharacter : found === 0;
}

// Goal: exactly RFC 3629. Method: all 65,792 sequences of one and two bytes against TextDecoder.
test('v5 [MQTT-1.5.4-1], v3.1.1 [MQTT-1.5.3-1] agrees with TextDecoder on all sequences of up to two bytes', () => {
  const wrong: string[] = [];
  let sequences = 0;
  const check = (bytes: Uint8Array): void => {
    sequences += 1;
    if (differs(bytes, decodes)) wrong.push(Buffer.from(bytes).toString('hex'));
  };
  for (let first = 0; first < 256; first += 1) {
    check(Uint8Array.of(first));
    for (let second = 0; second < 256; second += 1) check(Uint8Array.of(first, second));
  }
  expect(sequences).toBe(65_792);
  expect(wrong).toEqual([]);
});

// Goal: overlong forms, surrogates and what is beyond U+10FFFF, also within a string. Method: all sequences of three
// and four out of the bytes at which a range of RFC 3629 begins or ends, and their neighbours.
test('v5 [MQTT-1.5.4-1], v3.1.1 [MQTT-1.5.3-1] agrees with Node on boundary sequences of three and four bytes', () => {
  const edges = [
    0x00, 0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef,
    0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
  ];
  const wrong: string[] = [];
  let sequences = 0;
  const check = (bytes: Uint8Array): void => {
    sequences += 1;
    if (differs(bytes, isUtf8)) wrong.push(Buffer.from(bytes).toString('hex'));
  };
  for (const a of edges)
    for (const b of edges)
      for (const c of edges) {
        check(Uint8Array.of(a, b, c));
        for (const d of edges) check(Uint8Array.of(a, b, c, d));
      }
  expect(sequences).toBe(25 ** 3 + 25 ** 4);
  expect(wrong).toEqual([]);
});

// Goal: every code point is put where it belongs. Method: all 1,114,112, encoded, and the same as a string.
test('v5 [MQTT-1.5.4-2], [X5-1.5.4-1] every code point', () => {
  const bytes = Buffer.alloc(4);
  const counts = { fine: 0, surrogate: 0, null: 0, strictOnly: 0 };
  const wrong: string[] = [];
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint += 1) {
    const text = String.fromCodePoint(codePoint);
    const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
    const isNonCharacter = (codePoint & 0xffff) >= 0xfffe || (codePoint >= 0xfdd0 && codePoint <= 0xfdef);
    const isControl = codePoint <= 0x1f || (codePoint >= 0x7f && codePoint <= 0x9f);
    const lenient = isSurrogate ? illFormed : codePoint === 0 ? nullCharacter : 0;
    const strict = lenient !== 0 ? lenient : isControl || isNonCharacter ? controlOrNonCharacter : 0;
    if (isSurrogate) counts.surrogate += 1;
    else if (codePoint === 0) counts.null += 1;
    else if (strict !== 0) counts.strictOnly += 1;
    else counts.fine += 1;
    let length = bytes.write(text);
    if (isSurrogate) length = surrogateBytes(bytes, codePoint);
    const isRight =
      utf8Problem(bytes, 0, length, false) === lenient &&
      utf8Problem(bytes, 0, length, true) === strict &&
      textProblem(text, false) === lenient &&
      textProblem(text, true) === strict;
    if (!isRight) wrong.push(codePoint.toString(16));
  }
  expect(wrong).toEqual([]);
  expect(counts).toEqual({ fine: 1_112_064 - 1 - 64 - 66, surrogate: 2048, null: 1, strictOnly: 64 + 66 });
});

/** What an encoder that knows no surrogates (CESU-8) would write. */
function surrogateBytes(bytes: Buffer, codePoint: number): number {
  bytes.set([0xe0 | (codePoint >> 12), 0x80 | ((codePoint >> 6) & 0x3f), 0x80 | (codePoint & 0x3f)]);
  return 3;
}

test('the first problem from the left is reported', () => {
  expect(problem([0x61, 0x00, 0xff])).toBe(nullCharacter);
  expect(problem([0x61, 0xff, 0x00])).toBe(illFormed);
  expect(problem([0x01, 0x00], true)).toBe(controlOrNonCharacter);
  expect(problem([0x01, 0x00])).toBe(nullCharacter);
  expect(problem([])).toBe(0);
});

test('a character that the end cuts is ill-formed, though its bytes follow', () => {
  const bytes = Buffer.from('ab\u20ac\u{1f600}');
  expect(utf8Problem(bytes, 0, bytes.length, true)).toBe(0);
  for (const end of [3, 4, 6, 7, 8]) expect(utf8Problem(bytes, 0, end, true)).toBe(illFormed);
  for (const end of [0, 1, 2, 5, 9]) expect(utf8Problem(bytes, 0, end, true)).toBe(0);
  expect(utf8Problem(bytes, 3, bytes.length, true)).toBe(illFormed);
  expect(utf8Problem(bytes, 5, bytes.length, true)).toBe(0);
});

test('a surrogate of a string counts only without its partner', () => {
  expect(textProblem('a\u{1f600}b', true)).toBe(0);
  expect(textProblem('a\ud83d', true)).toBe(illFormed);
  expect(textProblem('\ude00a', true)).toBe(illFormed);
  expect(textProblem('\ude00\ud83d', true)).toBe(illFormed);
});

test('v5 [MQTT-1.5.4-3], v3.1.1 [MQTT-1.5.3-3] U+FEFF is kept wherever it stands', () => {
  for (const text of ['\ufeff', '\ufeffa', '\ufeff\ufeff', 'a\ufeff', '\ufeff'.repeat(20)]) {
    const bytes = Buffer.from(text);
    expect(utf8Problem(bytes, 0, bytes.length, true)).toBe(0);
    expect(decodeUtf8(bytes, 0, bytes.length)).toBe(text);
    expect(decodeUtf8(new Uint8Array(bytes), 0, bytes.length)).toBe(text);
  }
});

// Goal: short strings and long ones, from any place, in a Buffer or not. Method: random text of about 12 bytes.
test('decodes what was encoded', () => {
  const unit = fc.constantFrom('grapheme' as const, 'binary-ascii' as const);
  const text = unit.chain((kind) => fc.string({ unit: kind, maxLength: 30 }));
  fc.assert(
    fc.property(text, fc.nat(9), (expected, before) => {
      const encoded = Buffer.from(expected);
      const bytes = Buffer.concat([Buffer.alloc(before, 0xff), encoded, Buffer.alloc(3, 0xff)]);
      const end = before + encoded.length;
      expect(decodeUtf8(bytes, before, end)).toBe(expected);
      expect(decodeUtf8(Uint8Array.from(bytes), before, end)).toBe(expected);
      expect(decodeUtf8(new Uint8Array(bytes).subarray(before), 0, encoded.length)).toBe(expected);
    }),
  );
});
