/** One subscription of one session, as the router and the session hold it. */
import type { SubscriptionRecord } from '../storage/storage.js';
import type { Session } from './session.js';

export interface Subscription extends SubscriptionRecord {
  readonly session: Session;
  /** What topics are matched against: the filter without its `$share/name/`. */
  readonly matchFilter: string;
  readonly shareName: string | undefined;
}
