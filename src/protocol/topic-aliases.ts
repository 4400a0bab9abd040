/** Topic Aliases of one connection, one table per direction (v5 3.3.2.3.4). They die with it. */
import { PeerProtocolError } from '../errors/errors.js';
import { ReasonCode } from '../packet/reason-code.js';

/** Aliases the client set: number to whatever stands for the topic. */
export class InboundAliases<T> {
  private readonly topics = new Map<number, T>();
  private readonly maximum: number;

  constructor(maximum: number) {
    this.maximum = maximum;
  }

  /** Alias and Topic Name set or replace the mapping. */
  set(alias: number, topic: T): void {
    this.check(alias);
    this.topics.set(alias, topic); // X5-3.3.2.3.4-1
  }

  /** Alias with an empty Topic Name stands for the topic it was set to. */
  get(alias: number): T {
    this.check(alias);
    const topic = this.topics.get(alias);
    if (topic !== undefined) return topic; // v5 [MQTT-4.7.3-1] X5-3.3.2.3.4-1, else X5-3.3.2.1-1
    throw new PeerProtocolError(ReasonCode.protocolError, 'X5-3.3.2.1-1', `Topic Alias ${alias} was not set on this connection`);
  }

  private check(alias: number): void {
    // v5 [MQTT-3.2.2-17] [MQTT-3.2.2-18] [MQTT-3.3.2-9] [MQTT-3.3.2-12]
    if (alias <= this.maximum) return;
    throw new PeerProtocolError(
      ReasonCode.topicAliasInvalid,
      'MQTT-3.3.2-9',
      `Topic Alias ${alias} is over the announced Topic Alias Maximum of ${this.maximum}`,
    );
  }
}

/** Aliases the broker sets: the first topics sent get them, as many as the client allows. */
export class OutboundAliases {
  private readonly aliases = new Map<string, number>();
  private readonly maximum: number;

  /** @param maximum - the smaller of the client's Topic Alias Maximum and ours. */
  constructor(maximum: number) {
    this.maximum = maximum;
  }

  /** The alias that stands for `topic`, or 0. */
  get(topic: string): number {
    return this.aliases.get(topic) ?? 0;
  }

  /** The alias `topic` may be given, or 0 when all are in use. */
  next(): number {
    return this.aliases.size < this.maximum ? this.aliases.size + 1 : 0; // v5 [MQTT-3.1.2-26] [MQTT-3.3.2-11]
  }

  /** Called when the PUBLISH that sets it was written, not before. */
  set(topic: string, alias: number): void {
    this.aliases.set(topic, alias);
  }
}
