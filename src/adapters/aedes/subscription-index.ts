/** Subscriptions by client and by topic, in memory: Aedes asks for those of a topic at every publish. */
import { SubscriptionTree } from '../../topic/subscription-tree.js';
import { hasWildcard } from '../../topic/topic-rules.js';
import type { AedesSubscriptionLike } from './aedes-persistence.js';

/** A subscription with whose it is. @public */
export interface AedesClientSubscription extends AedesSubscriptionLike {
  /** Client Identifier. */
  clientId: string;
}

export class SubscriptionIndex {
  private readonly byClient = new Map<string, Map<string, AedesSubscriptionLike>>();
  /** Those above QoS 0, which an absent client gets. */
  private readonly tree = new SubscriptionTree<AedesClientSubscription>();
  private readonly inTree = new Map<string, Map<string, AedesClientSubscription>>();

  add(clientId: string, subscription: AedesSubscriptionLike): void {
    const { topic, qos, rh, rap, nl } = subscription;
    this.remove(clientId, topic);
    mapOf(this.byClient, clientId).set(topic, subscription);
    if (qos === 0) return;
    const found = { clientId, topic, qos, rh, rap, nl } as AedesClientSubscription;
    mapOf(this.inTree, clientId).set(topic, found);
    this.tree.add(topic, found);
  }

  remove(clientId: string, topic: string): void {
    const own = this.byClient.get(clientId);
    if (own?.delete(topic) === true && own.size === 0) this.byClient.delete(clientId);
    const inTree = this.inTree.get(clientId);
    const found = inTree?.get(topic);
    if (inTree === undefined || found === undefined) return;
    this.tree.delete(topic, found);
    inTree.delete(topic);
    if (inTree.size === 0) this.inTree.delete(clientId);
  }

  ofClient(clientId: string): AedesSubscriptionLike[] {
    return [...(this.byClient.get(clientId)?.values() ?? [])].map((subscription) => ({ ...subscription }));
  }

  /** Those with wildcards first, as other persistences have them. */
  ofTopic(topic: string): AedesClientSubscription[] {
    const wild: AedesClientSubscription[] = [];
    const exact: AedesClientSubscription[] = [];
    this.tree.match(topic, (found) => (hasWildcard(found.topic) ? wild : exact).push({ ...found }));
    return [...wild, ...exact];
  }

  clientsOf(topicFilter: string): string[] {
    return [...this.byClient].filter(([, own]) => own.has(topicFilter)).map(([clientId]) => clientId);
  }

  get counts(): { readonly subsCount: number; readonly clientsCount: number } {
    return { subsCount: this.tree.size, clientsCount: this.byClient.size };
  }
}

function mapOf<V>(maps: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let map = maps.get(key);
  if (map === undefined) maps.set(key, (map = new Map()));
  return map;
}
