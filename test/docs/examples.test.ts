/**
 * Goal: each example does what it says. Method: run its `main` on port 0 and look at it from outside, with MQTT.js
 * and fetch.
 */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { main as customAuth } from '../../examples/custom-auth/index.js';
import { main as expressApp } from '../../examples/express/index.js';
import { main as fastifyApp } from '../../examples/fastify/index.js';
import { main as inProcessTest } from '../../examples/in-process-test/index.js';
import { main as netServer } from '../../examples/net-server/index.js';
import { main as websocketPage } from '../../examples/websocket-page/index.js';
import { closeAll, connect, portOf, started } from './support.js';

afterEach(async () => {
  await closeAll();
  jest.restoreAllMocks();
});

const json = { 'content-type': 'application/json' };

test('net-server: clients of your own net.Server, and an application that takes part', async () => {
  const { server } = started(await netServer(0));
  const url = `mqtt://127.0.0.1:${portOf(server)}`;
  const sensor = await connect(url, { clientId: 'sensor', protocolVersion: 4 });
  const display = await connect(url, { clientId: 'display' });
  await display.mqtt.subscribeAsync('sensors/+/fahrenheit', { qos: 1 });
  await sensor.mqtt.publishAsync('sensors/kitchen/celsius', '21', { qos: 1 });
  expect(await display.next()).toBe('sensors/kitchen/fahrenheit 69.8');

  await display.mqtt.subscribeAsync('clients/sensor');
  expect(await display.next()).toBe('clients/sensor online');
  await sensor.mqtt.endAsync();
  expect(await display.next()).toBe('clients/sensor offline');
});

describe('express', () => {
  test('HTTP and MQTT share the port and the lamps', async () => {
    const { server } = started(await expressApp(0));
    const port = portOf(server);
    const lampUrl = `http://127.0.0.1:${port}/lamps/kitchen`;
    expect((await fetch(lampUrl)).status).toBe(404);
    const lamp = await connect(`ws://127.0.0.1:${port}/mqtt`);
    await lamp.mqtt.subscribeAsync('lamps/kitchen', { qos: 1 });
    const put = await fetch(lampUrl, { method: 'PUT', headers: json, body: '{"on":true}' });
    expect(put.status).toBe(204);
    expect(await lamp.next()).toBe('lamps/kitchen {"on":true}');
    expect(await (await fetch(lampUrl)).json()).toEqual({ on: true });
  });

  test('a lamp whose name makes no topic is the caller’s fault', async () => {
    const { server } = started(await expressApp(0));
    const put = await fetch(`http://127.0.0.1:${portOf(server)}/lamps/+`, { method: 'PUT', headers: json, body: '{}' });
    expect(put.status).toBe(400);
    expect(await put.json()).toEqual({ error: expect.stringContaining('wildcard') });
  });
});

test('fastify: an HTTP view of MQTT clients, and the app closes while they are connected', async () => {
  const { app } = started(await fastifyApp(0));
  const port = portOf(app.server);
  const http = `http://127.0.0.1:${port}/clients`;
  const robot = await connect(`ws://127.0.0.1:${port}/mqtt`, { clientId: 'robot' });
  expect(await (await fetch(http)).json()).toEqual([{ id: 'robot', protocolVersion: 5, address: '127.0.0.1' }]);

  await robot.mqtt.subscribeAsync('commands/robot', { qos: 1 });
  const post = (id: string) => fetch(`${http}/${id}/commands`, { method: 'POST', headers: json, body: '{"go":1}' });
  expect((await post('nobody')).status).toBe(404);
  expect((await post('robot')).status).toBe(202);
  expect(await robot.next()).toBe('commands/robot {"go":1}');

  const left = new Promise<number | undefined>((resolve) => robot.mqtt.once('disconnect', ({ reasonCode }) => resolve(reasonCode)));
  expect((await fetch(`${http}/robot`, { method: 'DELETE' })).status).toBe(204);
  expect(await left).toBe(0x98);

  // A client that is still there does not hold up `app.close()`.
  await connect(`ws://127.0.0.1:${port}/mqtt`, { clientId: 'late' });
});

describe('custom-auth', () => {
  const device = (name: string, password = `secret-${name.at(-1)}`) => ({ clientId: name, username: name, password });

  test('a wrong password and a borrowed identifier are refused', async () => {
    const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    const { url } = started(await customAuth(0));
    await expect(connect(url, device('sensor-1', 'guess'))).rejects.toMatchObject({ code: 0x86 });
    await expect(connect(url, { clientId: 'x', protocolVersion: 4 })).rejects.toMatchObject({ code: 5 });
    await expect(connect(url, { ...device('sensor-1'), clientId: 'sensor-2' })).rejects.toMatchObject({ code: 0x85 });
    expect(log.mock.calls).toEqual([['refused sensor-1: 134'], ['refused x: 135'], ['refused sensor-2: 133']]);
  });

  test('a device has its own topics, the operator sees all and commands', async () => {
    const { url } = started(await customAuth(0));
    const sensor = await connect(url, device('sensor-1'));
    const operator = await connect(url, { username: 'olga', password: 'secret-3' });
    await operator.mqtt.subscribeAsync('devices/#', { qos: 1 });
    await sensor.mqtt.publishAsync('devices/sensor-1/temperature', '21', { qos: 1 });
    expect(await operator.next()).toBe('devices/sensor-1/temperature 21');

    await expect(sensor.mqtt.publishAsync('devices/sensor-2/temperature', '99', { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
    await expect(sensor.mqtt.subscribeAsync('#')).rejects.toThrow('Not authorized');
    await sensor.mqtt.subscribeAsync('commands/sensor-1/#');
    await operator.mqtt.publishAsync('commands/sensor-1/reset', 'now', { qos: 1 });
    expect(await sensor.next()).toBe('commands/sensor-1/reset now');
  });
});

test('in-process-test: the application under test is driven without a port', async () => {
  const { broker, client } = started(await inProcessTest());
  expect(client.connected).toBe(true);
  expect(broker.stats()).toMatchObject({ clients: 1, connectionsOpened: 1, publishReceived: 5 });
});

describe('websocket-page', () => {
  test('serves the page and the library it asks for', async () => {
    const { server } = started(await websocketPage(0));
    const url = `http://127.0.0.1:${portOf(server)}`;
    const page = await fetch(url);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const [, library] = /<script src="([^"]+)"/.exec(await page.text()) ?? [];
    const script = await fetch(`${url}${library}`);
    expect(script.headers.get('content-type')).toMatch(/^text\/javascript/);
    expect(await script.text()).toContain('mqtt');
    expect((await fetch(`${url}/index.ts`)).status).toBe(404);
  });

  test('two windows chat; other topics and other origins are refused', async () => {
    const { server } = started(await websocketPage(0));
    const host = `127.0.0.1:${portOf(server)}`;
    const from = (origin: string) => ({ wsOptions: { headers: { origin } } });
    const one = await connect(`ws://${host}/mqtt`, from(`http://${host}`));
    await one.mqtt.subscribeAsync('chat/#', { qos: 1 });
    expect(await one.next()).toBe('chat/welcome Write something.');
    const other = await connect(`ws://${host}/mqtt`, from(`http://${host}`));
    await other.mqtt.publishAsync('chat/all', 'hello', { qos: 1 });
    expect(await one.next()).toBe('chat/all hello');
    await expect(one.mqtt.subscribeAsync('$SYS/#')).rejects.toThrow('Not authorized');
    await expect(connect(`ws://${host}/mqtt`, from('http://evil.example'))).rejects.toMatchObject({ code: 0x87 });
  });
});

test.each(['net-server', 'express', 'fastify', 'custom-auth', 'in-process-test', 'websocket-page'])(
  '%s is 20 to 60 lines long',
  (name) => {
    const lines = readFileSync(new URL(`../../examples/${name}/index.ts`, import.meta.url), 'utf8').trimEnd().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(20);
    expect(lines.length).toBeLessThanOrEqual(60);
  },
);
