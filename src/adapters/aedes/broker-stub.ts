/**
 * What stands for an Aedes broker before a persistence: a name and a small message bus, which the redis and mongodb
 * siblings tell themselves of subscriptions with, and wait for.
 */
import { EventEmitter } from 'node:events';

type Packet = { readonly topic: string };
type Handler = (packet: Packet, done: () => void) => void;
type Done = (error?: Error | null) => void;

export class BrokerStub extends EventEmitter {
  readonly id: string;
  counter = 0;
  /** Some persistences ask for the bus itself. */
  readonly mq = this;
  private readonly handlers = new Map<string, Set<Handler>>();

  constructor(id: string) {
    super();
    this.id = id;
  }

  publish(packet: Packet, done: Done = noop): void {
    for (const [pattern, handlers] of this.handlers) {
      if (!matches(pattern, packet.topic)) continue;
      for (const handler of [...handlers]) handler(packet, noop);
    }
    done(null);
  }

  subscribe(pattern: string, handler: Handler, done: Done = noop): void {
    let handlers = this.handlers.get(pattern);
    if (handlers === undefined) this.handlers.set(pattern, (handlers = new Set()));
    handlers.add(handler);
    done(null);
  }

  unsubscribe(pattern: string, handler: Handler, done: Done = noop): void {
    this.handlers.get(pattern)?.delete(handler);
    done(null);
  }
}

const noop = (): void => undefined;

/** Persistences use patterns of their own making: levels and `+`. */
function matches(pattern: string, topic: string): boolean {
  const levels = topic.split('/');
  const wanted = pattern.split('/');
  return wanted.length === levels.length && wanted.every((level, index) => level === '+' || level === levels[index]);
}
