/**
 * What hooks may answer, checked: turns a host's answer into a verdict the core can rely on, or into
 * `undefined` when it is nonsense (which the runner reports, and denies). Pure.
 */
import { ReasonCode } from '../packet/reason-code.js';
import { textProblem } from '../packet/utf8.js';
import type { AuthenticateVerdict, ClientLimits, Verdict } from './hooks.js';

type Fields = Readonly<Record<string, unknown>>;
type ChallengeNext = Extract<AuthenticateVerdict, { action: 'challenge' }>['next'];
type Check = (value: unknown) => boolean;

const verdict = (reasonCode: number, cache: boolean): Verdict =>
  Object.freeze({ reasonCode, reasonString: undefined, cache });

/** The verdicts that nearly every answer comes to, shared. */
export const allowed = verdict(ReasonCode.success, false);
export const denied = verdict(ReasonCode.notAuthorized, false);
export const allowedCached = verdict(ReasonCode.success, true);
const deniedCached = verdict(ReasonCode.notAuthorized, true);

/** Refusals that PUBACK, PUBREC or SUBACK can carry in some way; the core maps them to the packet at hand. */
const authorizeCodes: ReadonlySet<number> = new Set<number>([
  ReasonCode.unspecifiedError,
  ReasonCode.implementationSpecificError,
  ReasonCode.notAuthorized,
  ReasonCode.topicNameInvalid,
  ReasonCode.quotaExceeded,
  ReasonCode.payloadFormatInvalid, // X5-3.3.2.3.2-1
]);

/** Reads the answer of `authorize`. */
export function readAuthorizeAnswer(answer: unknown): Verdict | undefined {
  if (answer === true) return allowed;
  if (answer === false) return denied;
  if (typeof answer !== 'object' || answer === null) return undefined;
  const { action, cache, reasonCode: code, reasonString } = answer as Fields;
  if (!isOptionalBoolean(cache)) return undefined;
  if (action === 'allow') return cache === true ? allowedCached : allowed;
  if (action !== 'deny' || !isOptionalNumber(code) || !isOptionalText(reasonString)) return undefined;
  // v5 [MQTT-3.4.2-1] [MQTT-3.5.2-1]
  const reasonCode = code !== undefined && authorizeCodes.has(code) ? code : ReasonCode.notAuthorized;
  if (reasonString === undefined && reasonCode === ReasonCode.notAuthorized) {
    return cache === true ? deniedCached : denied;
  }
  return Object.freeze({ reasonCode, reasonString, cache: cache === true });
}

/**
 * What a refused authentication may say: CONNACK codes (v5 3.2.2.2) at CONNECT, DISCONNECT codes
 * (v5 3.14.2.1) when a client that is connected authenticates again.
 */
export interface DenyCodes {
  readonly legal: ReadonlySet<number>;
  /** When the hook names none: 0x86 when a user name or password was given to CONNECT, else 0x87. */
  readonly unnamed: number;
}

/** Legal in both CONNACK and DISCONNECT. */
const sharedDenyCodes = [0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f];
const connackDenyCodes = new Set([...sharedDenyCodes, 0x84, 0x85, 0x86, 0x88, 0x8a, 0x8c]);
const onlyDisconnectDenyCodes = [0x8b, 0x8d, 0x8e, 0x8f, 0x93, 0x94, 0x96, 0x98, 0x9e, 0xa0, 0xa1, 0xa2];
const disconnectDenyCodes = new Set([...sharedDenyCodes, ...onlyDisconnectDenyCodes]); // v5 [MQTT-3.14.2-1]

export const connectDeny: DenyCodes = { legal: connackDenyCodes, unnamed: ReasonCode.notAuthorized };
export const credentialsDeny: DenyCodes = { legal: connackDenyCodes, unnamed: ReasonCode.badUserNameOrPassword };
export const reauthenticateDeny: DenyCodes = { legal: disconnectDenyCodes, unnamed: ReasonCode.notAuthorized };

/** No principal: the core takes the user name. */
export const allowedIn: AuthenticateVerdict = Object.freeze({ action: 'allow' });
const denials = new Map(
  [...connackDenyCodes, ...disconnectDenyCodes].map((reasonCode): [number, AuthenticateVerdict] => [
    reasonCode,
    Object.freeze({ action: 'deny', reasonCode }),
  ]),
);
/** A hook that failed: Implementation specific error, legal in CONNACK and DISCONNECT. */
export const failedIn = denials.get(ReasonCode.implementationSpecificError) as AuthenticateVerdict;
/** Too many questions are out: Server busy, legal in both too. */
export const busyIn = denials.get(ReasonCode.serverBusy) as AuthenticateVerdict;

/** Reads the answer of `authenticate`, or of a challenge's `next`. A deny always comes out with a legal `reasonCode`. */
export function readAuthenticateAnswer(answer: unknown, deny: DenyCodes): AuthenticateVerdict | undefined {
  if (answer === true) return allowedIn;
  if (answer === false) return denials.get(deny.unnamed);
  const action = typeof answer === 'object' && answer !== null && 'action' in answer ? answer.action : undefined;
  if (action === 'allow') {
    const fields = fieldsOf(answer, allowChecks);
    return fields && (Object.freeze({ ...fields, action }) as AuthenticateVerdict);
  }
  if (action === 'challenge') {
    const fields = fieldsOf(answer, challengeChecks);
    if (fields === undefined) return undefined;
    const next = (fields['next'] as ChallengeNext).bind(answer);
    return Object.freeze({ ...fields, action, next }) as AuthenticateVerdict;
  }
  const fields = action === 'deny' ? fieldsOf(answer, denyChecks) : undefined;
  if (fields === undefined) return undefined;
  const { reasonCode: code = deny.unnamed, ...details } = fields as { readonly reasonCode?: number };
  const reasonCode = deny.legal.has(code) ? code : ReasonCode.notAuthorized; // v5 [MQTT-3.2.2-8]
  return Object.freeze({ ...details, action: 'deny', reasonCode });
}

const isOptionalBoolean = (value: unknown): value is boolean | undefined =>
  value === undefined || typeof value === 'boolean';
const isOptionalNumber = (value: unknown): value is number | undefined =>
  value === undefined || (typeof value === 'number' && !Number.isNaN(value));
const isOptionalString = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string';
/** Text that can be sent: a lone surrogate or U+0000 could not. */
const isText = (value: unknown): value is string => typeof value === 'string' && textProblem(value, false) === 0; // v5 [MQTT-1.5.4-1] [MQTT-1.5.4-2]
const isOptionalText = (value: unknown): value is string | undefined => value === undefined || isText(value);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const isBytes: Check = (value) => value instanceof Uint8Array;
const isUserProperties: Check = (value) =>
  Array.isArray(value) &&
  value.every((pair: unknown) => Array.isArray(pair) && pair.length === 2 && pair.every(isText));
const isCount: Check = (value) => value === Infinity || (Number.isSafeInteger(value) && (value as number) >= 0);
const isUint16: Check = (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 0xffff;

const limitChecks = {
  sessionExpirySecondsMax: optional(isCount),
  keepAliveSecondsMax: optional((value) => value === Infinity || isUint16(value)),
  receiveMaximum: optional(isUint16),
  inflightMax: optional(isUint16),
  queueMessagesMax: optional(isCount),
  queueBytesMax: optional(isCount),
  outboundBytesMax: optional(isCount),
  subscriptionsMax: optional(isCount),
  maximumQoS: optional((value) => value === 0 || value === 1 || value === 2),
  retainAvailable: isOptionalBoolean,
} satisfies Record<keyof ClientLimits, Check>;

/** A misspelt limit would limit nothing, so a name we do not know is nonsense too. */
const isLimits: Check = (value) =>
  fieldsOf(value, limitChecks) !== undefined && Object.keys(value as object).every((name) => name in limitChecks);

const allowChecks = {
  principal: isOptionalString,
  limits: optional(isLimits),
  expiresAtMs: isOptionalNumber,
  authenticationData: optional(isBytes),
  userProperties: optional(isUserProperties),
  responseInformation: isOptionalText,
} satisfies Record<string, Check>;

const denyChecks = {
  reasonCode: isOptionalNumber,
  reasonString: isOptionalText,
  userProperties: optional(isUserProperties),
  serverReference: isOptionalText,
} satisfies Record<string, Check>;

const challengeChecks = {
  data: optional(isBytes),
  next: (value) => typeof value === 'function',
} satisfies Record<string, Check>;

/**
 * The fields of `checks` that `value` has, read once each; `undefined` when it is no object or one of them
 * is of the wrong type.
 */
function fieldsOf(value: unknown, checks: Readonly<Record<string, Check>>): Fields | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields: Record<string, unknown> = {};
  for (const [name, check] of Object.entries(checks)) {
    const field = (value as Fields)[name];
    if (!check(field)) return undefined;
    if (field !== undefined) fields[name] = field;
  }
  return fields;
}
