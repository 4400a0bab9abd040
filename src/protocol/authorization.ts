/** The one way to the `authorize` hook: every path that needs its answer comes through here. */
import type { Failed, HookClient, SubscribeRequest, Verdict } from '../hooks/hooks.js';
import type { Properties } from '../packet/packets.js';
import type { QoS } from '../packet/protocol.js';
import type { Publication } from '../packet/publication.js';
import { decodePublishProperties } from '../packet/read-properties.js';
import { ReasonCode } from '../packet/reason-code.js';
import { parseSharedFilter } from '../topic/topic-rules.js';
import type { Client } from './client.js';
import type { Environment } from './environment.js';

const allowed: Verdict = Object.freeze({ reasonCode: 0, reasonString: undefined, cache: false });
const reserved: Verdict = Object.freeze({
  reasonCode: ReasonCode.notAuthorized,
  reasonString: 'topics that begin with $SYS/ are the broker’s own',
  cache: false,
});

/** A hook that was to rewrite something failed. */
export const transformFailed: Verdict = Object.freeze({
  reasonCode: ReasonCode.implementationSpecificError,
  reasonString: undefined,
  cache: false,
});

/** An action about a message; its properties are decoded only if the hook looks at them. */
class MessageAction {
  readonly type: 'publish' | 'will' | 'deliver';
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly payloadBytes: number;
  private publication: Publication;

  constructor(type: 'publish' | 'will' | 'deliver', publication: Publication, qos: QoS, retain: boolean) {
    this.type = type;
    this.topic = publication.topic;
    this.qos = qos;
    this.retain = retain;
    this.payloadBytes = publication.end - publication.payloadStart;
    this.publication = publication;
  }

  get properties(): Properties {
    return decodePublishProperties(this.publication);
  }

  /** The hook goes on after its call, when another packet may stand where this one was read. */
  keep(): void {
    this.publication = this.publication.keep();
  }
}

/** May this client publish this, now or as its will? */
export function authorizePublish(
  engine: Environment,
  client: HookClient & { readonly decisions?: Client['decisions'] },
  publication: Publication,
  type: 'publish' | 'will',
): Verdict | Promise<Verdict> {
  // The broker's own topics, whatever a hook says: design of `$SYS`, v5 4.7.2.
  if (publication.topic.startsWith('$SYS/')) return reserved;
  if (!engine.hooks.hasAuthorize) return allowed;
  return decide(engine, client, type, publication, publication.qos, publication.retain);
}

/** May this client be sent this? Asked when it is about to be sent, never when it is queued. */
export function authorizeDelivery(
  engine: Environment,
  client: Client,
  publication: Publication,
  qos: QoS,
  retain: boolean,
): Verdict | Promise<Verdict> {
  if (!engine.hooks.hasAuthorize || client.trusted) return allowed;
  return decide(engine, client, 'deliver', publication, qos, retain);
}

/** May this client subscribe to this? */
export function authorizeSubscribe(
  engine: Environment,
  client: HookClient,
  { topicFilter, qos }: Pick<SubscribeRequest, 'topicFilter' | 'qos'>,
  properties: Properties,
): Verdict | Promise<Verdict> {
  if (!engine.hooks.hasAuthorize) return allowed;
  const shared = parseSharedFilter(topicFilter);
  const topic = shared?.topicFilter ?? topicFilter;
  return engine.hooks.authorize(client, { type: 'subscribe', topic, qos, shareName: shared?.shareName, properties });
}

/** A subscription as `onSubscribe` left it, and whether it may be. */
export interface SubscribeDecision {
  readonly request: SubscribeRequest;
  readonly verdict: Verdict;
}

/** Asks `onSubscribe`, then `authorize` about what it made. */
export function decideSubscribe(
  engine: Environment,
  client: HookClient,
  request: SubscribeRequest,
  properties: Properties,
): SubscribeDecision | Promise<SubscribeDecision> {
  if (!engine.hooks.hasOnSubscribe) return authorized(engine, client, request, properties);
  const settle = (made: SubscribeRequest | Failed): SubscribeDecision | Promise<SubscribeDecision> =>
    made === undefined ? { request, verdict: transformFailed } : authorized(engine, client, made, properties);
  const made = engine.hooks.onSubscribe(client, request);
  return made instanceof Promise ? made.then(settle) : settle(made);
}

function authorized(
  engine: Environment,
  client: HookClient,
  request: SubscribeRequest,
  properties: Properties,
): SubscribeDecision | Promise<SubscribeDecision> {
  const verdict = authorizeSubscribe(engine, client, request, properties);
  return verdict instanceof Promise ? verdict.then((settled) => ({ request, verdict: settled })) : { request, verdict };
}

type CachedType = 'publish' | 'deliver';

function decide(
  { hooks }: Environment,
  client: HookClient & { readonly decisions?: Client['decisions'] },
  type: 'publish' | 'will' | 'deliver',
  publication: Publication,
  qos: QoS,
  retain: boolean,
): Verdict | Promise<Verdict> {
  // A will is asked about by itself: its answer stands for nothing else, and no other for it.
  const decisions = type === 'will' ? undefined : client.decisions;
  const { generation } = hooks;
  const known = decisions?.get(type as CachedType, publication.topic, generation);
  if (known !== undefined) return known;
  const clears = decisions?.clears;
  const action = new MessageAction(type, publication, qos, retain);
  const answer = hooks.authorize(client, action);
  const { topic } = publication;
  if (!(answer instanceof Promise)) {
    if (answer.cache && decisions?.clears === clears && hooks.generation === generation) {
      decisions?.set(type as CachedType, topic, generation, answer);
    }
    return answer;
  }
  action.keep();
  return answer.then((verdict) => {
    // What was revoked, or asked of other hooks, while the answer was out is not kept.
    if (verdict.cache && decisions?.clears === clears && hooks.generation === generation) {
      decisions?.set(type as CachedType, topic, generation, verdict);
    }
    return verdict;
  });
}
