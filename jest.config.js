/**
 * The fast suite: everything under test/ that needs Node alone and no build. `test:late` runs what speaks to a broker
 * of the test kit once more, on a store that always answers late and commits late.
 * test/{late,interop,browser,package} have a jest.config.js of their own, made from what is here.
 */
const slowSuites = ['interop', 'browser', 'package'];

/** @type {import('jest').Config} */
const shared = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^odonata$': '<rootDir>/src/index.ts',
    '^odonata/aedes$': '<rootDir>/src/aedes.ts',
    '^odonata/auth$': '<rootDir>/src/auth.ts',
    '^odonata/level$': '<rootDir>/src/level.ts',
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
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...slowSuites.map((name) => `<rootDir>/test/${name}/`)],
};

/** `npm run test:late`: the same tests with another broker behind `wire()`, see test/support/late-wire-broker.ts. */
export const late = {
  ...shared,
  testMatch: ['wire/**', 'conformance/**', 'broker'].map((folder) => `<rootDir>/test/${folder}/*.test.ts`),
  // Long for their sheer numbers, of identifiers and of connections, which no store changes; what does not go through
  // the test kit: real sockets in real time; and what is refused or answered before any store is asked.
  testPathIgnorePatterns: [
    '/node_modules/',
    '/broker/(leak|durable-bounded)',
    '/conformance/transports/',
    '/conformance/coverage',
    '/conformance/[^/]+/(1-|2-|3\\.12|6-|framing)',
    '/wire/(packet-ids|text-rules|connect-format|connect-versions|wrong-packets|topic-matching)',
  ],
  moduleNameMapper: {
    '/wire-broker\\.js$': '<rootDir>/test/support/late-wire-broker.ts',
    ...shared.moduleNameMapper,
  },
};

/** @type {import('jest').Config} */
export default {
  ...prompt,
  // A core each: Jest would leave one idle, which is half of a small machine.
  maxWorkers: '100%',
  collectCoverageFrom: ['src/**/*.ts', '!src/cli.ts'],
  coverageDirectory: 'coverage',
  coverageProvider: 'v8',
};
