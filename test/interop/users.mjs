// The config of command.test.ts: `alice` with password `secret`, and nobody else.
export default {
  authenticate: ({ username, password }) => username === 'alice' && Buffer.from(password ?? []).toString() === 'secret',
};
