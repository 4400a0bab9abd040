/** Whom a hook is asked about, for whatever it calls: kept in Node's asynchronous context (option `hookContext`). */
import { AsyncLocalStorage } from 'node:async_hooks';

/** The client that a hook is asked about. @public */
export interface HookContext {
  /** Client Identifier. */
  readonly clientId: string;
  /** Who `authenticate` says this is; `undefined` for an anonymous client, and while `authenticate` is asked. */
  readonly principal: string | undefined;
}

/** Made by the first broker with `hookContext: true`: without one Node tracks nothing. */
let storage: AsyncLocalStorage<HookContext> | undefined;

/**
 * The client that the hook at hand is asked about, in the hook itself and in what it awaits or calls; `undefined`
 * elsewhere, and in a broker without `hookContext: true`.
 * @public
 */
export function hookContext(): HookContext | undefined {
  return storage?.getStore();
}

/** Calls `run` inside the context of `subject`. */
export function inHookContext<T>(subject: HookContext, run: () => T): T {
  return (storage ??= new AsyncLocalStorage()).run(Object.freeze({ ...subject }), run);
}
