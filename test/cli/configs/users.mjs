// Only user `u` with password `p` may connect.
export default {
  authenticate: ({ username, password }) => username === 'u' && Buffer.from(password ?? []).toString() === 'p',
};
