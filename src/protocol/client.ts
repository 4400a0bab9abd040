/** The client of one connection, as hooks and event listeners see it. */
import type { HookClient } from '../hooks/hooks.js';
import type { ProtocolVersion } from '../packet/protocol.js';
import { ReasonCode } from '../packet/reason-code.js';
import type { ConnectionMeta } from '../transport/transport.js';
import { DecisionCache } from './decision-cache.js';

/** What the public object asks of its connection. */
export interface ClientControl {
  close(reasonCode: number, reasonString?: string): void;
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
  readonly connection: Readonly<Record<string, unknown>> & ConnectionMeta;
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

  /** @internal */
  constructor(facts: ClientFacts, control: ClientControl | undefined) {
    this.id = facts.id;
    this.principal = facts.principal;
    this.username = facts.username;
    this.protocolVersion = facts.protocolVersion;
    this.connection = facts.connection as Readonly<Record<string, unknown>> & ConnectionMeta;
    this.keepAliveSeconds = facts.keepAliveSeconds;
    this.connectedAtWallMs = facts.connectedAtWallMs;
    this.trusted = facts.trusted === true;
    this.control = control;
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
   */
  close(reasonCode: number = ReasonCode.administrativeAction, reasonString?: string): void {
    this.control?.close(reasonCode, reasonString);
  }

  /** @internal */
  markGone(): void {
    this.gone = true;
    this.control = undefined;
    this.abort?.abort();
  }
}
