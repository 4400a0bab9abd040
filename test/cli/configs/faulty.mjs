// A hook that throws what an operator wants to hear of.
export default {
  authenticate: () => {
    throw new Error('the user table is gone');
  },
};
