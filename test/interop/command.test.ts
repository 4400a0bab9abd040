/** The `odonata` command as a process, and clients of three makers on it at once. */
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import { closeAll, run, start, type Program } from './support.js';

const root = join(import.meta.dirname, '..', '..');
const clients: MqttClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true);
  await closeAll();
});

/** Runs from the sources: no build is needed. */
function odonata(...args: readonly string[]): Program {
  return start(process.execPath, '--import', 'tsx', join(root, 'src', 'cli.ts'), ...args);
}

async function clientOf(url: string, options: object = {}): Promise<MqttClient> {
  const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0, ...options });
  clients.push(client);
  return client;
}

const nextMessage = (client: MqttClient): Promise<string> =>
  new Promise((resolve) => client.once('message', (topic, payload) => resolve(`${topic} ${payload.toString()}`)));

test('mosquitto_pub, MQTT.js over TCP and MQTT.js over WebSocket talk through it', async () => {
  const command = odonata('--port', '0', '--ws-port', '0');
  const url = await command.out.find(/^mqtt:/);
  const subscribers = [await clientOf(url), await clientOf(await command.out.find(/^ws:/))];
  for (const client of subscribers) await client.subscribeAsync('t', { qos: 2 });
  const heard = Promise.all(subscribers.map(nextMessage));
  const published = await run('mosquitto_pub', '-h', '127.0.0.1', '-p', new URL(url).port, '-q', '2', '-t', 't', '-m', 'hello');
  expect(published.code).toBe(0);
  expect(await heard).toEqual(['t hello', 't hello']);
});

test('the authenticate hook of its config decides over mosquitto_pub', async () => {
  const command = odonata('--port', '0', '--config', join(import.meta.dirname, 'users.mjs'));
  const { port } = new URL(await command.out.find(/^mqtt:/));
  const publish = (password: string): ReturnType<typeof run> =>
    run('mosquitto_pub', '-h', '127.0.0.1', '-p', port, '-u', 'alice', '-P', password, '-q', '1', '-t', 't', '-m', 'm');
  expect((await publish('secret')).code).toBe(0);
  expect((await publish('wrong')).code).not.toBe(0);
});

test('SIGTERM tells clients that the server shuts down, and it ends with 0', async () => {
  const command = odonata('--port', '0', '--ws-port', '0');
  const connected = [await clientOf(await command.out.find(/^mqtt:/)), await clientOf(await command.out.find(/^ws:/))];
  const told = connected.map((client) => new Promise((resolve) => void client.once('disconnect', resolve)));
  command.kill('SIGTERM');
  for (const packet of await Promise.all(told)) expect(packet).toMatchObject({ reasonCode: 0x8b });
  expect((await command.ended).code).toBe(0);
});
