/** Connects with a will, another each time, and vanishes or says good-bye. */
import type { Client } from './client.js';
import { Player, type World } from './player.js';
import type { Awaited } from './violations.js';
import type { Will } from './wills.js';

export class WillPlayer extends Player {
  private readonly delaySeconds: number;
  private will: Will | undefined = undefined;
  private number = 0;
  /** Comes back before its will is due. */
  private isQuick = false;

  constructor(client: Client, world: World, delaySeconds: number) {
    super(client, world);
    this.delaySeconds = delaySeconds;
    client.events = { onRoom: () => undefined, onClosed: () => this.onClosed() };
  }

  play(): void {
    const { client, will } = this;
    if (client.state === 'offline') {
      if (this.isBack(will)) this.connect();
    } else if (client.state === 'online' && will?.state === 'armed' && this.chance(0.15)) {
      if (this.chance(0.3)) {
        will.state = 'leaving';
        client.leave();
      } else {
        client.vanish();
        this.world.ledger.wills.vanished(will);
      }
    }
  }

  resume(): void {
    if (this.client.state === 'offline' && this.isBack(this.will)) this.connect();
  }

  awaited(): readonly Awaited[] {
    return this.client.state === 'connecting' ? [this.other('its CONNACK')] : [];
  }

  /** Whether it is known what becomes of the will it had, or it comes back so soon that it cancels it. */
  private isBack(will: Will | undefined): boolean {
    if (will === undefined || will.count > 0 || will.state === 'cancelled' || will.state === 'open') return true;
    return will.state === 'due' && this.isQuick && this.chance(0.1);
  }

  private connect(): void {
    const { client, world, delaySeconds, will: before } = this;
    const { wills } = world.ledger;
    this.number += 1;
    const { id } = client.options;
    const isDelayed = client.options.expirySeconds !== 0;
    const will = wills.asked(`will-${id}-${this.number}`, isDelayed ? delaySeconds * 1000 : 0);
    if (before !== undefined) wills.returning(before);
    this.will = will;
    void client.connect(world.port, client.options.expirySeconds === 0, { will, topic: `w/${id}`, delaySeconds }).then((isConnected) => {
      if (!isConnected) return;
      if (before !== undefined) wills.returned(before, client.sessionPresent);
      if (will.state === 'asked') will.state = 'armed';
    });
  }

  private onClosed(): void {
    // Without a delay nobody comes back in time, and a will that is overdue must come.
    this.isQuick = this.delaySeconds > 0 && this.chance(0.5);
    if (this.will !== undefined) this.world.ledger.wills.left(this.will);
  }
}
