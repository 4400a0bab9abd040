/** The one way to the `authorize` hook: every path that needs its answer comes through here. */
import type { Action, HookClient, Verdict } from '../hooks/hooks.js';
import type { Properties } from '../packet/packets.js';
import type { QoS } from '../packet/protocol.js';
import type { Publication } from '../packet/publication.js';
import { decodePublishProperties } from '../packet/read-properties.js';
import { ReasonCode } from '../packet/reason-code.js';
import type { Client } from './client.js';
import type { Environment } from './environment.js';

const allowed: Verdict = Object.freeze({ reasonCode: 0, reasonString: undefined, cache: false });
const reserved: Verdict = Object.freeze({
  reasonCode: ReasonCode.notAuthorized,
  reasonString: 'topics that begin with $SYS/ are the broker’s own',
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

export function authorizeSubscribe(
  engine: Environment,
  client: Client,
  action: Extract<Action, { type: 'subscribe' }>,
): Verdict | Promise<Verdict> {
  return engine.hooks.hasAuthorize ? engine.hooks.authorize(client, action) : allowed;
}

function decide(
  engine: Environment,
  client: HookClient & { readonly decisions?: Client['decisions'] },
  type: 'publish' | 'will' | 'deliver',
  publication: Publication,
  qos: QoS,
  retain: boolean,
): Verdict | Promise<Verdict> {
  const cacheAs = type === 'will' ? 'publish' : type;
  const known = type === 'will' ? undefined : client.decisions?.get(cacheAs, publication.topic);
  if (known !== undefined) return known;
  const action = new MessageAction(type, publication, qos, retain);
  const answer = engine.hooks.authorize(client, action);
  if (!(answer instanceof Promise)) return remember(client, cacheAs, publication.topic, answer);
  action.keep();
  const { topic } = publication;
  return answer.then((verdict) => remember(client, cacheAs, topic, verdict));
}

function remember(
  client: { readonly decisions?: Client['decisions'] },
  type: 'publish' | 'deliver',
  topic: string,
  verdict: Verdict,
): Verdict {
  if (verdict.cache) client.decisions?.set(type, topic, verdict);
  return verdict;
}
