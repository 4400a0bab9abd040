/**
 * One network connection, sans I/O: given bytes, time and decisions, it drives its session and writes to its output.
 *   connecting --CONNACK--> connected --close--> closing --peer or grace--> closed
 * Packets are handled one after the other; while a hook or the store is asked, this connection alone waits and
 * keeps its bytes, so that order is the order of receipt (v5 4.6, v3.1.1 4.6).
 */
import { BrokerError, PeerProtocolError } from '../errors/errors.js';
import { encodePacket } from '../packet/write-packets.js';
import type { WriteLimits } from '../packet/write-packets.js';
import { PacketReader } from '../packet/packet-reader.js';
import type { Properties } from '../packet/packets.js';
import { PacketType } from '../packet/protocol.js';
import type { ProtocolVersion } from '../packet/protocol.js';
import { ReasonCode } from '../packet/reason-code.js';
import type { Lsn } from '../storage/storage.js';
import type { TopicEntry } from '../topic/topic-table.js';
import type { ConnectionMeta } from '../transport/transport.js';
import type { Authentication } from './authentication.js';
import type { Client } from './client.js';
import { connackCode } from './connack-code.js';
import type { Deadline } from './deadlines.js';
import type { Errand } from './errand.js';
import { LoginExpiry } from './login-expiry.js';
import type { NetworkOutlet } from './network-outlet.js';
import type { Output } from './output.js';
import { Pauses } from './pauses.js';
import type { Engine, Route } from './ports.js';
import { RouteResult } from './ports.js';
import type { Session } from './session.js';
import type { InboundAliases } from './topic-aliases.js';
import { UnsentWatch } from './unsent-watch.js';

export type ConnectionState = 'connecting' | 'connected' | 'closing' | 'closed';

/** Why a packet is put off. */
type ParkReason = 'memory' | 'owed' | 'storage';

/** Packets to one client that wait for the store: more are not caused by reading on. */
const heldPacketsMax = 4096;
const endedWithoutDisconnect = 'the peer closed the connection without DISCONNECT';

export class Connection {
  state: ConnectionState = 'connecting';
  readonly engine: Engine;
  readonly output: Output;
  /** Its `meta` tells where the connection comes from; behind a proxy or TLS only once bytes have come. */
  readonly source: { readonly meta: ConnectionMeta };
  readonly reader: PacketReader;
  /** How packets for this client are written; settled by CONNECT. */
  writeLimits: WriteLimits = { maximumPacketBytes: Infinity, problemInformation: true };
  clientId: string | undefined = undefined;
  client: Client | undefined = undefined;
  session: Session | undefined = undefined;
  outlet: NetworkOutlet | undefined = undefined;
  /** Keep Alive in force; 0 = off. */
  keepAliveSeconds = 0;
  /** Set while enhanced authentication is used: its method, and the step at hand. */
  authentication: Authentication | undefined = undefined;
  inboundAliases: InboundAliases<TopicEntry<Route>> | undefined = undefined;
  /** The entry of the topic published to last: most publishers stay on one. */
  lastTopic: TopicEntry<Route> | undefined = undefined;
  /** QoS 2 ids of this connection between PUBLISH and PUBCOMP, counted against Receive Maximum. */
  unreleased: Set<number> | undefined = undefined;
  receiveMaximum: number;
  readonly route = new RouteResult();
  readonly pauses: Pauses;
  readonly login: LoginExpiry;
  private readonly unsent: UnsentWatch;
  /** A decision is out: nothing more is read from the buffer until it is in. */
  private waiting = false;
  /** What was put off until there is memory, or until acknowledgements have left. */
  private parked: { readonly why: ParkReason; readonly again: () => void } | undefined = undefined;
  private errands: Errand[] | undefined = undefined;
  private reading = false;
  private peerEnded = false;
  /** The transport is. */
  private gone = false;
  private lastPacketAtMs: number;
  private deadline: Deadline | undefined;
  private abort: AbortController | undefined = undefined;
  /** Called once, last. */
  onFinished: (() => void) | undefined = undefined;
  /** Handles one packet: see dispatch.ts. */
  private readonly dispatch: (connection: Connection, type: PacketType) => void;

  constructor(
    engine: Engine,
    output: Output,
    source: { readonly meta: ConnectionMeta },
    dispatch: (connection: Connection, type: PacketType) => void,
  ) {
    this.dispatch = dispatch;
    this.engine = engine;
    this.output = output;
    this.source = source;
    this.reader = new PacketReader(engine.options);
    this.receiveMaximum = engine.options.receiveMaximum;
    this.pauses = new Pauses(engine, output, () =>
      this.shut(ReasonCode.quotaExceeded, 'not read from for pauseSecondsMax'),
    );
    this.unsent = new UnsentWatch(engine, output, this.pauses, () => 2 * (this.session?.limits ?? engine.options).outboundBytesMax);
    this.login = new LoginExpiry(engine, () => this.shut(ReasonCode.notAuthorized, 'the login has expired'));
    this.lastPacketAtMs = engine.now();
    this.deadline = engine.deadlines.set(this, this.lastPacketAtMs + engine.options.connectTimeoutSeconds * 1000);
    engine.counters.connections += 1;
    engine.counters.connectionsOpened += 1;
  }

  get version(): ProtocolVersion {
    return this.reader.version === 0 ? 4 : this.reader.version;
  }

  /** Fires when the peer goes away, also before there is a client. */
  get signal(): AbortSignal {
    return (this.abort ??= new AbortController()).signal;
  }

  // ---- from the transport ------------------------------------------------------------------------------------

  onBytes(chunk: Uint8Array): void {
    this.engine.counters.bytesReceived += chunk.length;
    if (this.state === 'closing' || this.state === 'closed') return; // drained, so that the peer can read the reason
    this.unsent.look();
    this.reader.push(chunk);
    this.read();
    if (this.waiting) this.pauses.set('pending', this.reader.pendingBytes > this.engine.options.pendingBytesMax);
    this.engine.memory.poll();
  }

  onDrain(): void {
    if (this.isOpen()) this.unsent.look();
    this.session?.sender.pump();
  }

  /** The peer half-closed. What it sent before is handled first, DISCONNECT included, however long a hook takes. */
  onEnd(): void {
    this.peerEnded = true;
    if (!this.waiting) this.leave(0, endedWithoutDisconnect, undefined);
  }

  onClose(error?: Error): void {
    this.gone = true;
    if (error === undefined && this.peerEnded && this.waiting && this.isOpen()) return;
    this.leave(0, error === undefined ? 'the connection was closed without DISCONNECT' : error.message, error);
    this.finish();
  }

  onDeadline(nowMs: number): void {
    this.deadline = undefined;
    if (this.state === 'closing') this.output.destroy(); // v5 [MQTT-3.14.4-2] [MQTT-4.13.2-1]
    else if (this.state === 'connecting') this.checkConnect(nowMs);
    else this.checkKeepAlive(nowMs);
  }

  // ---- reading -----------------------------------------------------------------------------------------------

  /** Handles what is buffered until there is no whole packet left or something must be waited for. */
  private read(): void {
    if (this.reading) return;
    if (!this.waiting && this.outlet !== undefined && this.outlet.held.length >= heldPacketsMax) this.park('storage', () => undefined);
    this.reading = true;
    try {
      while (this.isOpen() && !this.waiting) {
        if (this.errands !== undefined && this.runErrand()) continue;
        const type = this.reader.next();
        if (type === 0) break;
        this.engine.counters.packetsReceived += 1;
        this.lastPacketAtMs = this.engine.now(); // v5 [MQTT-3.1.2-22], v3.1.1 [MQTT-3.1.2-24]: any packet counts
        this.dispatch(this, type);
      }
    } catch (error) {
      this.refuse(error);
    } finally {
      this.reading = false;
    }
  }

  /** Waits for `answer`, reading nothing more meanwhile; `then` is not called if the connection ends first. */
  wait<T>(answer: Promise<T>, then: (value: T) => void): void {
    this.hold();
    answer.then(
      (value) => this.go(() => then(value)),
      (error: unknown) => this.go(() => this.refuse(error)),
    );
  }

  /** Does `errand` between two packets: now, or once what is waited for has come. */
  inOrder(errand: Errand): void {
    if (!this.isOpen()) return errand.abandon();
    (this.errands ??= []).push(errand);
    if (!this.waiting) this.read();
  }

  private runErrand(): boolean {
    const errand = this.errands?.shift();
    if (this.errands?.length === 0) this.errands = undefined;
    errand?.run();
    return errand !== undefined;
  }

  /** Stops reading packets until `go`. */
  hold(): void {
    this.waiting = true;
  }

  /** Ends a `hold`: runs `step`, then reads on. Without effect once the connection has ended. */
  go(step: () => void): void {
    if (!this.isOpen()) return;
    this.waiting = false;
    this.lastPacketAtMs = this.engine.now();
    const { reading } = this;
    this.reading = true; // what the step calls reads nothing on: it is not done yet
    try {
      step();
    } catch (error) {
      this.refuse(error);
    }
    this.reading = reading;
    this.read(); // v5 [X5-3.1.4-2]: what came behind CONNECT
    if (this.peerEnded && !this.waiting && !this.reading) this.leave(0, endedWithoutDisconnect, undefined);
    this.pauses.set('pending', this.waiting && this.reader.pendingBytes > this.engine.options.pendingBytesMax);
    this.engine.memory.poll();
  }

  /** Puts the packet at hand off and stops reading from the peer: there is no memory, or too much waits for the store. */
  park(why: ParkReason, again: () => void): void {
    this.hold();
    this.parked = { why, again };
    this.pauses.set(why, true);
    if (why === 'memory') this.engine.memory.park(this);
  }

  get hasInflight(): boolean {
    return this.session !== undefined && this.session.sender.inflight.count > 0;
  }

  onMemory(): void {
    if (this.parked?.why === 'memory') this.unpark();
  }

  private unpark(): void {
    const { parked } = this;
    if (parked === undefined) return;
    this.parked = undefined;
    this.pauses.set(parked.why, false);
    this.go(parked.again);
  }

  // ---- the store ---------------------------------------------------------------------------------------------

  get waitsFor(): Lsn {
    return this.outlet?.held.first ?? Infinity;
  }

  onDurable(lsn: Lsn): void {
    this.outlet?.release(lsn);
    if (this.parked?.why === 'memory' || this.outlet === undefined) return;
    if (this.outlet.held.owed < this.receiveMaximum) this.unpark();
  }

  onStoreFailed(from: Lsn, to: Lsn, error: BrokerError): void {
    if (this.outlet?.held.waitsWithin(from, to) !== true) return;
    // v3.1.1 [MQTT-4.8.0-2]; 5.0: DISCONNECT 0x83. What was not stored is not acknowledged.
    this.shut(ReasonCode.implementationSpecificError, 'the store failed', error);
  }

  // ---- writing and closing -----------------------------------------------------------------------------------

  /** @param lsn - given for an acknowledgement: it waits for the store, and for every one before it. */
  send(packet: Parameters<typeof encodePacket>[0], lsn?: Lsn): void {
    const bytes = encodePacket(packet, this.version, this.writeLimits);
    if (bytes === undefined) return;
    if (lsn !== undefined && this.outlet !== undefined) return this.outlet.sendInOrder(bytes, lsn);
    this.engine.counters.packetsSent += 1;
    this.output.write(bytes, 0, bytes.length);
  }

  isOpen(): boolean {
    return this.state === 'connecting' || this.state === 'connected';
  }

  /** CONNACK 0x00 is on its way: from here on DISCONNECT is what refuses. */
  accepted(session: Session, outlet: NetworkOutlet): void {
    this.state = 'connected'; // v5 [MQTT-3.14.0-1]
    this.session = session;
    this.outlet = outlet;
    outlet.onHeld = () => this.engine.durability.wait(this);
    this.lastPacketAtMs = this.engine.now();
    this.cancelDeadline();
    this.armKeepAlive();
  }

  /** Whatever broke: a rule of the protocol, or a bug of ours; the peer is told what its version allows. */
  refuse(error: unknown): void {
    if (error instanceof PeerProtocolError) {
      this.engine.counters.protocolErrors += 1;
      return this.shut(error.reasonCode, `${error.message} [${error.statement}]`, error); // v5 [MQTT-4.13.1-1] [X5-4.13.1-1]
    }
    const cause = error instanceof Error ? error : new Error(String(error));
    this.engine.observer.error(new BrokerError('ODN_ERR_INTERNAL', `a connection failed: ${cause.message}`, { cause }));
    this.shut(ReasonCode.implementationSpecificError, 'internal error', cause);
  }

  /**
   * Ends the connection from our side, whether or not the reason can be sent.
   * @param properties - what the client is told beside the code; by default `why` as Reason String.
   */
  shut(reasonCode: number, why: string, error?: Error, properties: Properties = why === '' ? {} : { reasonString: why }): void {
    if (!this.isOpen()) return;
    const knowsVersion = this.reader.version !== 0;
    if (this.state === 'connected') this.send({ type: PacketType.disconnect, reasonCode, properties }); // v5 [MQTT-3.2.0-2] [MQTT-3.14.0-1] [X5-4.13.1-1]
    // 3.x gets a refusing CONNACK only where a return code exists: v3.1.1 [MQTT-3.1.4-1] [MQTT-3.2.2-6]
    else if (knowsVersion) { // v5 [X5-3.2.2.2-1] [X5-4.13.1-1]
      this.send({ type: PacketType.connack, sessionPresent: false, reasonCode: connackCode(reasonCode), properties });
    }
    this.leave(reasonCode, why, error); // v5 [MQTT-3.2.2-7] [MQTT-4.13.1-1] [MQTT-4.13.2-1], v3.1.1 [MQTT-3.2.2-5] [MQTT-4.8.0-1]
  }

  /** Leaves the session and tells who listens; nothing more is read or written. */
  leave(reasonCode: number, why: string, error: Error | undefined, normal = false): void { // v5 [X5-3.1.2.5-2]
    if (!this.isOpen()) {
      if (this.state === 'closing') this.output.destroy();
      return;
    }
    const { engine, session, outlet, client } = this;
    this.state = 'closing'; // v5 [MQTT-3.1.4-6] [MQTT-3.14.4-1], v3.1.1 [MQTT-3.1.4-5] [MQTT-3.14.4-2]
    this.waiting = false;
    this.parked = undefined;
    for (const errand of this.errands?.splice(0) ?? []) errand.abandon();
    this.reader.discard();
    this.cancelDeadline();
    this.login.set(undefined);
    engine.memory.forget(this);
    engine.durability.forget(this);
    this.unsent.stop();
    this.pauses.clear();
    outlet?.held.clear();
    // Only once the session is detached: what a listener publishes is not sent behind DISCONNECT.
    const signalGone = (): void => {
      this.abort?.abort();
      client?.markGone();
    };
    if (session === undefined || outlet === undefined || client === undefined) {
      signalGone();
      const version = this.reader.version === 0 ? undefined : this.reader.version;
      engine.observer.connectRefused(this.clientId, reasonCode, why, error, this.source.meta, version);
    } else {
      engine.sessions.closed(session, outlet, normal, () => {
        signalGone(); // v5 [MQTT-3.14.4-1]
        engine.observer.clientClosed(client, reasonCode, why, error);
      });
    }
    this.end();
  }

  /** Half-closes and drains what the peer still sends, for a bounded time: it gets to read the reason. */
  private end(): void {
    if (this.gone) return this.finish();
    this.output.end(); // v5 [MQTT-3.14.4-2] [X5-3.14.4-1], v3.1.1 [MQTT-3.14.4-1]
    if (this.state !== 'closing') return; // the peer has gone in that very call
    this.deadline = this.engine.deadlines.set(this, this.engine.now() + this.engine.options.closeGraceSeconds * 1000);
  }

  private finish(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.cancelDeadline();
    this.engine.counters.connections -= 1;
    this.engine.counters.connectionsClosed += 1;
    this.onFinished?.();
  }

  // ---- keep alive --------------------------------------------------------------------------------------------

  private armKeepAlive(): void {
    if (this.keepAliveSeconds === 0) return;
    // v5 [MQTT-3.1.2-22], v3.1.1 [MQTT-3.1.2-24]: one and a half times.
    this.deadline = this.engine.deadlines.set(this, this.lastPacketAtMs + this.keepAliveSeconds * 1500);
  }

  /** While a hook or the store is asked the peer is not late, we are; both have deadlines of their own. */
  private checkConnect(nowMs: number): void {
    if (this.waiting) this.lastPacketAtMs = nowMs;
    const atMs = this.lastPacketAtMs + this.engine.options.connectTimeoutSeconds * 1000;
    if (nowMs < atMs) this.deadline = this.engine.deadlines.set(this, atMs);
    else this.shut(ReasonCode.unspecifiedError, 'no CONNECT in time'); // v5 [X5-3.1.4-1]
  }

  private checkKeepAlive(nowMs: number): void {
    // It stands still while we do not read: the peer is not silent, we are deaf.
    if (this.waiting || this.pauses.any) this.lastPacketAtMs = nowMs;
    if (nowMs < this.lastPacketAtMs + this.keepAliveSeconds * 1500) return this.armKeepAlive(); // v5 [MQTT-3.1.2-22]
    this.shut(ReasonCode.keepAliveTimeout, 'no packet within one and a half times Keep Alive'); // v5 [MQTT-3.1.2-22]
  }

  private cancelDeadline(): void {
    if (this.deadline !== undefined) this.engine.deadlines.cancel(this.deadline);
    this.deadline = undefined;
  }
}
