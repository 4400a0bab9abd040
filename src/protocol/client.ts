/** The client of one connection, as hooks and event listeners see it. */
import { BrokerError } from '../errors/errors.js';
import type { HookClient } from '../hooks/hooks.js';
import type { ProtocolVersion } from '../packet/protocol.js';
import { ReasonCode } from '../packet/reason-code.js';
import { textProblem } from '../packet/utf8.js';
import type { ConnectionMeta } from '../transport/transport.js';
import { DecisionCache } from './decision-cache.js';

/** v5 3.14.2.1, those that mean an error. */
const serverDisconnectCodes: ReadonlySet<number> = new Set([
  0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c,
  0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
]);

/** What the public object asks of its connection. */
export interface ClientControl {
  close(reasonCode: number, reasonString?: string): void;
  reauthorize(): Promise<Reauthorized>;
}

/** What a client may no longer have. @public */
export interface Reauthorized {
  /** Topic filters of the subscriptions that were ended, as subscribed. */
  readonly removedSubscriptions: string[];
  /** Whether its will was discarded. */
  readonly willDropped: boolean;
}

/** @internal */
export interface ClientFacts {
  readonly id: string;
  readonly principal: string | undefined;
  readonly username: string | undefined;
  readonly protocolVersion: ProtocolVersion;
  readonly connection: ConnectionMeta;
  readonly keepAliveSeconds: number;
  readonly connectedAtWallMs: number;
  readonly trusted?: boolean;
}

/**
 * A connected client, or one that was: what events and hooks are given.
 * @public
 */
export class Client implements HookClient {
  /** Client Identifier. */
  readonly id: string;
  /** Who `authenticate` says this is; default: the user name, else `undefined` (anonymous). */
  readonly principal: string | undefined;
  readonly username: string | undefined;
  readonly protocolVersion: ProtocolVersion;
  /** Where it comes from: transport, addresses, TLS and HTTP facts. */
  readonly connection: ConnectionMeta;
  /** Keep Alive in force, in seconds; 0 = off. */
  readonly keepAliveSeconds: number;
  /** Wall-clock milliseconds of its CONNECT. */
  readonly connectedAtWallMs: number;
  /** The host itself, which hooks are not asked about. @internal */
  readonly trusted: boolean;
  /** @internal */
  readonly decisions: DecisionCache = new DecisionCache();
  private control: ClientControl | undefined = undefined;
  private abort: AbortController | undefined = undefined;
  private gone = false;

  private constructor(facts: ClientFacts, control: ClientControl | undefined) {
    this.id = facts.id;
    this.principal = facts.principal;
    this.username = facts.username;
    this.protocolVersion = facts.protocolVersion;
    this.connection = facts.connection;
    this.keepAliveSeconds = facts.keepAliveSeconds;
    this.connectedAtWallMs = facts.connectedAtWallMs;
    this.trusted = facts.trusted === true;
    this.control = control;
  }

  /** @internal */
  static of(facts: ClientFacts, control: ClientControl | undefined): Client {
    return new Client(facts, control);
  }

  /** The host as a subscriber of its own broker. @internal */
  static host(id: string, connectedAtWallMs: number): Client {
    const facts = { id, principal: undefined, username: undefined, connection: {}, keepAliveSeconds: 0, connectedAtWallMs };
    return new Client({ ...facts, protocolVersion: 5, trusted: true }, undefined);
  }

  /** Whether its connection still stands. */
  get connected(): boolean {
    return !this.gone && this.control !== undefined;
  }

  /** Fires when the client goes away. */
  get signal(): AbortSignal {
    if (this.abort === undefined) {
      this.abort = new AbortController();
      if (!this.connected) this.abort.abort();
    }
    return this.abort.signal;
  }

  /**
   * Disconnects the client; its will is published as after any close without DISCONNECT (v5 3.1.2.5).
   * @param reasonCode - MQTT 5.0 DISCONNECT reason code from 0x80, default 0x98 Administrative action; 3.x sees a bare close.
   * @param reasonString - Sent to 5.0 clients beside the code.
   * @throws BrokerError `ODN_ERR_ARGUMENT`: the reason code is none that a server may send in DISCONNECT, or the reason string has U+0000 or a lone surrogate
   */
  close(reasonCode: number = ReasonCode.administrativeAction, reasonString?: string): void {
    if (!serverDisconnectCodes.has(reasonCode)) { // v5 [MQTT-3.14.2-1]
      throw new BrokerError('ODN_ERR_ARGUMENT', `${String(reasonCode)} is no reason code of a server's DISCONNECT from 0x80`);
    }
    // v5 [MQTT-1.5.4-1] [MQTT-1.5.4-2]
    if (reasonString !== undefined && textProblem(reasonString, false) !== 0) {
      throw new BrokerError('ODN_ERR_ARGUMENT', `the reason string ${JSON.stringify(reasonString)} has U+0000 or a lone surrogate`);
    }
    this.control?.close(reasonCode, reasonString);
  }

  /**
   * Call it when the rights of this client have changed: forgets the answers that were cached, asks `authorize` again
   * about each subscription and the will, in order with what the client sends, and ends what is refused. Messages that
   * wait are asked about when they are sent. Resolves when the store has it; for a client that is gone, with nothing.
   * @throws BrokerError `ODN_ERR_STORAGE_WRITE`: it is done, and may come back after a restart
   */
  reauthorize(): Promise<Reauthorized> {
    this.decisions.clear();
    return this.control?.reauthorize() ?? Promise.resolve({ removedSubscriptions: [], willDropped: false });
  }

  /** @internal */
  markGone(): void {
    this.gone = true;
    this.control = undefined;
    this.abort?.abort();
  }
}
