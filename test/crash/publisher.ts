/** Publishes at QoS 1 and 2 as fast as it is acknowledged. */
import type { Client } from './client.js';
import { Player, type World } from './player.js';
import type { Awaited } from './violations.js';

const windowMax = 20;

export class Publisher extends Player {
  private number = 0;
  private readonly isKeeper: boolean;

  /** @param isKeeper - publishes retained messages without subscribers and nothing else */
  constructor(client: Client, world: World, isKeeper: boolean) {
    super(client, world);
    this.isKeeper = isKeeper;
    client.events = { onRoom: () => this.publish(), onClosed: () => undefined };
  }

  play(): void {
    const { client } = this;
    if (client.state === 'offline') this.resume();
    else if (this.chance(0.01)) client.vanish();
    else this.publish();
  }

  resume(): void {
    if (this.client.state === 'offline') void this.client.connect(this.world.port, false);
  }

  awaited(): readonly Awaited[] {
    const { client } = this;
    if (client.state !== 'online') return [this.other('its CONNACK')];
    return client.unacknowledged > 0 ? [this.other(`${client.unacknowledged} acknowledgements`)] : [];
  }

  private publish(): void {
    const { client, world } = this;
    const { random } = world;
    while (world.isLoading && world.isUp && client.state === 'online' && client.unacknowledged < windowMax) {
      this.number += 1;
      const { id } = client.options;
      const kind = random.below(10);
      // One publisher and one QoS for each retained topic, so that its last message is known.
      const place = random.below(6);
      const retain = this.isKeeper || kind === 0;
      const topic = retain ? `${this.isKeeper ? 'k' : 'r'}/${id}/${place}` : kind < 4 ? `s/${random.below(2)}` : `t/${place}`;
      // The keeper's acknowledgements stand behind nothing else that is stored: no QoS 2.
      const isQos1 = this.isKeeper || (retain ? place % 2 === 0 : this.chance(0.5));
      const clears = retain && this.chance(0.3);
      client.publish(
        { id: `${id}-${this.number}`, topic, qos: isQos1 ? 1 : 2, retain, clears, number: this.number },
        this.chance(0.02) ? 8000 : random.below(300),
      );
    }
  }
}
