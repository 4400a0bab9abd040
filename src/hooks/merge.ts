/** What several hooks that all let a client in come to: the narrowest of what they say. Pure. */
import type { AuthenticateVerdict, ClientLimits } from './hooks.js';

type Allowed = Extract<AuthenticateVerdict, { action: 'allow' }>;

/** `first` was answered before `next`: its principal, and what can be told only once, win. */
export function mergeAllowed(first: Allowed | undefined, next: Allowed): Allowed {
  if (first === undefined) return next;
  const limits = mergeLimits(first.limits, next.limits);
  const expiresAtMs = Math.min(first.expiresAtMs ?? Infinity, next.expiresAtMs ?? Infinity);
  const userProperties = [...(first.userProperties ?? []), ...(next.userProperties ?? [])];
  return Object.freeze({
    ...next,
    ...first,
    ...(limits !== undefined && { limits }),
    ...(expiresAtMs !== Infinity && { expiresAtMs }),
    ...(userProperties.length > 0 && { userProperties }),
  });
}

function mergeLimits(a: ClientLimits | undefined, b: ClientLimits | undefined): ClientLimits | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const limits: Record<string, number | boolean> = { ...a };
  for (const [name, value] of Object.entries(b) as [string, number | boolean | undefined][]) {
    const other = limits[name];
    if (value === undefined) continue;
    if (typeof value === 'boolean') limits[name] = value && other !== false;
    else limits[name] = typeof other === 'number' ? Math.min(other, value) : value;
  }
  return limits;
}
