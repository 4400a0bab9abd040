/**
 * The two kinds of error: the host's (`BrokerError`, branch on `code`) and the peer's
 * (`PeerProtocolError`, answered on the wire and then the connection closes).
 */
import type { ErrorCode } from './codes.js';

const brand = Symbol.for('odonata.BrokerError');

/**
 * An error of the host's making, or of its disk or network: bad options, a closed broker, a failed store.
 * Branch on `code`; the message states the value and the limit. The class may differ between the ESM and
 * the CommonJS copy of this package, so test with {@link isBrokerError}, not with `instanceof`.
 * @public
 */
export class BrokerError extends Error {
  /** Always `BrokerError`. */
  override readonly name: string = 'BrokerError';
  /** Stable code, e.g. `ODN_ERR_OPTION`. */
  readonly code: ErrorCode;
  /** With `ODN_ERR_REFUSED` the MQTT 5.0 reason code of the refusal, else `undefined`. */
  readonly reasonCode: number | undefined;

  /** `options` may have a `cause`, as for any `Error`, and a `reasonCode`. */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { readonly reasonCode?: number }) {
    super(message, options);
    this.code = code;
    this.reasonCode = options?.reasonCode;
    Object.defineProperty(this, brand, { value: true });
  }
}

/** Whether `error` is a {@link BrokerError} of this or another copy of the package. @public */
export function isBrokerError(error: unknown): error is BrokerError {
  return typeof error === 'object' && error !== null && brand in error;
}

/**
 * The peer broke the protocol: the broker answers with `reasonCode` where the version allows it and closes
 * that connection; nobody else is disturbed.
 * @public
 */
export class PeerProtocolError extends Error {
  /** Always `PeerProtocolError`. */
  override readonly name: string = 'PeerProtocolError';
  /** Always `ODN_ERR_PEER_PROTOCOL`. */
  readonly code: ErrorCode = 'ODN_ERR_PEER_PROTOCOL';

  /** MQTT 5.0 Reason Code, 0x80 or above. */
  readonly reasonCode: number;
  /** The statement of the specification that was broken, e.g. `MQTT-3.1.0-2`. */
  readonly statement: string;

  /** `message` states the value and what is legal. */
  constructor(reasonCode: number, statement: string, message: string) {
    super(message);
    this.reasonCode = reasonCode;
    this.statement = statement;
  }
}
