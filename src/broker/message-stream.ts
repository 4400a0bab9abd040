/** Messages of an inbox as an async iterable, or fed to a callback one after the other. */
import type { BrokerMessage } from './broker-message.js';
import type { Inbox, Received } from './inbox.js';

/** What a callback gets; while a promise it returns is pending, the next message waits. @public */
export type MessageListener = (message: BrokerMessage) => unknown;

type Result = IteratorResult<BrokerMessage, undefined>;
interface Asking {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

export class MessageStream implements AsyncIterableIterator<BrokerMessage, undefined> {
  private readonly asking: Asking[] = [];
  /** Given out and not yet acknowledged. */
  private given: Received | undefined = undefined;
  private ended = false;
  private failure: Error | undefined = undefined;
  private running = false;
  private readonly inbox: () => Inbox;
  private readonly onReturn: () => void;
  private readonly listener: MessageListener | undefined;
  private readonly onListenerError: (error: unknown) => void;

  constructor(
    inbox: () => Inbox,
    listener: MessageListener | undefined,
    onReturn: () => void,
    onListenerError: (error: unknown) => void,
  ) {
    this.inbox = inbox;
    this.listener = listener;
    this.onReturn = onReturn;
    this.onListenerError = onListenerError;
  }

  /** Whether no more messages come. */
  get isEnded(): boolean {
    return this.ended;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    this.acknowledge();
    if (this.failure !== undefined) return Promise.reject(this.failure);
    if (this.ended) return Promise.resolve({ done: true, value: undefined });
    const received = this.asking.length === 0 ? this.inbox().take() : undefined;
    if (received !== undefined) return Promise.resolve(this.give(received));
    return new Promise((resolve, reject) => this.asking.push({ resolve, reject }));
  }

  return(): Promise<Result> {
    this.acknowledge();
    this.onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Something has come. */
  wake(): void {
    if (this.listener !== undefined) return this.run(this.listener);
    while (this.asking.length > 0) {
      this.acknowledge();
      const received = this.inbox().take();
      if (received === undefined) return;
      this.asking.shift()?.resolve(this.give(received));
    }
  }

  /** No more messages come; whoever asks is told the `failure`, if there is one. */
  end(failure: Error | undefined): void {
    if (this.ended) return;
    this.ended = true;
    this.given = undefined;
    this.failure = failure;
    for (const { resolve, reject } of this.asking.splice(0)) {
      if (failure === undefined) resolve({ done: true, value: undefined });
      else reject(failure);
    }
  }

  private give(received: Received): Result {
    this.given = received;
    return { done: false, value: received.message };
  }

  private acknowledge(): void {
    const { given } = this;
    this.given = undefined;
    if (given !== undefined) this.inbox().acknowledge(given);
  }

  private run(listener: MessageListener): void {
    if (this.running) return;
    this.running = true;
    for (let received = this.inbox().take(); received !== undefined && !this.ended; received = this.inbox().take()) {
      const pending = this.call(listener, received);
      if (pending === undefined) continue;
      const current = received;
      void pending.then(() => {
        this.running = false;
        if (this.ended) return;
        this.inbox().acknowledge(current);
        this.wake();
      });
      return;
    }
    this.running = false;
  }

  /** Returns a promise only if the listener did; a failure is reported and counts as settled. */
  private call(listener: MessageListener, received: Received): Promise<void> | undefined {
    try {
      const returned: unknown = listener(received.message);
      if (returned instanceof Promise) return returned.then(() => undefined, this.onListenerError);
    } catch (error) {
      this.onListenerError(error);
    }
    this.inbox().acknowledge(received);
    return undefined;
  }
}
