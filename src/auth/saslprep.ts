/** SASLprep (RFC 4013): the one form of a user name or password, so that both sides hash the same bytes. */

/** RFC 3454 B.1: commonly mapped to nothing. */
const mappedToNothing = /[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;
/** C.1.2: spaces that become U+0020. */
const otherSpaces = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/gu;
/** C.2 to C.9: controls, private use, non-characters, surrogates, and what is not fit for plain text or changes its display; and unassigned code points, as in all strings that are stored. */
const prohibited =
  /[\p{Cc}\p{Co}\p{Cn}\p{Cs}\u06dd\u070f\u180e\u2028\u2029\u2061-\u2063\u206a-\u206f\ufff9-\ufffd\u{1d173}-\u{1d17a}\u2ff0-\u2ffb\u0340\u0341\u200e\u200f\u202a-\u202e\u{e0001}\u{e0020}-\u{e007f}]/u;
/** D.1: written from right to left. */
const rightToLeft = /[\u05be\u05c0\u05c3\u05d0-\u05ea\u05f0-\u05f4\u061b\u061f\u0621-\u063a\u0640-\u064a\u066d-\u066f\u0671-\u06d5\u06e5\u06e6\u06fa-\u06fe\u0700-\u070d\u0710\u0712-\u072c\u0780-\u07a5\u07b1\ufb1d\ufb1f-\ufb28\ufb2a-\ufb36\ufb38-\ufb3c\ufb3e\ufb40\ufb41\ufb43\ufb44\ufb46-\ufbb1\ufbd3-\ufd3d\ufd50-\ufd8f\ufd92-\ufdc7\ufdf0-\ufdfc\ufe70-\ufe74\ufe76-\ufefc]/u;

/** `undefined` when the text is empty or must not be used. */
export function saslprep(text: string): string | undefined {
  const mapped = text.replaceAll(mappedToNothing, '').replaceAll(otherSpaces, ' ').normalize('NFKC');
  if (mapped === '' || prohibited.test(mapped)) return undefined;
  const characters = Array.from(mapped);
  const isRight = (character: string | undefined): boolean => character !== undefined && rightToLeft.test(character);
  if (!characters.some(isRight)) return mapped;
  // RFC 3454 6: then nothing runs from left to right, and both ends run from right to left.
  const hasLeft = characters.some((character) => /\p{L}/u.test(character) && !isRight(character));
  return !hasLeft && isRight(characters[0]) && isRight(characters.at(-1)) ? mapped : undefined;
}
