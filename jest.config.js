/**
 * The fast suite: everything under test/ that needs Node alone and no build.
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

/** @type {import('jest').Config} */
export default {
  ...shared,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...slowSuites.map((name) => `<rootDir>/test/${name}/`)],
  collectCoverageFrom: ['src/**/*.ts', '!src/cli.ts'],
  coverageDirectory: 'coverage',
  coverageProvider: 'v8',
};
