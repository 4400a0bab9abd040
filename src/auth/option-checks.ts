/** Checks what a host gives to a piece of `odonata/auth`: every fault is an error that names option, value and range. */
import { BrokerError } from '../errors/errors.js';

export interface NumberRange {
  readonly min: number;
  readonly max: number;
  /** Fractions are legal, and so is `Infinity` when `max` is. */
  readonly fraction?: boolean;
}

/** @throws BrokerError ODN_ERR_OPTION */
export function checkNumber(of: string, name: string, value: number, { min, max, fraction = false }: NumberRange): number {
  const isLegal = typeof value === 'number' && value >= min && value <= max && (fraction || Number.isSafeInteger(value));
  if (isLegal) return value;
  throw illegalOption(of, name, value, `${fraction ? 'a number' : 'an integer'} from ${min} to ${max}`);
}

/**
 * `options` are an object and have no other names: a misspelt one would do nothing.
 * @throws BrokerError ODN_ERR_OPTION
 */
export function checkNames(of: string, options: object, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new BrokerError('ODN_ERR_OPTION', `${of}: the options are ${shown(options)}; they must be an object`);
  }
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    throw new BrokerError('ODN_ERR_OPTION', `${of}: there is no option ${name}; there are ${names.join(', ')}`);
  }
}

/** @throws BrokerError ODN_ERR_OPTION */
export function checkFunction(of: string, name: string, value: unknown): void {
  if (typeof value !== 'function') throw illegalOption(of, name, value, 'a function');
}

export const illegalOption = (of: string, name: string, value: unknown, legal: string): BrokerError =>
  new BrokerError('ODN_ERR_OPTION', `${of}: ${name} is ${shown(value)}; it must be ${legal}`);

/** A value as a message shows it: short, and never the inside of an object. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 100)}'`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
