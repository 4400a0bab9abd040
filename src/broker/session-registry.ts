/**
 * Every session of the broker by client identifier: opening with take-over (v5 3.1.4, v3.1.1 3.1.4), closing with
 * will and expiry (v5 4.1, 3.1.2.5), one CONNECT per identifier at a time.
 */
import { BrokerError } from '../errors/errors.js';
import { sessionExpiryNeverSeconds } from '../packet/protocol.js';
import { ReasonCode } from '../packet/reason-code.js';
import { calls } from '../protocol/deadlines.js';
import type { Outlet } from '../protocol/outlet.js';
import type { Engine, OpenRequest, OpenResult, SessionsPort } from '../protocol/ports.js';
import { Session } from '../protocol/session.js';
import type { LoadAnswers, Lsn } from '../storage/storage.js';
import type { EventHub, SessionEnd } from './events.js';
import { publishWill } from './wills.js';

type Done = (result: OpenResult | number) => void;
type Loaded = LoadAnswers['session'];
/** Whose session another principal may take over. */
type Granted = Pick<Session, 'principal'>;
/** What a CONNECT changes of a session that exists. */
type SessionState = Pick<Session, 'client' | 'will' | 'sessionExpirySeconds' | 'closedAtWallMs'>;

export class SessionRegistry implements SessionsPort {
  readonly sessions = new Map<string, Session>();
  /** Client identifiers that are being opened, and who waits behind them. */
  private readonly opening = new Map<string, ((next: () => void) => void)[]>();
  /** Client identifiers about which `takeover` is asked, and for how many connections. */
  private readonly asking = new Map<string, number>();
  /** The Clean Start of the connection that takes a session over right now. */
  private takingOver: { readonly session: Session; readonly cleanStart: boolean } | undefined = undefined;
  /** Wills about which `authorize` is asked. */
  private readonly firing = new Set<Promise<void>>();
  /** Sessions whose end may not be safe yet: CONNACK without them waits for it, or a crash would bring them back. */
  private readonly ended = new Map<string, Lsn>();
  private lastEnd: Lsn = 0;
  private connectsInSecond = 0;
  private secondStartedMs = -Infinity;
  private readonly engine: Engine;
  private readonly hub: EventHub;
  private readonly newClientId: () => string;

  constructor(engine: Engine, hub: EventHub, newClientId: () => string) {
    this.engine = engine;
    this.hub = hub;
    this.newClientId = newClientId;
  }

  /** Resolves when every will that has fired is published or refused; the hook has its deadline. */
  async willsSettled(): Promise<void> {
    while (this.firing.size > 0) await Promise.all(this.firing);
  }

  assignClientId(): string {
    for (;;) {
      const clientId = this.newClientId();
      if (!this.sessions.has(clientId) && !this.opening.has(clientId) && !this.asking.has(clientId)) return clientId; // v5 [MQTT-3.2.2-16], v3.1.1 [MQTT-3.1.3-6]
    }
  }

  admits(): boolean {
    const { connectRateMax } = this.engine.options;
    const nowMs = this.engine.now();
    // Below one a second: one in so many seconds.
    if (nowMs - this.secondStartedMs >= Math.max(1000, 1000 / connectRateMax)) {
      this.secondStartedMs = nowMs;
      this.connectsInSecond = 0;
    }
    this.connectsInSecond += 1;
    return this.connectsInSecond <= Math.max(1, connectRateMax);
  }

  open(request: OpenRequest, done: Done): void {
    const { client } = request;
    const holder = this.sessions.get(client.id);
    if (holder === undefined || holder.principal === client.principal) return this.enter(request, undefined, done);
    // Asked before it stands in line: whoever may not have the session does not hold up the one whose it is.
    const { principal } = holder;
    this.asking.set(client.id, (this.asking.get(client.id) ?? 0) + 1);
    const settle = (allowed: boolean): void => {
      this.asked(client.id);
      if (allowed) this.enter(request, { principal }, done);
      else done(ReasonCode.notAuthorized); // v5 [MQTT-3.1.4-2]
    };
    const answer = this.engine.hooks.takeover(client, { principal, connected: holder.connected });
    if (answer instanceof Promise) void answer.then(settle).catch(this.engine.failed);
    else settle(answer);
  }

  /** @param granted - the other principal whose session it may have. */
  private enter(request: OpenRequest, granted: Granted | undefined, done: Done): void {
    const { id } = request.client;
    const start = (next: () => void): void => {
      const again = (): void => {
        this.open(request, done);
        next();
      };
      this.begin(request, granted, again, (result) => {
        done(result);
        next();
      });
    };
    const waiting = this.opening.get(id);
    if (waiting !== undefined) return void waiting.push(start);
    this.opening.set(id, [start]);
    this.next(id);
  }

  closed(session: Session, outlet: Outlet, normal: boolean, tell: () => void): void {
    if (session.outlet !== outlet) return tell();
    const takeover = this.takingOver?.session === session ? this.takingOver : undefined;
    const endsWithConnection = session.sessionExpirySeconds === 0; // v5 [MQTT-3.1.2-23]
    const goesOn = takeover !== undefined && !takeover.cleanStart && !endsWithConnection; // v5 [MQTT-3.1.2-5] [X5-3.1.3.2.2-2]
    session.detach(goesOn);
    tell(); // what a listener publishes is not sent behind DISCONNECT: v5 [MQTT-3.14.4-1]
    if (normal) this.dropWill(session); // v5 [MQTT-3.14.4-3] [MQTT-3.1.2-10], v3.1.1 [MQTT-3.14.4-3]
    if (goesOn) {
      // v5 [X5-3.1.3.2.2-2]: only a delay keeps the will from being sent at take-over.
      if (session.will !== undefined && session.will.willDelaySeconds > 0) this.dropWill(session);
      else this.fireWill(session);
    } else if (endsWithConnection || takeover !== undefined) { // v5 [MQTT-4.1.0-2]
      this.end(session, takeover?.cleanStart === true ? 'cleanStart' : 'disconnected');
    } else {
      session.closedAtWallMs = this.engine.wall();
      this.engine.storage.putSession(session.record);
      this.startDeadlines(session);
    }
  }

  /** Takes in a session that the store kept; whoever was connected at a crash counts as closed now. */
  restore(session: Session): void {
    this.sessions.set(session.clientId, session);
    this.engine.counters.sessions += 1;
    if (session.closedAtWallMs === undefined) {
      session.closedAtWallMs = this.engine.wall();
      this.engine.storage.putSession(session.record);
    }
    this.startDeadlines(session); // v5 [X5-3.1.2.5-2] [X5-4.1-1]
  }

  /** Ends a session: its subscriptions, its queue, and then its will if one is pending. */
  end(session: Session, why: SessionEnd): void {
    if (why === 'expired') this.engine.counters.sessionsExpired += 1;
    this.forget(session);
    this.hub.emit('sessionEnded', session.clientId, why);
  }

  private forget(session: Session): void {
    const { engine } = this;
    this.sessions.delete(session.clientId);
    engine.counters.sessions -= 1;
    this.cancelDeadlines(session);
    engine.router.unsubscribeAll(session);
    session.end();
    engine.memory.freed();
    const { will, recorded } = session;
    const isAsked = this.fireWill(session); // v5 [X5-3.1.3.2.2-1]: the earlier of will delay and session end
    if (!recorded) return;
    if (engine.durability.has(this.lastEnd)) this.ended.clear();
    this.lastEnd = engine.storage.endSession(session.clientId);
    this.ended.set(session.clientId, this.lastEnd);
    if (!isAsked || will === undefined) return;
    // Until `authorize` has answered the store keeps a session that has ended and has its will.
    engine.storage.putSession({ ...session.record, sessionExpirySeconds: 0, closedAtWallMs: engine.wall() });
    engine.storage.putWill(session.clientId, will);
  }

  private asked(clientId: string): void {
    const left = (this.asking.get(clientId) ?? 1) - 1;
    if (left > 0) this.asking.set(clientId, left);
    else this.asking.delete(clientId);
  }

  // ---- opening -----------------------------------------------------------------------------------------------

  /** Goes through those that wait, one after the other; a loop, as there may be thousands and each may be done at once. */
  private next(clientId: string): void {
    for (let isDone = true; isDone; ) {
      const start = this.opening.get(clientId)?.shift();
      if (start === undefined) return void this.opening.delete(clientId);
      let isLate = false;
      isDone = false;
      try {
        start(() => {
          isDone = true;
          if (isLate) this.next(clientId);
        });
        isLate = true;
      } finally {
        if (!isLate && !isDone) this.next(clientId); // it threw: the connection is told, the others go on
      }
    }
  }

  /** @param again - asks anew: the session has come into other hands since. */
  private begin(request: OpenRequest, granted: Granted | undefined, again: () => void, done: Done): void {
    if (!request.isOpen()) return done(ReasonCode.unspecifiedError);
    const { client } = request;
    const holder = this.sessions.get(client.id);
    const isOurs = holder === undefined || holder.principal === client.principal;
    if (!isOurs && (granted === undefined || granted.principal !== holder.principal)) return again();
    const stored = request.sessionExpirySeconds > 0 || request.will !== undefined || holder?.stored === true;
    // Nothing that must be stored begins while the store stalls.
    if (stored && this.engine.durability.stalled) return done(ReasonCode.serverUnavailable);
    this.load(request, done);
  }

  /** Reads what a resumed session had in flight; one that is connected still has it in memory. */
  private load(request: OpenRequest, done: Done): void {
    const { id } = request.client;
    const holder = this.sessions.get(id);
    if (holder === undefined || holder.connected || request.cleanStart) return this.admit(request, undefined, done);
    const { engine } = this;
    let tooLate = false;
    const giveUp = (): void => {
      tooLate = true;
      done(ReasonCode.serverUnavailable);
    };
    const deadline = engine.deadlines.set(calls(giveUp), engine.now() + engine.options.storageStallSeconds * 1000);
    engine.storage.load({ type: 'session', clientId: id }, (answer) => {
      if (tooLate) return;
      engine.deadlines.cancel(deadline);
      if (!(answer instanceof BrokerError)) return this.admit(request, answer, done);
      engine.observer.error(answer);
      done(ReasonCode.serverUnavailable);
    });
  }

  private admit(request: OpenRequest, loaded: Loaded | undefined, done: Done): void {
    const { engine } = this;
    const { client, cleanStart } = request;
    if (!request.isOpen()) return done(ReasonCode.unspecifiedError);
    const isNew = !this.sessions.has(client.id);
    if (isNew && this.sessions.size >= engine.options.sessionsMax) return done(ReasonCode.quotaExceeded); // v5 [MQTT-3.1.4-2]
    this.closeHolder(client.id, cleanStart);
    const found = this.sessions.get(client.id); // v5 [MQTT-3.1.2-5] [MQTT-3.1.3-2] [MQTT-3.1.4-4], v3.1.1 [MQTT-3.1.3-2]
    const session = found ?? this.create(request);
    const before = found === undefined ? undefined : stateOf(found);
    if (found !== undefined) {
      if (loaded !== undefined) session.restore(loaded.inflight, loaded.receivedPacketIds);
      // v5 [MQTT-3.1.3-9]: back within the delay, to a session that still exists.
      this.dropWill(session);
      this.cancelDeadlines(session); // v5 [MQTT-3.1.2-5] [MQTT-3.1.3-9] [MQTT-4.1.0-1], v3.1.1 [MQTT-4.1.0-2]
    }
    const lsn = Math.max(this.record(session, request), this.ended.get(client.id) ?? 0); // v3.1.1 [MQTT-3.1.2-6]
    const attach = (): void => {
      session.attach(client, request.outlet, request.limits);
      this.hub.emit(found === undefined ? 'sessionCreated' : 'sessionResumed', client.id);
      if (!request.isOpen()) this.closed(session, request.outlet, false, () => undefined);
      // v5 [MQTT-3.2.2-2] [MQTT-3.2.2-3], v3.1.1 [MQTT-3.2.2-1] [MQTT-3.2.2-2] [MQTT-3.2.2-3]
      done({ session, sessionPresent: found !== undefined });
    };
    engine.durability.after(lsn, attach, () => {
      this.undo(session, before);
      done(ReasonCode.serverUnavailable);
    });
  }

  /** The store could not keep what a CONNECT changes, so it is refused: the session is again as it was before. */
  private undo(session: Session, before: SessionState | undefined): void {
    session.will = before?.will;
    if (before === undefined) return this.forget(session);
    session.detach(false);
    session.client = before.client;
    session.sessionExpirySeconds = before.sessionExpirySeconds;
    session.closedAtWallMs = before.closedAtWallMs ?? this.engine.wall();
    this.engine.storage.putSession(session.record);
    if (before.will !== undefined) this.engine.storage.putWill(session.clientId, before.will);
    this.startDeadlines(session);
  }

  /** The old connection goes; then Clean Start 1 ends the session. */
  private closeHolder(clientId: string, cleanStart: boolean): void {
    const holder = this.sessions.get(clientId);
    if (holder === undefined) return;
    if (holder.outlet !== undefined) {
      this.takingOver = { session: holder, cleanStart };
      this.engine.counters.sessionsTakenOver += 1;
      holder.outlet.close(ReasonCode.sessionTakenOver, 'another connection has this Client Identifier now'); // v5 [MQTT-3.1.4-3], v3.1.1 [MQTT-3.1.4-2]
      this.takingOver = undefined;
      this.hub.emit('sessionTakenOver', clientId);
    }
    // v5 [MQTT-3.1.2-4] [MQTT-3.1.4-4], v3.1.1 [MQTT-3.1.2-6] [MQTT-3.1.4-3]
    if (cleanStart && this.sessions.get(clientId) === holder) this.end(holder, 'cleanStart');
  }

  private create(request: OpenRequest): Session {
    const session = new Session(this.engine, request.client, request.limits); // v5 [MQTT-3.1.2-6]
    this.sessions.set(session.clientId, session);
    this.engine.counters.sessions += 1;
    return session;
  }

  /** A session that ends with its connection writes nothing but its will. */
  private record(session: Session, request: OpenRequest): Lsn {
    const { storage } = this.engine;
    session.client = request.client;
    session.sessionExpirySeconds = request.sessionExpirySeconds;
    session.closedAtWallMs = undefined;
    session.will = request.will; // v5 [MQTT-3.1.2-7]
    session.stored ||= request.sessionExpirySeconds > 0; // v3.1.1 [MQTT-4.1.0-1]
    session.recorded ||= session.stored || request.will !== undefined;
    if (!session.recorded) return 0;
    const lsn = storage.putSession(session.record);
    return request.will === undefined ? lsn : storage.putWill(session.clientId, request.will); // v5 [MQTT-3.1.2-7]
  }

  // ---- will and expiry ---------------------------------------------------------------------------------------

  private startDeadlines(session: Session): void {
    const { engine } = this;
    const closedAtMs = engine.now() + (session.closedAtWallMs ?? engine.wall()) - engine.wall();
    const { will, sessionExpirySeconds } = session;
    if (will !== undefined && will.willDelaySeconds < sessionExpirySeconds) {
      const fire = (): void => void this.fireWill(session);
      if (will.willDelaySeconds === 0) fire();
      else session.willDeadline = engine.deadlines.set(calls(fire), closedAtMs + will.willDelaySeconds * 1000); // v5 [MQTT-3.1.2-8] [X5-3.1.3.2.2-1]
    }
    if (sessionExpirySeconds === sessionExpiryNeverSeconds) return; // v5 [X5-3.1.2.11.2-1]
    session.expiryDeadline = engine.deadlines.set(
      calls(() => this.end(session, 'expired')),
      closedAtMs + sessionExpirySeconds * 1000, // v5 [MQTT-3.1.2-23] [MQTT-4.1.0-2]
    );
  }

  private cancelDeadlines(session: Session): void {
    const { willDeadline, expiryDeadline } = session;
    if (willDeadline !== undefined) this.engine.deadlines.cancel(willDeadline);
    if (expiryDeadline !== undefined) this.engine.deadlines.cancel(expiryDeadline);
    session.willDeadline = session.expiryDeadline = undefined;
  }

  dropWill(session: Session): void {
    if (session.will === undefined) return;
    session.will = undefined;
    if (session.recorded) this.engine.storage.deleteWill(session.clientId);
  }

  /** Published once and forgotten. True while `authorize` is asked. */
  private fireWill(session: Session): boolean {
    if (session.willDeadline !== undefined) this.engine.deadlines.cancel(session.willDeadline);
    session.willDeadline = undefined;
    const { will } = session;
    if (will === undefined) return false; // v3.1.1 [MQTT-3.1.2-12]
    session.will = undefined; // v5 [MQTT-3.1.2-10], v3.1.1 [MQTT-3.1.2-10]
    const firing = publishWill(this.engine, this.hub, session, will, () => this.releaseWill(session)); // v5 [MQTT-3.1.2-8], v3.1.1 [MQTT-3.1.2-8]
    if (firing === undefined) return false;
    this.firing.add(firing);
    void firing.finally(() => this.firing.delete(firing));
    return true;
  }

  /** The client may have a new session by now, with a will of its own. */
  private releaseWill({ clientId, recorded }: Session): void {
    if (!recorded) return;
    const current = this.sessions.get(clientId);
    if (current?.recorded !== true) this.engine.storage.endSession(clientId);
    else if (current.will === undefined) this.engine.storage.deleteWill(clientId);
  }
}

const stateOf = ({ client, will, sessionExpirySeconds, closedAtWallMs }: Session): SessionState => ({
  client,
  will,
  sessionExpirySeconds,
  closedAtWallMs,
});
