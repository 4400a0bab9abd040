/**
 * The signal of one asynchronous hook call: fires when the client goes away or the hook's deadline passes,
 * whichever is first. Nothing is allocated or listened to until the hook asks for it.
 */

export class HookSignal {
  private readonly client: { readonly signal: AbortSignal };
  private controller: AbortController | undefined = undefined;
  private ended = false;

  /** @param client - has the client's own signal, which is read when the hook first asks. */
  constructor(client: { readonly signal: AbortSignal }) {
    this.client = client;
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      const client = this.client.signal;
      if (client.aborted) this.onClientGone();
      else if (!this.ended) client.addEventListener('abort', this.onClientGone, { once: true });
    }
    return this.controller.signal;
  }

  /** The deadline has passed. */
  expire(reason: Error): void {
    this.end();
    // A hook that first asks for its signal now learns of the deadline too.
    (this.controller ??= new AbortController()).abort(reason);
  }

  /** The hook has answered: the signal has nothing more to say, and the client's signal forgets about it. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.controller !== undefined) this.client.signal.removeEventListener('abort', this.onClientGone);
  }

  private readonly onClientGone = (): void => {
    this.controller?.abort(this.client.signal.reason);
  };
}
