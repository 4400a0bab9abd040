/**
 * An MQTT client as the specification describes one, with a session that outlives its connections and the broker: it
 * sends again what was not acknowledged, takes each QoS 2 message once, and tells the ledger everything.
 */
import type { Packet } from 'mqtt-packet';
import type { NewMessage, Published } from './book.js';
import { Connection } from './connection.js';
import type { Ledger } from './ledger.js';
import type { Receiver } from './receiver.js';
import { SessionFacts } from './session-facts.js';
import type { Timeline } from './timeline.js';
import type { Will } from './wills.js';

export interface ClientOptions {
  readonly id: string;
  readonly protocolVersion: 4 | 5;
  /** Seconds; `Infinity` never ends. A 3.1.1 session ends at once or never. */
  readonly expirySeconds?: number;
  readonly receiveMaximum?: number;
  /** Who gets what it gets, unless a topic belongs to a shared group. */
  readonly receiver?: Receiver;
  /** The shared group that topics below `s/` come from. */
  readonly group?: Receiver;
}

export interface WillOptions {
  readonly will: Will;
  readonly topic: string;
  readonly delaySeconds: number;
}

interface Outgoing {
  readonly message: Published;
  readonly payload: string;
  phase: 'publish' | 'release';
}

interface Request {
  readonly isOn: boolean;
  readonly filter: string;
  readonly qos: 0 | 1 | 2;
  readonly timeline: Timeline;
}

/** What a client tells whoever plays it. */
export interface ClientEvents {
  /** A PUBLISH of its own has been completed. */
  onRoom(): void;
  /** Its connection is gone. */
  onClosed(): void;
}

export class Client {
  readonly options: ClientOptions;
  state: 'offline' | 'connecting' | 'online' | 'closing' = 'offline';
  /** As its last CONNACK said. */
  sessionPresent = false;
  /** How many acknowledgements it holds back. */
  held = 0;
  /** Messages that came as retained ones, by topic. */
  readonly retained = new Map<string, string>();
  events: ClientEvents = { onRoom: () => undefined, onClosed: () => undefined };
  readonly facts: SessionFacts;
  private readonly ledger: Ledger;
  private connection: Connection | undefined = undefined;
  private readonly outgoing = new Map<number, Outgoing>();
  private readonly requests = new Map<number, Request>();
  /** QoS 2 messages that were received and not released. */
  private readonly unreleased = new Set<number>();
  private owed: Packet[] = [];
  /** The end of this connection is no fault of the broker. */
  private isExpected = false;
  private isLeaving = false;
  private isKept = false;
  private pings: (() => void)[] = [];
  private connected: ((isConnected: boolean) => void) | undefined = undefined;

  constructor(options: ClientOptions, ledger: Ledger) {
    this.options = options;
    this.ledger = ledger;
    this.facts = new SessionFacts(options.id, (options.expirySeconds ?? Infinity) * 1000, ledger);
  }

  get unacknowledged(): number {
    return this.outgoing.size + this.requests.size;
  }

  /** Resolves with whether the broker accepted. */
  connect(port: number, cleanStart: boolean, will?: WillOptions): Promise<boolean> {
    const { id, protocolVersion, expirySeconds = Infinity, receiveMaximum } = this.options;
    this.state = 'connecting';
    this.isExpected = this.isLeaving = false;
    this.facts.asked(cleanStart);
    const connection: Connection = new Connection(port, protocolVersion, {
      onPacket: (packet) => connection === this.connection && this.onPacket(packet),
      onClosed: () => connection === this.connection && this.onClosed(),
    });
    this.connection = connection;
    // In 3.1.1 a clean start makes a session that ends with its connection.
    const isKept = expirySeconds > 0 && (protocolVersion === 5 || !cleanStart);
    this.isKept = isKept;
    connection.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion,
      clientId: id,
      clean: cleanStart,
      keepalive: 0,
      ...(protocolVersion === 5 && {
        properties: {
          sessionExpiryInterval: isKept ? Math.min(expirySeconds, 0xffff_ffff) : 0,
          ...(receiveMaximum !== undefined && { receiveMaximum }),
        },
      }),
      ...(will !== undefined && {
        will: {
          topic: will.topic,
          payload: Buffer.from(`${will.will.id}|`),
          qos: 2,
          retain: false,
          ...(protocolVersion === 5 && { properties: { willDelayInterval: will.delaySeconds } }),
        },
      }),
    });
    return new Promise((resolve) => (this.connected = resolve));
  }

  /** Lets the connection fall. */
  vanish(): void {
    this.isExpected = true;
    this.state = 'closing';
    this.facts.left();
    this.connection?.destroy();
  }

  /** Sends DISCONNECT; the broker closes. */
  leave(): void {
    this.isExpected = true;
    this.isLeaving = true;
    this.state = 'closing';
    this.facts.left();
    this.connection?.send({ cmd: 'disconnect' });
  }

  /** The broker is going to be killed: every connection may end from now on. */
  expectEnd(): void {
    this.isExpected = true;
  }

  publish(message: Omit<NewMessage, 'publisher'>, padding: number): void {
    const noted = this.ledger.published({ ...message, publisher: this.options.id });
    const outgoing: Outgoing = { message: noted, payload: noted.clears ? '' : `${noted.id}|${'.'.repeat(padding)}`, phase: 'publish' };
    const packetId = this.freeId();
    this.outgoing.set(packetId, outgoing);
    this.sendPublish(packetId, outgoing, false);
  }

  subscribe(filter: string, qos: 0 | 1 | 2, timeline: Timeline): void {
    this.request({ isOn: true, filter, qos, timeline });
  }

  unsubscribe(filter: string, timeline: Timeline): void {
    this.request({ isOn: false, filter, qos: 0, timeline });
  }

  /** Resolves when PINGRESP came, or the connection is gone. */
  ping(): Promise<void> {
    if (this.state !== 'online') return Promise.resolve();
    this.connection?.send({ cmd: 'pingreq' });
    return new Promise((resolve) => this.pings.push(resolve));
  }

  /** Sends acknowledgements that were held back, but for `keep`. */
  flush(keep = 0): void {
    while (this.owed.length > keep) this.connection?.send(this.owed.shift() as Packet);
  }

  // ---- inside ------------------------------------------------------------------------------------------------

  private request(request: Request): void {
    request.timeline.asked(request.isOn, this.ledger.next());
    const messageId = this.freeId();
    this.requests.set(messageId, request);
    const { isOn, filter, qos } = request;
    if (isOn) this.connection?.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic: filter, qos, nl: false, rap: false, rh: 0 }] });
    else this.connection?.send({ cmd: 'unsubscribe', messageId, unsubscriptions: [filter] });
  }

  /** The lowest, so that identifiers are used again at once. */
  private freeId(): number {
    for (let packetId = 1; ; packetId += 1) if (!this.outgoing.has(packetId) && !this.requests.has(packetId)) return packetId;
  }

  private sendPublish(messageId: number, { message, payload }: Outgoing, dup: boolean): void {
    const { topic, qos, retain } = message;
    this.connection?.send({ cmd: 'publish', messageId, topic, qos, retain, dup, payload });
  }

  private onClosed(): void {
    const { id } = this.options;
    if (!this.isExpected) this.ledger.violations.add('other', `the broker closed the connection of ${id}`);
    this.connection = undefined;
    this.state = 'offline';
    this.facts.left();
    if (this.isLeaving) this.facts.closed();
    this.owed = [];
    for (const ponged of this.pings.splice(0)) ponged();
    this.settleConnect(false);
    this.events.onClosed();
  }

  private settleConnect(isConnected: boolean): void {
    const { connected } = this;
    this.connected = undefined;
    connected?.(isConnected);
  }

  private onPacket(packet: Packet): void {
    switch (packet.cmd) {
      case 'connack':
        return this.onConnack(packet.reasonCode ?? packet.returnCode ?? 0, packet.sessionPresent);
      case 'publish':
        return this.onPublish(packet.messageId ?? 0, packet);
      case 'pubrel':
        if ((packet.reasonCode ?? 0) >= 0x80) this.refused('PUBREL', packet.reasonCode ?? 0);
        this.unreleased.delete(packet.messageId ?? 0);
        return this.owe({ cmd: 'pubcomp', messageId: packet.messageId ?? 0 });
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        return this.onPublishAck(packet.cmd, packet.messageId ?? 0, packet.reasonCode ?? 0);
      case 'suback':
        return this.onRequestAck(packet.messageId ?? 0, Number(packet.granted[0]));
      case 'unsuback':
        return this.onRequestAck(packet.messageId ?? 0, 0);
      case 'pingresp':
        return this.pings.shift()?.();
      case 'disconnect':
        if (this.isExpected) return;
        this.isExpected = true; // told once
        return this.refused('DISCONNECT', packet.reasonCode ?? 0);
      default:
        return this.refused(packet.cmd, 0);
    }
  }

  private refused(what: string, reasonCode: number): void {
    this.ledger.violations.add('other', `${this.options.id} got ${what} 0x${reasonCode.toString(16)}`);
  }

  private onConnack(reasonCode: number, sessionPresent: boolean): void {
    if (reasonCode !== 0) {
      this.refused('CONNACK', reasonCode);
      this.isExpected = true;
      return this.settleConnect(false);
    }
    this.state = 'online';
    this.ledger.acks += 1;
    this.facts.connected(sessionPresent, this.isKept, this.options.receiver);
    this.sessionPresent = sessionPresent;
    if (!sessionPresent) {
      // What was asked of the session that is gone is asked anew by whoever plays.
      this.unreleased.clear();
      this.requests.clear();
    }
    for (const [packetId, outgoing] of this.outgoing) {
      if (outgoing.phase === 'publish') {
        this.ledger.republished(outgoing.message);
        this.sendPublish(packetId, outgoing, sessionPresent);
      } else this.connection?.send({ cmd: 'pubrel', messageId: packetId });
    }
    // SUBSCRIBE and UNSUBSCRIBE are not of the session: asked again.
    const requests = [...this.requests.values()];
    this.requests.clear();
    for (const request of requests) this.request(request);
    this.settleConnect(true);
  }

  private onPublish(packetId: number, packet: Extract<Packet, { cmd: 'publish' }>): void {
    const { topic, qos, retain, dup } = packet;
    const delivery = { topic, payload: packet.payload.toString(), retain, dup };
    const receiver = topic.startsWith('s/') ? this.options.group : this.options.receiver;
    const isNew = qos < 2 || !this.unreleased.has(packetId);
    if (qos === 2) this.unreleased.add(packetId);
    if (isNew && retain) this.retained.set(topic, delivery.payload.slice(0, delivery.payload.indexOf('|')));
    if (isNew && receiver !== undefined) this.ledger.delivered(receiver, delivery);
    if (qos > 0) this.owe({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId: packetId });
  }

  private owe(packet: Packet): void {
    this.owed.push(packet);
    this.flush(this.held);
  }

  private onPublishAck(cmd: 'puback' | 'pubrec' | 'pubcomp', packetId: number, reasonCode: number): void {
    const outgoing = this.outgoing.get(packetId);
    if (outgoing === undefined) return this.refused(`${cmd} for ${packetId}, which is free,`, reasonCode);
    // A PUBREL that is sent again may find its identifier free.
    if (reasonCode >= 0x80 && cmd !== 'pubcomp') return this.refused(cmd, reasonCode);
    if (cmd !== 'pubcomp') this.ledger.acknowledged(outgoing.message);
    if (cmd === 'pubrec') {
      outgoing.phase = 'release';
      this.connection?.send({ cmd: 'pubrel', messageId: packetId });
      return;
    }
    this.outgoing.delete(packetId);
    this.events.onRoom();
  }

  private onRequestAck(packetId: number, reasonCode: number): void {
    const request = this.requests.get(packetId);
    if (request === undefined || reasonCode >= 0x80) return this.refused('SUBACK or UNSUBACK', reasonCode);
    this.requests.delete(packetId);
    this.ledger.acks += 1;
    request.timeline.done(this.ledger.next());
  }
}
