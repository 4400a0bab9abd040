/** A reporter for jest that ends the run at the first test that fails. Says how it went, as JSON, to file descriptor 3. */
import { writeSync } from 'node:fs';

const say = (outcome) => writeSync(3, JSON.stringify(outcome));

const end = (path, title) => {
  say({ failed: { path, title } });
  process.exit(1);
};

export default class FirstFailure {
  passed = 0;

  onTestCaseResult({ path }, { status, fullName }) {
    if (status === 'failed') end(path, fullName);
    if (status === 'passed') this.passed += 1;
  }

  /** A file that cannot be run, as its imports fail, has no test case to tell of. */
  onTestResult({ path }, { testExecError }) {
    if (testExecError) end(path, `the file fails: ${String(testExecError.message).split('\n')[0]}`);
  }

  onRunComplete() {
    say({ passed: this.passed });
  }
}
