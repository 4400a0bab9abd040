/** Subscribes, comes and goes, in one of several manners. */
import type { Client } from './client.js';
import { Player, type World } from './player.js';
import type { Receiver } from './receiver.js';
import type { Awaited } from './violations.js';

/** Probabilities are of one move. */
export interface Manner {
  readonly subscriptions: readonly { readonly filter: string; readonly qos: 1 | 2; readonly receiver: Receiver }[];
  /** Acknowledgements that it holds back while there is load. */
  readonly held?: number;
  /** Goes away, with or without DISCONNECT. */
  readonly leaves?: number;
  /** Rounds that it stays away, at most; left out, it comes back in the same. */
  readonly roundsAway?: number;
  /** Subscribes or unsubscribes, and does so only by chance. */
  readonly toggles?: number;
  /** When it comes back, it is with a clean start. */
  readonly startsClean?: number;
}

export class Subscriber extends Player {
  private readonly manner: Manner;
  /** Filters that it has, or has asked for. */
  private readonly asked = new Set<string>();
  private backInRound = 0;
  /** A clean start was asked for and not answered: asked again, as nobody knows whether it took place. */
  private startsClean = false;

  constructor(client: Client, world: World, manner: Manner) {
    super(client, world);
    this.manner = manner;
    client.held = manner.held ?? 0;
  }

  play(): void {
    const { client, manner, world } = this;
    const { leaves = 0, roundsAway = 0, toggles = 0 } = manner;
    if (client.state === 'offline') {
      if (world.round >= this.backInRound && this.chance(0.3)) this.connect(this.chance(manner.startsClean ?? 0));
    } else if (client.state === 'online' && this.chance(leaves)) {
      this.backInRound = world.round + world.random.below(roundsAway + 1);
      if (this.chance(0.5)) client.vanish();
      else client.leave();
    } else if (client.state === 'online' && client.unacknowledged === 0) {
      const { filter } = world.random.pick(manner.subscriptions);
      if (toggles > 0) {
        if (this.chance(toggles)) this.ask(filter, !this.asked.has(filter));
      } else if (!this.asked.has(filter) && this.chance(0.1)) this.ask(filter, true); // some time after a clean start
    }
  }

  resume(): void {
    const { client, world } = this;
    if (client.state === 'offline' && (world.isLast || world.round >= this.backInRound)) this.connect(false);
  }

  awaited(): readonly Awaited[] {
    const { client, manner } = this;
    if (client.state === 'offline' && this.world.round < this.backInRound && !this.world.isLast) return [];
    if (client.state !== 'online') return [this.other('its CONNACK')];
    client.flush();
    if (client.unacknowledged > 0) return [this.other('SUBACK or UNSUBACK')];
    const missing = new Set(manner.subscriptions.map(({ receiver }) => receiver));
    return [...missing].filter((receiver) => receiver === client.options.receiver).flatMap((receiver) => receiver.awaited());
  }

  private connect(isCleanWished: boolean): void {
    const { client, world } = this;
    const { protocolVersion } = client.options;
    const cleanStart = isCleanWished || this.startsClean || client.facts.isUnknown;
    this.startsClean = cleanStart;
    void client.connect(world.port, cleanStart).then((isConnected) => {
      if (!isConnected) return;
      this.startsClean = false;
      if (!client.sessionPresent) this.asked.clear();
      // A clean session of 3.1.1 ends with its connection: the next one is to be kept again.
      if (cleanStart && protocolVersion === 4) return client.leave();
      // The first time everybody has what it wants before there is load.
      if (world.round === 0) for (const { filter } of this.manner.subscriptions) if (!this.asked.has(filter)) this.ask(filter, true);
    });
  }

  private ask(filter: string, isOn: boolean): void {
    const { client, manner } = this;
    const subscription = manner.subscriptions.find((one) => one.filter === filter);
    if (subscription === undefined) return;
    const timeline = subscription.receiver.timeline(filter.replace(/^\$share\/[^/]+\//, ''));
    if (isOn) {
      this.asked.add(filter);
      client.subscribe(filter, subscription.qos, timeline);
    } else {
      this.asked.delete(filter);
      client.unsubscribe(filter, timeline);
    }
  }
}
