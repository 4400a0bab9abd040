/**
 * The hooks that rewrite: `onConnect`, `onPublish`, `onSubscribe`. Each is given what the one before made. What comes out
 * is checked here and by the broker, so that no answer ends up as an illegal packet. `undefined` is a failure, which is
 * reported already.
 */
import type { Properties } from '../packet/packets.js';
import type { QoS } from '../packet/protocol.js';
import type { Message, Publication } from '../packet/publication.js';
import { decodePublishProperties } from '../packet/read-properties.js';
import type { HookCalls, Registered } from './hook-calls.js';
import type {
  AutoSubscription,
  Failed,
  HookClient,
  OnConnect,
  OnPublish,
  OnSubscribe,
  PublishRequest,
  PublishRewrite,
  SubscribeRequest,
  SubscribeRewrite,
} from './hooks.js';

/** What the broker knows of messages and filters. Both throw when the host's answer is not legal. */
export interface TransformChecks {
  rewritten(message: Message, rewrite: PublishRewrite): Message;
  subscription(subscription: AutoSubscription): SubscribeRequest;
}

/** Members that an answer may have. */
type Names<T> = { readonly [K in keyof Required<T>]: (value: unknown) => boolean };

export function runOnConnect(
  calls: HookCalls,
  hooks: readonly Registered<OnConnect>[],
  client: HookClient,
  checks: TransformChecks,
): readonly SubscribeRequest[] | Failed | Promise<readonly SubscribeRequest[] | Failed> {
  return fold<OnConnect, readonly SubscribeRequest[]>(hooks, [], ({ hook, plugin }, before) =>
    calls.ask({
      ...question(client, plugin),
      ask: () => hook(client),
      read: (answer) => (answer === undefined ? before : [...before, ...subscriptionsOf(answer).map((each) => checks.subscription(each))]),
    }),
  );
}

export function runOnPublish(
  calls: HookCalls,
  hooks: readonly Registered<OnPublish>[],
  client: HookClient,
  publication: Publication,
  checks: TransformChecks,
): Publication | Failed | Promise<Publication | Failed> {
  const outlives = client.signal.aborted; // its will is due
  return fold<OnPublish, Publication>(hooks, publication, ({ hook, plugin }, before) =>
    calls.ask({
      ...question(client, plugin),
      outlives,
      ask: () => hook(client, new MessageView(before.keep())),
      read: (answer) => {
        if (answer === undefined) return before;
        const rewrite = objectOf<PublishRewrite>(answer, publishNames);
        return checks.rewritten(before.keep(), rewrite);
      },
    }),
  );
}

export function runOnSubscribe(
  calls: HookCalls,
  hooks: readonly Registered<OnSubscribe>[],
  client: HookClient,
  request: SubscribeRequest,
): SubscribeRequest | Failed | Promise<SubscribeRequest | Failed> {
  return fold<OnSubscribe, SubscribeRequest>(hooks, request, ({ hook, plugin }, before) =>
    calls.ask({
      ...question(client, plugin),
      ask: () => hook(client, before),
      read: (answer) => {
        if (answer === undefined) return before;
        const { topicFilter } = request;
        const { qos, ...rest } = objectOf<SubscribeRewrite>(answer, subscribeNames);
        const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
        // v5 [MQTT-3.8.4-7]: granted lower, never higher.
        const made = { ...before, ...given, qos: Math.min(request.qos, qos ?? before.qos) as QoS };
        // v5 [MQTT-3.8.3-4]
        if (made.noLocal && topicFilter.startsWith('$share/')) throw new Error('noLocal is true for a shared subscription');
        return Object.freeze(made);
      },
    }),
  );
}

/** One after the other, in the same call as long as they answer so. */
function fold<Hook, T>(
  hooks: readonly Registered<Hook>[],
  value: T,
  ask: (hook: Registered<Hook>, value: T) => T | Failed | Promise<T | Failed>,
): T | Failed | Promise<T | Failed> {
  let made = value;
  for (const [index, hook] of hooks.entries()) {
    const answer = ask(hook, made);
    if (answer instanceof Promise) {
      return answer.then((later) => (later === undefined ? undefined : fold(hooks.slice(index + 1), later, ask)));
    }
    if (answer === undefined) return undefined;
    made = answer;
  }
  return made;
}

const question = (client: HookClient, plugin: string | undefined) => ({
  refusal: undefined,
  client,
  about: { clientId: client.id, principal: client.principal },
  plugin,
});

/** A message as `onPublish` sees it. */
class MessageView implements PublishRequest {
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly #message: Message;
  #properties: Properties | undefined = undefined;

  constructor(message: Message) {
    this.topic = message.topic;
    this.qos = message.qos;
    this.retain = message.retain;
    this.#message = message;
  }

  get payload(): Uint8Array {
    const { buffer, payloadStart } = this.#message;
    return Buffer.from(buffer.buffer, buffer.byteOffset + payloadStart, buffer.length - payloadStart);
  }

  get properties(): Properties {
    return (this.#properties ??= decodePublishProperties(this.#message));
  }
}

const anything = (): boolean => true;
const isQos = (value: unknown): boolean => value === undefined || value === 0 || value === 1 || value === 2;
const isOptionalBoolean = (value: unknown): boolean => value === undefined || typeof value === 'boolean';

const isOptionalObject = (value: unknown): boolean => value === undefined || (typeof value === 'object' && value !== null);

/** The broker looks at the values: it does so for its own messages. */
const publishNames: Names<PublishRewrite> = {
  topic: anything,
  payload: anything,
  qos: anything,
  retain: anything,
  properties: isOptionalObject,
};
const subscribeNames: Names<SubscribeRewrite> = {
  qos: isQos,
  noLocal: isOptionalBoolean,
  retainAsPublished: isOptionalBoolean,
  retainHandling: isQos,
};

function subscriptionsOf(answer: unknown): readonly AutoSubscription[] {
  const { subscriptions } = objectOf<{ readonly subscriptions: readonly AutoSubscription[] }>(answer, { subscriptions: Array.isArray });
  return subscriptions;
}

/** A copy, read once. A member that we do not know would do nothing, so it is a mistake. */
function objectOf<T extends object>(answer: unknown, names: Names<T>): T {
  if (typeof answer !== 'object' || answer === null) throw new Error(`the answer is ${answer === null ? 'null' : `a ${typeof answer}`}`);
  const copy: Readonly<Record<string, unknown>> = { ...answer };
  const unknown = Object.keys(copy).find((name) => !Object.hasOwn(names, name));
  if (unknown !== undefined) throw new Error(`the answer has ${unknown}; it may have ${Object.keys(names).join(', ')}`);
  const wrong = Object.keys(names).find((name) => !names[name as keyof T](copy[name]));
  if (wrong !== undefined) throw new Error(`${wrong} of the answer is ${String(copy[wrong])}`);
  return copy as T;
}
