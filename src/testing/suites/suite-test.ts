/** What the compliance suites ask of a test runner. */

/**
 * Registers a test: `test` of Jest, of Vitest or of `node:test`.
 * @public
 */
export type SuiteTest = (title: string, run: () => Promise<void>) => unknown;
