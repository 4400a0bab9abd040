/** The hooks of a broker by kind, in the order in which they are asked: its options first, then plugins as they came. */
import { BrokerError } from '../errors/errors.js';
import type { Registered } from './hook-calls.js';
import type { HookName, Hooks, Plugin } from './hooks.js';

type AllHooks = Required<Omit<Plugin, 'name'>>;
/** What is asked, by kind; replaced whole when it changes, so that a question under way keeps to its own. */
export type HookChains = { readonly [K in HookName]: readonly Registered<AllHooks[K]>[] };

export const hookNames = ['authenticate', 'authorize', 'takeover', 'onConnect', 'onPublish', 'onSubscribe'] as const;

export class Plugins {
  chains: HookChains;
  /** Raised by every change. */
  generation = 0;
  private readonly options: Hooks;
  private plugins: readonly Plugin[] = [];

  constructor(options: Hooks) {
    this.options = options;
    this.chains = this.chain();
  }

  /** @returns what removes it again; @throws BrokerError `ODN_ERR_ARGUMENT` */
  add(given: Plugin): () => void {
    const plugin = checked(given);
    if (this.plugins.some(({ name }) => name === plugin.name)) throw wrong(`there is a plugin ${plugin.name} already`);
    this.change([...this.plugins, plugin]);
    return () => {
      if (this.plugins.includes(plugin)) this.change(this.plugins.filter((other) => other !== plugin));
    };
  }

  private change(plugins: readonly Plugin[]): void {
    this.plugins = plugins;
    this.chains = this.chain();
    this.generation += 1;
  }

  private chain(): HookChains {
    const all: readonly (Partial<Plugin>)[] = [this.options, ...this.plugins];
    const ofKind = (kind: HookName): readonly Registered<unknown>[] =>
      all.flatMap(({ name: plugin, [kind]: hook }) => (hook === undefined ? [] : [{ hook, plugin }]));
    return Object.fromEntries(hookNames.map((kind) => [kind, ofKind(kind)])) as unknown as HookChains;
  }
}

/** A copy with its hooks bound, read once: what the host changes later changes nothing. */
function checked(given: Plugin): Plugin {
  if (typeof given !== 'object' || given === null) throw wrong('the plugin is not an object');
  const { name } = given;
  if (typeof name !== 'string' || name === '') throw wrong('the name of the plugin must be a string that is not empty');
  const hooks = hookNames.flatMap((kind) => {
    const hook: unknown = given[kind];
    if (hook === undefined) return [];
    if (typeof hook !== 'function') throw wrong(`${kind} of plugin ${name} is a ${typeof hook}; it must be a function`);
    return [[kind, hook.bind(given) as unknown] as const];
  });
  // A misspelt hook would decide nothing. An instance of a class may have members of its own.
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(given) as object | null);
  const unknown = Object.keys(given).find((key) => key !== 'name' && !(hookNames as readonly string[]).includes(key));
  if (isPlain && unknown !== undefined) throw wrong(`plugin ${name} has ${unknown}; the hooks are ${hookNames.join(', ')}`);
  if (hooks.length === 0) throw wrong(`plugin ${name} has no hook; there are ${hookNames.join(', ')}`);
  return Object.freeze({ name, ...Object.fromEntries(hooks) });
}

const wrong = (message: string): BrokerError => new BrokerError('ODN_ERR_ARGUMENT', message);
