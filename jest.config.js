/**
 * The fast suite: everything under test/ that needs Node alone and no build. What speaks to a broker of the test
 * kit runs twice: `prompt`, and `late` on a store that always answers late and commits late.
 * test/{interop,browser,package} have a jest.config.js of their own, made by `suite` below.
 */
const slowSuites = ['interop', 'browser', 'package'];

/** @type {import('jest').Config} */
const shared = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^odonata$': '<rootDir>/src/index.ts',
    '^odonata/testing$': '<rootDir>/src/testing/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/temp/'],
  injectGlobals: false,
};

/** One slow suite: the tests in test/`name`, one file at a time, each test given a minute or more. */
export const suite = (name, testTimeout = 60_000) => ({
  ...shared,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  maxWorkers: 1,
  testTimeout,
});

/** Everything in the fast suite. */
const prompt = {
  ...shared,
  displayName: 'prompt',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...slowSuites.map((name) => `<rootDir>/test/${name}/`)],
};

/** The same tests with another broker behind `wire()`: see test/support/late-wire-broker.ts. */
const late = {
  ...shared,
  displayName: 'late',
  testMatch: ['wire/**', 'conformance/**', 'broker'].map((folder) => `<rootDir>/test/${folder}/*.test.ts`),
  // Long for their sheer numbers, of identifiers and of connections, which no store changes.
  testPathIgnorePatterns: ['/node_modules/', '/wire/packet-ids', '/broker/leak'],
  moduleNameMapper: {
    '/wire-broker\\.js$': '<rootDir>/test/support/late-wire-broker.ts',
    ...shared.moduleNameMapper,
  },
};

/** @type {import('jest').Config} */
export default {
  projects: [prompt, late],
  // A core each: Jest would leave one idle, which is half of a small machine.
  maxWorkers: '100%',
  collectCoverageFrom: ['src/**/*.ts', '!src/cli.ts'],
  coverageDirectory: 'coverage',
  coverageProvider: 'v8',
};
