import type { BrokerOptions } from 'odonata';

/** Nobody may connect. */
export default { authenticate: () => false } satisfies BrokerOptions;
