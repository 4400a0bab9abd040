/** MQTT.js clients and whatever else a test of the documentation opens; `closeAll` ends them, newest first. */
import type { AddressInfo } from 'node:net';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';

/** What an example's `main` gives back. */
export interface Started {
  readonly broker?: { close(): Promise<void> };
  readonly server?: { close(done: () => void): unknown };
  readonly app?: { close(): Promise<void> | PromiseLike<void> };
  readonly client?: MqttClient;
}

const closes: (() => PromiseLike<unknown>)[] = [];

export async function closeAll(): Promise<void> {
  for (let close = closes.pop(); close !== undefined; close = closes.pop()) await close();
}

/** Notes what `main` has started, to be closed in the order that the examples show. */
export function started<T extends Started>(what: T): T {
  const { broker, server, app, client } = what;
  closes.push(async () => {
    await client?.endAsync(true);
    if (app !== undefined) return app.close();
    const serverClosed = server === undefined ? undefined : new Promise<void>((resolve) => void server.close(resolve));
    await broker?.close();
    return serverClosed;
  });
  return what;
}

export const portOf = (server: { address(): string | AddressInfo | null }): number =>
  (server.address() as AddressInfo).port;

/** An MQTT.js client and its messages as `topic payload`, in order. */
export class TestClient {
  readonly mqtt: MqttClient;
  readonly #messages: string[] = [];
  #asking: ((message: string) => void)[] = [];

  constructor(client: MqttClient) {
    this.mqtt = client;
    client.on('message', (topic, payload) => {
      const message = `${topic} ${payload.toString()}`;
      const asking = this.#asking.shift();
      if (asking === undefined) this.#messages.push(message);
      else asking(message);
    });
  }

  /** The next message. */
  next(): Promise<string> {
    const message = this.#messages.shift();
    return message === undefined ? new Promise((resolve) => this.#asking.push(resolve)) : Promise.resolve(message);
  }
}

/** Connects to `url`; rejects when the broker refuses. */
export async function connect(url: string, options: IClientOptions = {}): Promise<TestClient> {
  const client = await connectAsync(url, { reconnectPeriod: 0, protocolVersion: 5, ...options }, false);
  closes.push(() => client.endAsync(true));
  return new TestClient(client);
}
