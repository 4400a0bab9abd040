/** A message as hosts see it: in events, and from in-process subscriptions. */
import type { Properties } from '../packet/packets.js';
import type { QoS } from '../packet/protocol.js';
import type { Message, Publication } from '../packet/publication.js';
import { decodePublishProperties } from '../packet/read-properties.js';

/**
 * One published message. Payload and properties are decoded when they are first looked at.
 * @public
 */
export class BrokerMessage {
  /** Topic name it was published to. */
  readonly topic: string;
  /** As published; in a subscription and in `delivered`, as delivered: never above what was granted. */
  readonly qos: QoS;
  /** In events, whether it was published to be retained; in a subscription, RETAIN as delivered. */
  readonly retain: boolean;
  /** Client Identifier of the publisher; `undefined` when the host published. */
  readonly publisherId: string | undefined;
  private readonly message: Message;
  private decoded: Properties | undefined = undefined;

  /** @internal */
  constructor(publication: Publication, qos: QoS = publication.qos, retain: boolean = publication.retain) {
    this.message = publication.keep();
    this.topic = publication.topic;
    this.qos = qos;
    this.retain = retain;
    this.publisherId = publication.publisherId;
  }

  /** The payload's bytes; not to be written to. */
  get payload(): Buffer {
    const { buffer, payloadStart } = this.message;
    return Buffer.from(buffer.buffer, buffer.byteOffset + payloadStart, buffer.length - payloadStart);
  }

  /** The payload as UTF-8 text. */
  text(): string {
    return this.payload.toString('utf8');
  }

  /** The payload parsed as JSON. @throws SyntaxError when it is none. */
  json(): unknown {
    return JSON.parse(this.text());
  }

  /** MQTT 5.0 properties of the publisher: content type, response topic, correlation data, user properties in order … */
  get properties(): Properties {
    return (this.decoded ??= decodePublishProperties(this.message));
  }
}
