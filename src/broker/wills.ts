/** Publishing a will: authorized again when it fires, then a publish like any other (v5 3.1.2.5, v3.1.1 3.1.2.5). */
import type { Failed, Verdict } from '../hooks/hooks.js';
import type { Publication } from '../packet/publication.js';
import { authorizePublish, transformFailed } from '../protocol/authorization.js';
import { RouteResult } from '../protocol/ports.js';
import type { Engine } from '../protocol/ports.js';
import type { Session } from '../protocol/session.js';
import { willMessage } from '../protocol/will.js';
import type { WillRecord } from '../storage/storage.js';
import { BrokerMessage } from './broker-message.js';
import type { EventHub } from './events.js';

/**
 * @param release - deletes the will from the store, in the group that holds the publish: a crash neither loses it nor sends it twice
 * @returns a promise while a hook is asked
 */
export function publishWill(
  engine: Engine,
  hub: EventHub,
  session: Session,
  will: WillRecord,
  release: () => void,
): Promise<void> | undefined {
  const message = willMessage(will, engine.now());
  const publish = (made: Publication, { reasonCode }: Verdict): void => {
    release();
    if (reasonCode !== 0) return engine.observer.dropped('publishDenied', made, session.clientId); // v5 [X5-5.4.2-1]
    engine.counters.willsPublished += 1;
    // v5 [MQTT-3.1.2-14] [MQTT-3.1.2-15], v3.1.1 [MQTT-3.1.2-16] [MQTT-3.1.2-17]: retained as its flag says.
    engine.router.publish(made, engine.router.lookupTopic(made.topic), undefined, new RouteResult());
    if (hub.has('will')) hub.emit('will', new BrokerMessage(made), session.clientId);
    if (engine.observer.wantsPublish) engine.observer.published(made, undefined);
  };
  const settle = (made: Publication, verdict: Verdict): void => {
    try {
      publish(made, verdict);
    } catch (error) {
      engine.failed(error); // a will that was kept may be over a limit of today: the broker must open all the same
    }
  };
  /** What hooks have made of it is what `authorize` is asked about. */
  const authorize = (made: Publication | Failed): Promise<void> | undefined => {
    if (made === undefined) return void settle(message, transformFailed);
    const answer = authorizePublish(engine, session.client, made, 'will');
    if (answer instanceof Promise) return answer.then((verdict) => settle(made, verdict));
    settle(made, answer);
    return undefined;
  };
  if (!engine.hooks.hasOnPublish) return authorize(message);
  const transformed = engine.hooks.onPublish(session.client, message);
  return transformed instanceof Promise ? transformed.then(authorize) : authorize(transformed);
}
