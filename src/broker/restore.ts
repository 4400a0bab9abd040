/** Taking in what a store kept: sessions with their subscriptions and deadlines, shared queues, retained topics. */
import { BrokerError } from '../errors/errors.js';
import { Client } from '../protocol/client.js';
import type { Engine } from '../protocol/ports.js';
import { Session } from '../protocol/session.js';
import type { Router } from '../router/router.js';
import type { LoadAnswers, LoadKind, LoadQueries, StoredSession } from '../storage/storage.js';
import type { SessionRegistry } from './session-registry.js';

const perPage = 500;

export type Restored = (error: BrokerError | undefined) => void;

/** Reads page by page, in the same call where the store answers so; `done` is called once. */
export function restore(engine: Engine, registry: SessionRegistry, router: Router, done: Restored): void {
  const sessions: Session[] = [];
  const page = <K extends LoadKind>(
    query: LoadQueries[K] & { readonly type: K },
    then: (answer: LoadAnswers[K]) => void,
  ): void => engine.storage.load<K>(query, (answer) => (answer instanceof BrokerError ? done(answer) : then(answer)));

  const readSessions = (after: string | undefined): void =>
    page<'sessions'>({ type: 'sessions', after, limit: perPage }, (answer) => {
      for (const stored of answer.sessions) sessions.push(restoreSession(engine, router, stored));
      if (answer.next === undefined) readGroups();
      else readSessions(answer.next);
    });
  const readGroups = (): void =>
    page<'groups'>({ type: 'groups' }, (answer) => {
      for (const { sharedFilter, queue } of answer.groups) {
        const group = router.groups.get(sharedFilter);
        if (group === undefined) engine.storage.endGroup(sharedFilter);
        else group.queue.restore(queue);
      }
      readRetained(undefined);
    });
  const readRetained = (after: string | undefined): void =>
    page<'retainedTopics'>({ type: 'retainedTopics', after, limit: perPage }, (answer) => {
      for (const { topic, bytes, expiresAtWallMs } of answer.topics) {
        router.retained.index(topic, bytes, engine.now() + expiresAtWallMs - engine.wall());
      }
      if (answer.next !== undefined) return readRetained(answer.next);
      // What is retained is known now.
      for (const session of sessions) replayAgain(router, session);
      // Last, as wills that are due are published now and must reach everyone.
      for (const session of sessions) registry.restore(session);
      done(undefined);
    });
  readSessions(undefined);
}

/** Retained messages that were being handed on when the broker ended: it is not known how far, so it begins anew. */
function replayAgain(router: Router, session: Session): void {
  for (const subscription of session.subscriptions.values()) {
    if (subscription.isReplaying === true) router.replayRetained(session, subscription);
  }
}

function restoreSession(engine: Engine, router: Router, stored: StoredSession): Session {
  const { session: record, subscriptions, will, queue } = stored;
  const client = Client.of(
    {
      id: record.clientId,
      principal: record.principal,
      username: record.principal,
      protocolVersion: record.protocolVersion,
      connection: {},
      keepAliveSeconds: 0,
      connectedAtWallMs: record.closedAtWallMs ?? engine.wall(),
    },
    undefined,
  );
  const session = new Session(engine, client, engine.options);
  session.sessionExpirySeconds = record.sessionExpirySeconds;
  session.stored = record.sessionExpirySeconds > 0;
  session.recorded = true;
  session.closedAtWallMs = record.closedAtWallMs;
  session.will = will;
  session.sender.queue.restore(queue);
  for (const subscription of subscriptions) router.subscribe(session, subscription);
  return session;
}
