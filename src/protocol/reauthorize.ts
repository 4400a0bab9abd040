/**
 * Rights that have changed while a client is connected: `authorize` is asked again about each subscription and the will,
 * and what it refuses goes. What is queued or in flight is asked about when it is sent, as always.
 */
import type { Lsn } from '../storage/storage.js';
import { authorizePublish, authorizeSubscribe } from './authorization.js';
import type { Reauthorized } from './client.js';
import type { Connection } from './connection.js';
import { askInTurn } from './in-turn.js';
import type { Engine } from './ports.js';
import type { Session, Subscription } from './session.js';

/** @param done - told what went, and up to where the store must be for that to last. */
export function reauthorize(engine: Engine, session: Session, done: (result: Reauthorized, lsn: Lsn) => void): void {
  const { outlet, client, will } = session;
  const removedSubscriptions: string[] = [];
  let willDropped = false;
  let lsn: Lsn = 0;
  const remove = (subscription: Subscription): void => {
    const { topicFilter } = subscription;
    if (session.subscriptions.get(topicFilter) !== subscription) return;
    engine.router.unsubscribe(session, topicFilter);
    if (session.stored) lsn = Math.max(lsn, engine.storage.deleteSubscription(session.clientId, topicFilter));
    removedSubscriptions.push(topicFilter);
    engine.observer.unsubscribed(client, topicFilter);
  };
  /** `undefined` stands for the will. */
  const items: (Subscription | undefined)[] = [...session.subscriptions.values()];
  if (will !== undefined) items.push(undefined);
  askInTurn(engine, items, {
    isCurrent: () => session.outlet === outlet,
    ask: (subscription) => {
      if (subscription === undefined) return authorizePublish(engine, client, (will as NonNullable<typeof will>).message, 'will');
      const { subscriptionIdentifier: id } = subscription;
      return authorizeSubscribe(engine, client, subscription, id === undefined ? {} : { subscriptionIdentifiers: [id] });
    },
    settle: (subscription, { reasonCode }) => {
      if (reasonCode === 0) return;
      if (subscription !== undefined) return remove(subscription);
      if (session.will !== will) return;
      engine.sessions.dropWill(session);
      willDropped = true;
    },
    done: () => done({ removedSubscriptions, willDropped }, lsn),
  });
}

/** The same between two packets of a connection, which waits for the answers. */
export function reauthorizeConnection(connection: Connection): Promise<Reauthorized> {
  const { engine } = connection;
  return new Promise((resolve, reject) =>
    connection.inOrder({
      run: () => {
        connection.hold();
        reauthorize(engine, connection.session as Session, (result, lsn) => {
          engine.durability.after(lsn, () => resolve(result), reject);
          connection.go(() => undefined);
        });
      },
      abandon: () => resolve({ removedSubscriptions: [], willDropped: false }),
    }),
  );
}
