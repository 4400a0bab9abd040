/** Hooks that answer when a test says so, and not before. */
import type { Rig } from './rig.js';

interface Pending<Question, Answer> {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** `authenticate: asked.ask` leaves every question here until `answer` takes it out. */
export class Asked<Question, Answer> {
  readonly open: Pending<Question, Answer>[] = [];
  readonly #rig: () => Rig;

  /** @param rig - a function, as the rig is opened with this hook. */
  constructor(rig: () => Rig) {
    this.#rig = rig;
  }

  readonly ask = (question: Question): Promise<Answer> =>
    new Promise((resolve, reject) => this.open.push({ question, resolve, reject }));

  get questions(): Question[] {
    return this.open.map(({ question }) => question);
  }

  /** Answers the question at `index`, by default the one that has been open longest, and lets what follows happen. */
  async answer(answer: Answer, index = 0): Promise<void> {
    this.#take(index).resolve(answer);
    await this.#rig().settle();
  }

  async fail(error: Error, index = 0): Promise<void> {
    this.#take(index).reject(error);
    await this.#rig().settle();
  }

  #take(index: number): Pending<Question, Answer> {
    const [pending] = this.open.splice(index, 1);
    if (pending === undefined) throw new Error(`there is no open question ${index}`);
    return pending;
  }
}
