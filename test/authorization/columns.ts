/** What an `authorize` hook may come to: the columns of the authorization matrix. */
import type { AuthorizeAnswer } from '../../src/index.js';

/** Where a hook leaves what it does once its deadline has passed. */
export type Later = (run: () => void) => void;

export interface Column {
  readonly answers: string;
  /** What the hook returns, legal or not; it may throw. */
  readonly answer: (later: Later) => unknown;
  readonly allows: boolean;
  /** The refusal's code in MQTT 5.0, and what it says beside it. */
  readonly reasonCode: number;
  readonly reasonString: string | undefined;
  /** Each such answer is a `hookError`. */
  readonly fails: boolean;
  /** The answer stands for the connection, action and topic. */
  readonly kept: boolean;
  /** It comes with the hook's deadline. */
  readonly waits: boolean;
}

type Terms = Partial<Omit<Column, 'answers' | 'answer'>>;

const column = (answers: string, answer: Column['answer'], terms: Terms = {}): Column => ({
  answers,
  answer,
  allows: false,
  reasonCode: 0x87,
  reasonString: undefined,
  fails: false,
  kept: false,
  waits: false,
  ...terms,
});

const explained = { action: 'deny', reasonCode: 0x97, reasonString: 'too much' } satisfies AuthorizeAnswer;
const asExplained = { reasonCode: 0x97, reasonString: 'too much' };
const fail = (): never => {
  throw new Error('the hook is broken');
};
type Then = (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void;

/** A promise of the host's own making, which calls back more than once. */
class Twice {
  readonly #then: Then;

  constructor(then: Then) {
    this.#then = then;
  }

  // oxlint-disable-next-line no-thenable -- that is what it is for
  then(...callbacks: Parameters<Then>): void {
    this.#then(...callbacks);
  }
}

/** Every path is played with each of these. */
export const columns: readonly Column[] = [
  column('true', () => true, { allows: true }),
  column('false', () => false),
  column('a deny with code and text', () => explained, asExplained),
  column('a throw', fail, { fails: true }),
  column('a rejection', () => Promise.reject(new Error('the hook is broken')), { fails: true }),
  column('nothing, ever', () => new Promise(() => undefined), { fails: true, waits: true }),
  column('true, by and by', async () => true, { allows: true }),
  column('false, by and by', async () => false),
  column('nonsense', () => ({ action: 'Allow' }), { fails: true }),
  column('allow, kept', () => ({ action: 'allow', cache: true }), { allows: true, kept: true }),
  column('deny, kept', () => ({ action: 'deny', cache: true }), { kept: true }),
];

/** And some with these too: what the runner makes of an answer is the same on every path. */
export const rareColumns: readonly Column[] = [
  column('true, too late', (later) => new Promise((resolve) => later(() => resolve(true))), { fails: true, waits: true }),
  column('a rejection, too late', (later) => new Promise((_, reject) => later(() => reject(new Error('late')))), { fails: true, waits: true }),
  column('a deny with code and text, by and by', async () => explained, asExplained),
  column('undefined', () => undefined, { fails: true }),
  column('nonsense, by and by', async () => 'true', { fails: true }),
  column('allow, kept, by and by', async () => ({ action: 'allow', cache: true }), { allows: true, kept: true }),
  column('deny, kept, by and by', async () => ({ action: 'deny', cache: true }), { kept: true }),
  column('twice: false, then true', () => new Twice((resolve) => [resolve(false), resolve(true)])),
  column('twice: true, then a rejection', () => new Twice((resolve, reject) => [resolve(true), reject(new Error('late'))]), { allows: true }),
];
