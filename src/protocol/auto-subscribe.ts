/** What `onConnect` subscribes a client to: each filter authorized and limited like the client's own. */
import type { SubscribeRequest } from '../hooks/hooks.js';
import type { QoS } from '../packet/protocol.js';
import { ReasonCode } from '../packet/reason-code.js';
import type { SubscriptionRecord } from '../storage/storage.js';
import { authorizeSubscribe } from './authorization.js';
import type { Connection } from './connection.js';
import { askInTurn } from './in-turn.js';
import type { Engine } from './ports.js';
import type { Session } from './session.js';
import { isReplaying } from './subscribe-flow.js';

/** Between CONNACK and the first packet of the client, which waits. */
export function runOnConnect(connection: Connection, session: Session): void {
  const { engine, client } = connection;
  if (!engine.hooks.hasOnConnect || client === undefined) return;
  const settle = (requests: readonly SubscribeRequest[] | undefined): void => {
    if (!connection.isOpen()) return;
    if (requests === undefined) return connection.shut(ReasonCode.implementationSpecificError, 'onConnect failed');
    if (requests.length === 0) return;
    connection.hold();
    autoSubscribe(engine, session, requests, () => connection.go(() => undefined));
  };
  const answer = engine.hooks.onConnect(client);
  if (answer instanceof Promise) connection.wait(answer, settle);
  else settle(answer);
}

/** One refused leaves the others; `done` is called once, also when the client is gone by then. */
export function autoSubscribe(engine: Engine, session: Session, requests: readonly SubscribeRequest[], done: () => void): void {
  const { outlet, client } = session;
  askInTurn(engine, requests, {
    isCurrent: () => session.outlet === outlet,
    ask: (request) => authorizeSubscribe(engine, client, request, {}),
    settle: (request, { reasonCode }) => {
      if (reasonCode === 0) subscribe(engine, session, request);
    },
    done,
  });
}

function subscribe(engine: Engine, session: Session, request: SubscribeRequest): void {
  const { topicFilter, retainHandling } = request;
  const { limits, subscriptions } = session;
  const isNew = !subscriptions.has(topicFilter);
  if (isNew && subscriptions.size >= limits.subscriptionsMax) return;
  const qos = Math.min(request.qos, limits.maximumQoS) as QoS;
  const replays = retainHandling === 0 || (retainHandling === 1 && isNew);
  const record: SubscriptionRecord = {
    ...request,
    qos,
    subscriptionIdentifier: subscriptions.get(topicFilter)?.subscriptionIdentifier, // the client may count on it
    ...(replays && isReplaying(engine, topicFilter, qos)),
  };
  engine.router.subscribe(session, record);
  if (session.stored) engine.storage.putSubscription(session.clientId, record);
  engine.observer.subscribed(session.client, record);
  const subscription = subscriptions.get(topicFilter);
  if (replays && subscription !== undefined) engine.router.replayRetained(session, subscription);
}
