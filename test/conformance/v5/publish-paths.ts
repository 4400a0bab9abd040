/** Every way on which one message reaches a subscriber, to see on each that what its publisher said arrives unaltered. */
import type { WireClient, WirePacket, WireProperties } from '../../../src/testing/index.js';
import { House } from '../../wire/house.js';
import { openRig, publishes } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, resumable, subscriber } from './support.js';

/** Brings the message that `publish` sends, at QoS 2 to topic `t`, to the client that is returned. */
type Path = (rig: Rig, publish: (retain?: boolean) => void) => WireClient;

const paths: Readonly<Record<string, Path>> = {
  'live at QoS 0': (rig, publish) => {
    const sub = subscriber(rig, 'sub', 't', 0);
    publish();
    return sub;
  },
  'live at QoS 1': (rig, publish) => {
    const sub = subscriber(rig, 'sub', 't', 1);
    publish();
    return sub;
  },
  'live at QoS 2 to a session that lasts': (rig, publish) => {
    const sub = resumable(rig, 'sub').subscribe('t', { qos: 2 }).skip();
    publish();
    return sub;
  },
  'with an identifier and an alias': (rig, publish) => {
    const sub = client(rig, 'sub', { properties: { topicAliasMaximum: 9 } });
    sub.subscribe('t', { qos: 1, properties: { subscriptionIdentifier: 3 } }).skip();
    publish();
    return sub;
  },
  'behind a full window': (rig, publish) => {
    const sub = subscriber(rig, 'sub', '#', 1, { properties: { receiveMaximum: 1 } });
    client(rig, 'other').publish({ topic: 'x', qos: 1 });
    publish();
    return sub.skip().puback(1);
  },
  queued: (rig, publish) => {
    resumable(rig, 'sub').subscribe('t', { qos: 2 }).drop();
    publish();
    return resumable(rig, 'sub');
  },
  'sent again': (rig, publish) => {
    const sub = resumable(rig, 'sub').subscribe('t', { qos: 2 }).skip();
    publish();
    sub.drop();
    return resumable(rig, 'sub');
  },
  retained: (rig, publish) => {
    publish(true);
    return client(rig, 'sub').subscribe('t', { qos: 2 });
  },
  shared: (rig, publish) => {
    const sub = subscriber(rig, 'sub', '$share/g/t', 2);
    publish();
    return sub;
  },
  'queued for a shared group': (rig, publish) => {
    resumable(rig, 'sub').subscribe('$share/g/t', { qos: 1 }).drop();
    publish();
    return resumable(rig, 'sub');
  },
};

/** The publisher, whose packet may carry an alias of its own as well: another way into the broker. */
function publishing(rig: Rig, properties: WireProperties, alias: boolean): (retain?: boolean) => void {
  const publisher = client(rig, 'pub');
  const sent = alias ? { ...properties, topicAlias: 1 } : properties;
  return (retain = false) => void publisher.publish({ topic: 't', payload: 'x', qos: 2, retain, properties: sent });
}

export interface Arrival {
  readonly path: string;
  /** What arrived, without what the path itself adds. */
  readonly got: readonly WireProperties[];
}

function arrival(path: string, messages: readonly WirePacket[]): Arrival {
  const own = ({ properties = {} }: WirePacket): WireProperties => {
    const { subscriptionIdentifier: _identifier, topicAlias: _alias, ...rest } = properties;
    return rest;
  };
  return { path, got: messages.map(own) };
}

/** Sends one message with these properties on each path. */
export function arrivals(properties: WireProperties): readonly Arrival[] {
  return Object.entries(paths).flatMap(([path, deliver]) =>
    [false, true].map((alias) => {
      const rig = openRig();
      return arrival(`${path}${alias ? ', published under an alias' : ''}`, publishes(deliver(rig, publishing(rig, properties, alias))));
    }),
  );
}

/** As `arrivals` shows a message that came through as it was sent. */
export const unaltered = (properties: WireProperties): readonly Arrival[] =>
  Object.keys(paths).flatMap((path) => [path, `${path}, published under an alias`].map((each) => ({ path: each, got: [properties] })));

/** The same across a restart, for a queued and a retained message. */
export async function arrivalsAfterRestart(properties: WireProperties): Promise<readonly Arrival[]> {
  const house = new House();
  resumable(house.rig, 'sub').subscribe('t', { qos: 2 }).drop();
  publishing(house.rig, properties, true)(true);
  const rig = await house.restart();
  const queued = arrival('queued', publishes(resumable(rig, 'sub')));
  return [queued, arrival('retained', publishes(client(rig, 'late').subscribe('t')))];
}

export const unalteredAfterRestart = (properties: WireProperties): readonly Arrival[] => [
  { path: 'queued', got: [properties] },
  { path: 'retained', got: [properties] },
];
