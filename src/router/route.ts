/** What a topic resolves to: one merged delivery per session, and the shared groups. Immutable once made. */
import type { QoS } from '../packet/protocol.js';
import type { Delivery, Route } from '../protocol/ports.js';
import type { Session, Subscription } from '../protocol/session.js';
import { SharedGroup } from './shared-group.js';

/** A delivery that can be worked out again without its No Local subscriptions. */
export interface MergedDelivery extends Delivery {
  /** Set only when one of them has No Local. */
  readonly subscriptions: readonly Subscription[] | undefined;
}

export interface ResolvedRoute extends Route {
  readonly deliveries: readonly MergedDelivery[];
  readonly groups: readonly SharedGroup[];
}

/** Merges what a topic matched: overlapping subscriptions give one PUBLISH (v5 3.3.4, v3.1.1 3.3.5). */
export function resolveRoute(matched: readonly (Subscription | SharedGroup)[]): ResolvedRoute {
  const bySession = new Map<Session, Subscription[]>();
  const groups: SharedGroup[] = [];
  for (const match of matched) {
    if (match instanceof SharedGroup) groups.push(match); // v5 [X5-4.8.2-4]
    else {
      const own = bySession.get(match.session);
      if (own === undefined) bySession.set(match.session, [match]);
      else own.push(match);
    }
  }
  return { deliveries: [...bySession.values()].map(merge), groups };
}

/** What they come to for their session. */
export function merge(subscriptions: readonly Subscription[]): MergedDelivery {
  let qos: QoS = 0;
  let retainAsPublished = false;
  let noLocal = false;
  const identifiers: number[] = [];
  for (const subscription of subscriptions) {
    if (subscription.qos > qos) qos = subscription.qos; // v5 [MQTT-3.3.4-2], v3.1.1 [MQTT-3.3.5-1]
    retainAsPublished ||= subscription.retainAsPublished;
    noLocal ||= subscription.noLocal;
    // v5 [MQTT-3.3.4-3] [MQTT-3.3.4-4], X5-3.3.4-1
    if (subscription.subscriptionIdentifier !== undefined) identifiers.push(subscription.subscriptionIdentifier);
  }
  return {
    session: (subscriptions[0] as Subscription).session,
    qos,
    retainAsPublished,
    subscriptionIdentifiers: identifiers.length > 0 ? identifiers : undefined,
    subscriptions: noLocal ? subscriptions : undefined,
  };
}

/** The delivery for a message of this publisher, or `undefined`: No Local filters before the merge. */
export function withoutNoLocal(delivery: MergedDelivery, publisherId: string | undefined): MergedDelivery | undefined {
  // v5 [MQTT-3.8.3-3]
  if (delivery.subscriptions === undefined || delivery.session.clientId !== publisherId) return delivery;
  const others = delivery.subscriptions.filter((subscription) => !subscription.noLocal); // v5 [MQTT-3.8.3-3]
  return others.length === 0 ? undefined : merge(others);
}
