/** Who plays with one database: publishers, subscribers of every manner, clients with wills. */
import { Client, type ClientOptions } from './client.js';
import type { Player, World } from './player.js';
import { Publisher } from './publisher.js';
import { Subscriber, type Manner } from './subscriber.js';
import { WillPlayer } from './will-player.js';

type Habits = Omit<Manner, 'subscriptions'>;

export function castFor(world: World): Player[] {
  const { ledger } = world;

  const publisher = (id: string, protocolVersion: 4 | 5, isKeeper = false): Player =>
    new Publisher(new Client({ id, protocolVersion }, ledger), world, isKeeper);

  const subscriber = (options: ClientOptions, qos: 1 | 2, filters: readonly string[], habits: Habits = {}): Player => {
    const receiver = ledger.receiver(options.id, qos);
    const subscriptions = filters.map((filter) => ({ filter, qos, receiver }));
    return new Subscriber(new Client({ ...options, receiver }, ledger), world, { ...habits, subscriptions });
  };

  const member = (id: string, protocolVersion: 4 | 5, name: string, qos: 1 | 2, habits: Habits): Player => {
    const group = ledger.receiver(name, qos, true);
    const subscriptions = [{ filter: `$share/${name}/s/#`, qos, receiver: group }];
    return new Subscriber(new Client({ id, protocolVersion, group }, ledger), world, { ...habits, subscriptions });
  };

  const withWill = (id: string, protocolVersion: 4 | 5, delaySeconds: number, expirySeconds = Infinity): Player =>
    new WillPlayer(new Client({ id, protocolVersion, expirySeconds }, ledger), world, delaySeconds);

  const topics = Array.from({ length: 6 }, (_, place) => `t/${place}`);
  return [
    subscriber({ id: 'wills', protocolVersion: 5 }, 2, ['w/#']),
    subscriber({ id: 'online-4', protocolVersion: 4 }, 1, ['t/#', 'r/#']),
    subscriber({ id: 'online-5', protocolVersion: 5, receiveMaximum: 10 }, 2, ['t/#', 'r/#'], { held: 6 }),
    subscriber({ id: 'comes-and-goes', protocolVersion: 4 }, 2, ['t/#'], { held: 12, leaves: 0.05 }),
    subscriber({ id: 'long-away', protocolVersion: 5, receiveMaximum: 30 }, 2, ['t/#'], { leaves: 0.2, roundsAway: 4 }),
    subscriber({ id: 'toggles-4', protocolVersion: 4 }, 2, topics, { toggles: 0.4, leaves: 0.01 }),
    subscriber({ id: 'toggles-5', protocolVersion: 5 }, 1, topics, { toggles: 0.4, leaves: 0.01 }),
    subscriber({ id: 'clean-4', protocolVersion: 4 }, 1, ['t/#'], { leaves: 0.1, startsClean: 0.7 }),
    subscriber({ id: 'clean-4-too', protocolVersion: 4 }, 2, ['t/#'], { leaves: 0.1, startsClean: 0.7 }),
    subscriber({ id: 'clean-5', protocolVersion: 5 }, 2, ['t/#'], { leaves: 0.1, startsClean: 0.7 }),
    subscriber({ id: 'expires', protocolVersion: 5, expirySeconds: 1 }, 2, ['t/#'], { leaves: 0.05, roundsAway: 4 }),
    member('member-4', 4, 'once', 2, { held: 4, leaves: 0.02 }),
    member('member-5', 5, 'once', 2, { held: 4, leaves: 0.02 }),
    member('helper-4', 4, 'often', 1, { held: 4, leaves: 0.02 }),
    member('helper-5', 5, 'often', 1, { leaves: 0.02 }),
    withWill('will-4', 4, 0),
    withWill('will-4-too', 4, 0),
    withWill('will-5', 5, 1),
    withWill('will-5-too', 5, 1),
    withWill('will-5-later', 5, 2),
    withWill('will-5-ends', 5, 5, 0),
    publisher('p1', 4),
    publisher('p2', 5),
    publisher('p3', 4),
    publisher('p4', 5),
    publisher('keeper', 4, true),
  ];
}
