/**
 * One database and those who play with it, over several rounds: load, a kill at a random moment, a restart, and then
 * everything must come to rest with nothing missing.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { createPrng, type Prng } from '../../src/util/prng.js';
import type { BrokerProcess, BrokerProcesses } from './broker-process.js';
import { castFor } from './cast.js';
import { FlightReader, type Flight } from './flight.js';
import { Ledger } from './ledger.js';
import type { StoreChoice } from './orders.js';
import { patience } from './patience.js';
import type { Player, World } from './player.js';
import { checkRetained } from './retained-check.js';
import type { Awaited, Violations } from './violations.js';

/** A round counts with so many acknowledgements before its kill. */
export const acksPerRound = 500;
/** Nothing that is still to come takes so long while nothing else comes. */
const stillMs = 5000;
const moveMs = 3;

export interface DatabaseOptions {
  readonly seed: number;
  readonly store: StoreChoice;
  readonly eager: boolean;
}

/** What is counted over all databases. */
export interface Tally {
  acks: number;
  rounds: number;
  kills: number;
  inFlight: number;
  inCheckpoint: number;
}

export class Database {
  private readonly options: DatabaseOptions;
  private readonly processes: BrokerProcesses;
  private readonly violations: Violations;
  private readonly tally: Tally;
  private readonly random: Prng;
  private readonly world: World;
  private readonly players: readonly Player[];
  private folder = '';
  private flights: FlightReader | undefined = undefined;
  private process: BrokerProcess | undefined = undefined;
  private countedAcks = 0;

  constructor(options: DatabaseOptions, processes: BrokerProcesses, violations: Violations, tally: Tally) {
    this.options = options;
    this.processes = processes;
    this.violations = violations;
    this.tally = tally;
    this.random = createPrng(options.seed);
    const ledger = new Ledger(violations);
    this.world = { random: this.random, ledger, port: 0, isUp: false, isLoading: false, round: 0, isLast: false };
    this.players = castFor(this.world);
  }

  async open(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), 'odonata-crash-'));
    this.flights = new FlightReader(join(this.folder, 'flight'));
    await this.start();
    await this.rest();
  }

  /** One round; `isLast` when nobody stays away at its end. */
  async round(number: number, isLast: boolean): Promise<void> {
    const { world, random, tally } = this;
    world.round = number;
    await this.load(acksPerRound + random.below(acksPerRound));
    await this.aim();
    await this.kill();
    tally.rounds += 1;
    world.isLast = isLast;
    await this.start();
    if (random.next() < 0.2) {
      // Again while everybody comes back.
      this.resume();
      await sleep(random.below(60));
      await this.kill();
      await this.start();
    }
    await this.rest();
    if (random.next() < 0.15) await this.restart();
  }

  /** Closes the broker as a host does. */
  async close(): Promise<void> {
    await this.shut();
    this.count();
    this.flights?.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Whatever happened: no process is left. */
  async abandon(): Promise<void> {
    this.world.isLoading = false;
    this.world.isUp = false;
    for (const { client } of this.players) client.expectEnd();
    await this.process?.kill();
    this.count();
    this.flights?.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  private count(): void {
    const { acks } = this.world.ledger;
    this.tally.acks += acks - this.countedAcks;
    this.countedAcks = acks;
  }

  // ---- phases ------------------------------------------------------------------------------------------------

  private async load(acks: number): Promise<void> {
    const { world, players, random } = this;
    const { ledger } = world;
    const goal = ledger.acks + acks;
    world.isLoading = true;
    const moving = setInterval(() => {
      for (const player of players) if (world.isLoading && random.next() < 0.5) player.play();
    }, moveMs);
    const missing = (): Awaited[] => (ledger.acks >= goal ? [] : [{ kind: 'other', what: `the load stopped ${goal - ledger.acks} acknowledgements early` }]);
    await this.settle(missing);
    if (ledger.acks < goal) clearInterval(moving);
    this.moving = moving;
  }
  private moving: ReturnType<typeof setInterval> | undefined = undefined;

  /** Waits for the moment of the kill: any, or one with a commit group in flight, or one with a checkpoint. */
  private async aim(): Promise<void> {
    const { random, flights } = this;
    const kind = random.below(10);
    await sleep(random.below(30));
    if (kind < 4) return;
    const wanted = (flight: Flight | undefined): boolean => (kind < 8 ? flight !== 'none' : flight === 'checkpoint');
    const giveUp = Date.now() + 200;
    while (!wanted(flights?.read()) && Date.now() < giveUp) await turn();
    // Somewhere in the time that a sync takes.
    const until = performance.now() + random.next() * 2;
    while (performance.now() < until);
  }

  private async kill(): Promise<void> {
    const { process, players, tally, flights } = this;
    this.down();
    await process?.kill();
    const flight = flights?.read();
    tally.kills += 1;
    if (flight !== 'none') tally.inFlight += 1;
    if (flight === 'checkpoint') tally.inCheckpoint += 1;
    await this.settle(() => closedAll(players));
  }

  private down(): void {
    const { world, players } = this;
    world.isLoading = false;
    world.isUp = false;
    clearInterval(this.moving);
    for (const { client } of players) client.expectEnd();
  }

  private async start(): Promise<void> {
    const { options, random, world, folder, violations, players } = this;
    const sinceMs = Date.now();
    const process = this.processes.take();
    this.process = process;
    process.onError = (message) => violations.add('other', `the broker says: ${message}`);
    process.onDied = (how) => violations.add('other', `the broker died: ${how}`);
    await process.open({
      type: 'open',
      store: options.store,
      folder: join(folder, 'data'),
      flightFile: join(folder, 'flight'),
      checkpointBytes: random.pick([8 * 1024, 64 * 1024, 512 * 1024, undefined]),
      eager: options.eager,
      seed: random.uint32(),
    });
    world.port = process.port;
    world.isUp = true;
    for (const { client } of players) client.facts.restarted();
    world.ledger.wills.restarted(sinceMs);
  }

  private resume(): void {
    for (const player of this.players) player.resume();
  }

  /** Everybody is back and has everything: what does not come is lost. */
  private async rest(): Promise<void> {
    const { world, players } = this;
    const { ledger } = world;
    await this.settle(() => {
      this.resume();
      return [...players.flatMap((player) => player.awaited()), ...this.overdue()];
    });
    await Promise.all(players.map(({ client }) => client.ping()));
    await checkRetained(ledger, world.port, stillMs);
  }

  /** What belongs to no player: shared groups, and wills that are due. */
  private overdue(): Awaited[] {
    const { ledger, isLast } = this.world;
    const groups = [...ledger.receivers.values()].filter(({ isGroup }) => isGroup);
    const { late, soon } = ledger.wills.awaited();
    const wills = isLast ? [...late, ...soon] : late;
    return [...groups.flatMap((group) => group.awaited()), ...wills.map((what): Awaited => ({ kind: 'lost', what }))];
  }

  private async restart(): Promise<void> {
    await this.shut();
    await this.start();
    await this.rest();
  }

  private async shut(): Promise<void> {
    this.down();
    const fault = await this.process?.close();
    if (fault !== undefined) this.violations.add('other', fault);
    await this.settle(() => closedAll(this.players));
  }

  /** Waits for something that must come, or notes what did not and ends this database. */
  private async settle(awaited: () => readonly Awaited[]): Promise<void> {
    const { ledger } = this.world;
    const missing = await patience(awaited, () => ledger.tick, stillMs);
    for (const { kind, what } of missing) this.violations.add(kind, what);
    if (missing.length > 0) throw new BrokenRound();
  }
}

/** Violations have been noted; nothing can be built on this database any more. */
export class BrokenRound extends Error {}

const closedAll = (players: readonly Player[]): Awaited[] =>
  players.filter(({ client }) => client.state !== 'offline').map(({ client }) => ({ kind: 'other', what: `the connection of ${client.options.id} did not end with its broker` }));
