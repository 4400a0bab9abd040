/**
 * What is used of the `aedes-persistence` interface, version 11: the promise form that `aedes-persistence` itself and
 * its redis, mongodb and level siblings share. Written out here, so that nothing of that package is needed to compile
 * or to run.
 */

/** A packet as Aedes keeps it, in the field names of `mqtt-packet`. @public */
export interface AedesPacketLike {
  /** Names of other fields are kept where the store keeps them. */
  [name: string]: unknown;
  /** `publish`, or `pubrel` in place of a message that was released. */
  cmd?: string;
  /** With `brokerCounter` what a queued packet is known by. */
  brokerId?: string | undefined;
  /** Grows with every packet of the broker. */
  brokerCounter?: number | undefined;
  /** Topic name. */
  topic?: string;
  /** A `Buffer` as a rule; a `string` as it was given. */
  payload?: unknown;
  /** QoS of delivery. */
  qos?: number;
  /** RETAIN flag. */
  retain?: boolean;
  /** DUP flag. */
  dup?: boolean;
  /** Packet identifier, once it was sent. */
  messageId?: number | null | undefined;
  /** Client identifier of the publisher. */
  clientId?: string | null | undefined;
  /** Properties in the names of `mqtt-packet`. */
  properties?: unknown;
}

/** A subscription as Aedes keeps it. @public */
export interface AedesSubscriptionLike {
  /** Topic filter. */
  topic: string;
  /** QoS that was granted. */
  qos: number;
  /** Retain Handling. */
  rh?: number;
  /** Retain As Published. */
  rap?: boolean;
  /** No Local. */
  nl?: boolean;
  /** Where the store keeps it. */
  subscriptionIdentifier?: number;
}

/** A client as a persistence is told of it. @public */
export interface AedesClientLike {
  /** Client Identifier. */
  readonly id: string;
  /** Broker that the client is at. */
  readonly brokerId?: string;
}

/** A store with the `aedes-persistence` interface of version 11, promise form, as {@link aedesPersistence} uses it. @public */
export interface AedesPersistenceLike {
  /** Called once, with what stands for the broker. */
  setup(broker: never): Promise<unknown>;
  /** Keeps a packet in place of the one of its topic; without a payload none. */
  storeRetained(packet: AedesPacketLike): Promise<unknown>;
  /** Retained packets that match any of the patterns. */
  createRetainedStreamCombi(patterns: string[]): AsyncIterable<unknown>;
  /** Adds subscriptions, or replaces those with the same filters. */
  addSubscriptions(client: AedesClientLike, subscriptions: AedesSubscriptionLike[]): Promise<unknown>;
  /** Removes subscriptions by their filters. */
  removeSubscriptions(client: AedesClientLike, topics: string[]): Promise<unknown>;
  /** Subscriptions of one client. */
  subscriptionsByClient(client: AedesClientLike): Promise<AedesSubscriptionLike[] | null | undefined>;
  /** Removes all subscriptions of one client. */
  cleanSubscriptions(client: AedesClientLike): Promise<unknown>;
  /** Adds a packet to a queue. */
  outgoingEnqueue(subscription: { clientId: string }, packet: AedesPacketLike): Promise<unknown>;
  /** Gives a queued packet its identifier, or puts a PUBREL in its place. */
  outgoingUpdate(client: AedesClientLike, packet: AedesPacketLike): Promise<unknown>;
  /** Deletes the queued packet with this identifier. */
  outgoingClearMessageId(client: AedesClientLike, packet: AedesPacketLike): Promise<unknown>;
  /** The queue of one client. */
  outgoingStream(client: AedesClientLike): AsyncIterable<unknown>;
  /** Keeps a will. */
  putWill(client: AedesClientLike, packet: AedesPacketLike): Promise<unknown>;
  /** Deletes a will. */
  delWill(client: AedesClientLike): Promise<unknown>;
  /** Wills of brokers that are not among `brokers`. */
  streamWill(brokers?: object): AsyncIterable<unknown>;
}
