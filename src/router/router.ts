/**
 * Publish, match, deliver: the one way from any publisher to any session. Routes are cached with the topic's entry
 * and worked out anew when a subscription has changed.
 */
import type { ProtocolVersion } from '../packet/protocol.js';
import type { Publication } from '../packet/publication.js';
import type { Engine, RouteResult, RouterPort } from '../protocol/ports.js';
import type { Session, Subscription } from '../protocol/session.js';
import type { SubscriptionRecord } from '../storage/storage.js';
import { SubscriptionTree } from '../topic/subscription-tree.js';
import { parseSharedFilter } from '../topic/topic-rules.js';
import { TopicTable } from '../topic/topic-table.js';
import type { TopicEntry } from '../topic/topic-table.js';
import { RetainedReplay } from './retained-replay.js';
import { RetainedStore } from './retained-store.js';
import { resolveRoute, withoutNoLocal } from './route.js';
import type { ResolvedRoute } from './route.js';
import { SharedGroup } from './shared-group.js';

/** Fewer changes than this are not worth a look at all topics, nor are fewer than one for so many topics. */
const changesMin = 256;
const topicsPerChange = 16;
/** Deliveries that routes hold between them: many topics that many subscribe to would fill the memory. */
const routedMax = 2 ** 18;

export class Router implements RouterPort {
  readonly retained: RetainedStore;
  readonly groups = new Map<string, SharedGroup>();
  private readonly tree = new SubscriptionTree<Subscription | SharedGroup>();
  private readonly topics: TopicTable<ResolvedRoute>;
  /** Raised by every change of the tree: routes of an older generation are void. */
  private generation = 0;
  /** Changes since routes were let go of; each pays for a constant share of that. */
  private changes = 0;
  /** Deliveries in routes made since then. */
  private routed = 0;
  private readonly engine: Engine;

  constructor(engine: Engine, seed: number) {
    this.engine = engine;
    this.retained = new RetainedStore(engine);
    const { topicLevelsMax, topicBytesMax, strictText } = engine.options;
    this.topics = new TopicTable({ seed, levelsMax: topicLevelsMax, bytesMax: topicBytesMax, strictText });
  }

  lookup(buffer: Uint8Array, start: number, end: number, version: ProtocolVersion): TopicEntry<ResolvedRoute> {
    return this.topics.lookup(buffer, start, end, version);
  }

  lookupTopic(topic: string): TopicEntry<ResolvedRoute> {
    return this.topics.lookupString(topic);
  }

  publish(
    publication: Publication,
    entry: TopicEntry<ResolvedRoute>,
    origin: Session | undefined,
    result: RouteResult,
  ): void {
    const { deliveries, groups } = this.routeOf(entry);
    let lsn = publication.retain ? this.retained.keep(publication) : 0; // v5 [MQTT-3.3.1-5] [MQTT-3.3.1-8], v3.1.1 [MQTT-3.3.1-12]
    let matched = groups.length > 0;
    result.own = undefined;
    result.ownGroups = undefined;
    for (const any of deliveries) {
      const delivery = any.subscriptions === undefined ? any : withoutNoLocal(any, publication.publisherId);
      if (delivery === undefined) continue;
      matched = true;
      const { sender } = delivery.session;
      let stored: number;
      if (delivery.session === origin && publication.qos > 0) {
        result.own = delivery;
        stored = sender.offerOwn(publication, delivery);
      } else stored = sender.offer(publication, delivery); // v5 [MQTT-4.5.0-1], v3.1.1 [MQTT-4.5.0-1]
      if (stored > lsn) lsn = stored;
    }
    for (const group of groups) {
      const later = publication.qos > 0 && origin?.groups?.has(group) === true;
      if (later) (result.ownGroups ??= []).push(group);
      lsn = Math.max(lsn, group.offer(publication, later));
    }
    result.lsn = lsn;
    result.matched = matched;
  }

  publishOwn(publication: Publication, { own, ownGroups }: RouteResult): void {
    own?.session.sender.sendOwn(publication, own);
    if (ownGroups !== undefined) for (const group of ownGroups) group.offerAfter(publication);
  }

  retainedRefusal(publication: Publication): number {
    return this.retained.refusal(publication);
  }

  subscribe(session: Session, record: SubscriptionRecord): boolean {
    const { topicFilter } = record;
    const shared = parseSharedFilter(topicFilter);
    const subscription: Subscription = {
      ...record,
      session,
      matchFilter: shared?.topicFilter ?? topicFilter,
      shareName: shared?.shareName,
    };
    const old = session.subscriptions.get(topicFilter);
    session.subscriptions.set(topicFilter, subscription);
    this.changed();
    if (shared !== undefined) this.group(topicFilter, subscription.matchFilter).join(subscription);
    else {
      // In one step, so that no message falls between the two.
      this.tree.add(topicFilter, subscription); // v5 [MQTT-3.8.4-4]
      if (old !== undefined) this.tree.delete(topicFilter, old); // v5 [MQTT-3.8.4-3]
    }
    if (old === undefined) this.engine.counters.subscriptions += 1;
    return old !== undefined;
  }

  unsubscribe(session: Session, topicFilter: string): boolean {
    const subscription = session.subscriptions.get(topicFilter); // v5 [MQTT-3.10.4-1]: compared exactly
    if (subscription === undefined) return false;
    session.subscriptions.delete(topicFilter); // v5 [MQTT-3.10.4-1]
    session.sender.dropReplay(topicFilter); // v5 [MQTT-3.10.4-2]
    this.changed();
    this.engine.counters.subscriptions -= 1;
    // v5 [MQTT-3.10.4-2], v3.1.1 [MQTT-3.10.4-2]; what is queued or in flight goes on: v5 [MQTT-3.10.4-3], v3.1.1 [MQTT-3.10.4-3].
    if (subscription.shareName === undefined) this.tree.delete(topicFilter, subscription);
    else this.leaveGroup(topicFilter, subscription);
    return true;
  }

  unsubscribeAll(session: Session): void {
    for (const topicFilter of [...session.subscriptions.keys()]) this.unsubscribe(session, topicFilter);
  }

  replayRetained(session: Session, subscription: Subscription): void {
    // v5 [X5-3.8.4-2]: never for a Shared Subscription.
    if (subscription.shareName !== undefined || this.engine.counters.retainedMessages === 0) return;
    session.sender.addReplay(new RetainedReplay(this.engine, this.retained, subscription));
  }

  /** Routes made so far are void. Now and then they are let go of: a topic nobody uses would hold sessions that ended. */
  private changed(): void {
    this.generation += 1;
    this.changes += 1;
    if (this.changes > Math.max(this.topics.size / topicsPerChange, changesMin)) this.forgetRoutes();
  }

  private forgetRoutes(): void {
    this.changes = this.routed = 0;
    this.topics.forgetRoutes(this.generation);
  }

  private group(sharedFilter: string, matchFilter: string): SharedGroup {
    let group = this.groups.get(sharedFilter); // v5 [X5-4.8.2-1]
    if (group === undefined) {
      group = new SharedGroup(this.engine, sharedFilter);
      this.groups.set(sharedFilter, group);
      this.tree.add(matchFilter, group);
    }
    return group;
  }

  private leaveGroup(sharedFilter: string, { session, matchFilter }: Subscription): void {
    const group = this.groups.get(sharedFilter);
    if (group === undefined) return;
    group.leave(session); // v5 [X5-3.10.4-1]
    if (!group.isEmpty) return; // v5 [X5-3.10.4-1]
    this.groups.delete(sharedFilter);
    this.tree.delete(matchFilter, group);
  }

  private routeOf(entry: TopicEntry<ResolvedRoute>): ResolvedRoute {
    if (entry.generation === this.generation && entry.route !== undefined) return entry.route;
    const matched: (Subscription | SharedGroup)[] = [];
    this.tree.match(entry.topic, (match) => void matched.push(match)); // v5 [MQTT-3.3.2-3], v3.1.1 [MQTT-3.3.2-3]
    if (this.routed > routedMax) {
      this.generation += 1;
      this.forgetRoutes();
    }
    this.routed += matched.length;
    entry.route = resolveRoute(matched);
    entry.generation = this.generation;
    return entry.route;
  }
}
