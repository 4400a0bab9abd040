/** One aedes-persistence and the brokers that open it one after the other, in a clock of their own each. */
import { afterEach } from '@jest/globals';
import { aedesPersistence, type AedesPersistenceLike } from '../../src/aedes.js';
import type { Broker } from '../../src/index.js';
import { brokerOnClock } from '../../src/testing/wire-broker.js';
import { VirtualClock, wire, type WireClient, type WireConnect } from '../../src/testing/index.js';

const houses: AedesHouse[] = [];

afterEach(async () => {
  for (const house of houses.splice(0)) await house.close();
});

/** A CONNACK with Session Present. */
export const present = { type: 'connack', reasonCode: 0, sessionPresent: true };

export async function openHouse(persistence: AedesPersistenceLike): Promise<AedesHouse> {
  const house = new AedesHouse(persistence);
  houses.push(house);
  await house.start(new VirtualClock());
  return house;
}

export class AedesHouse {
  broker!: Broker;
  clock!: VirtualClock;
  /** `storageState` and `error` events, in short. */
  readonly heard: string[] = [];
  #persistence: AedesPersistenceLike;
  #starts = 0;

  constructor(persistence: AedesPersistenceLike) {
    this.#persistence = persistence;
  }

  async start(clock: VirtualClock): Promise<void> {
    this.clock = clock;
    this.broker = brokerOnClock(clock, { storage: aedesPersistence(this.#persistence, { warn: false }) });
    this.broker.on('storageState', (state) => void this.heard.push(state));
    this.broker.on('error', (error) => void this.heard.push(`error ${'code' in error ? String(error.code) : error.message}`));
    await this.broker.ready();
  }

  /** A connection that has sent CONNECT, with whatever came back. */
  async open(clientId: string, connect: Omit<WireConnect, 'clientId'> = {}): Promise<WireClient> {
    const client = wire({ broker: this.broker, clock: this.clock }).connect({ ...connect, clientId });
    await this.settle();
    return client;
  }

  /** A connected client, its CONNACK taken. */
  async client(clientId: string, connect: Omit<WireConnect, 'clientId'> = {}): Promise<WireClient> {
    const client = await this.open(clientId, connect);
    const [connack, ...more] = client.received();
    if (connack?.type !== 'connack' || connack.reasonCode !== 0 || more.length > 0) throw new Error(`not connected: ${JSON.stringify([connack, ...more])}`);
    return client;
  }

  /** Lets everything go on until nothing is left to do. */
  async settle(): Promise<void> {
    for (let round = 0; round < 3; round += 1) await this.clock.settle();
  }

  async restart(next: (persistence: AedesPersistenceLike) => AedesPersistenceLike = (same) => same): Promise<void> {
    await this.settle();
    const wallMs = this.clock.wall();
    await this.close();
    this.#persistence = next(this.#persistence);
    this.#starts += 1;
    await this.start(new VirtualClock({ nowMs: this.#starts * 1_000_000_007, wallMs }));
  }

  async close(): Promise<void> {
    const closed = this.broker.close();
    await this.settle();
    this.clock.advance(this.broker.options.closeGraceSeconds * 1000 + 1);
    await this.settle();
    await closed;
  }
}
