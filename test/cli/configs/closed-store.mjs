// A storage that refuses to open.
const nothing = () => undefined;
export default {
  storage: {
    supports: { durability: 'none' },
    open: () => Promise.reject(new Error('the disk is gone')),
    close: () => Promise.resolve(),
    load: nothing,
    enqueue: nothing,
    putSession: nothing,
  },
};
