/** A page in headless Chromium that speaks MQTT over WebSocket with MQTT.js's own browser bundle. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createBroker, type Broker } from 'odonata';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { main as websocketPage } from '../../examples/websocket-page/index.js';

/** Where Debian installs it; elsewhere CHROMIUM says where it is. */
const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const files: Readonly<Record<string, { readonly type: string; readonly bytes: Buffer }>> = {
  '/': { type: 'text/html', bytes: readFileSync(join(import.meta.dirname, 'page.html')) },
  '/mqtt.min.js': {
    type: 'text/javascript',
    bytes: readFileSync(createRequire(import.meta.url).resolve('mqtt/dist/mqtt.min')),
  },
};
const profile = mkdtempSync(join(tmpdir(), 'odonata-browser-'));

let browser: BrowserContext;
let server: Server;
let broker: Broker;
let page: Page;

beforeAll(async () => {
  const quiet = ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  browser = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args: ['--no-sandbox', ...quiet] });
});

afterAll(async () => {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
});

beforeEach(async () => {
  broker = createBroker({ closeGraceSeconds: 0.5 });
  server = createServer((request, response) => {
    const file = files[new URL(request.url ?? '/', 'http://localhost').pathname];
    if (file === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': file.type }).end(file.bytes);
  }).listen(0, '127.0.0.1');
  broker.attach(server, { path: '/mqtt' });
  await once(server, 'listening');
  page = await browser.newPage();
});

afterEach(async () => {
  await page.close();
  await broker.close();
  server.closeAllConnections();
  server.close();
});

async function open(version: number): Promise<void> {
  const { port } = server.address() as AddressInfo;
  await page.goto(`http://127.0.0.1:${port}/?version=${version}`);
}

/** The texts of the page's messages, once there are so many. */
async function messages(count: number): Promise<string[]> {
  const items = page.locator('#messages li');
  await items.nth(count - 1).waitFor();
  return items.allTextContents();
}

test.each([4, 5] as const)('protocol version %i: the page shows what it publishes, at QoS 0, 1 and 2', async (version) => {
  await open(version);
  expect(await messages(3)).toEqual(['page/0 at QoS 0: grüße', 'page/1 at QoS 1: grüße', 'page/2 at QoS 2: grüße']);
  const [client] = broker.clients.values();
  expect(client).toMatchObject({ protocolVersion: version, connection: { transport: 'ws' } });
  expect(client?.connection.upgrade?.headers['user-agent']).toContain('Chrome');
});

test('the page shows what the host publishes, and why it is disconnected', async () => {
  await open(5);
  await messages(3);
  await broker.publish('page/host', 'hello', { qos: 1 });
  expect((await messages(4)).at(-1)).toBe('page/host at QoS 1: hello');
  for (const client of broker.clients.values()) client.close(0x98);
  await page.locator('#state', { hasText: 'disconnected' }).waitFor();
  expect(await page.locator('#state').textContent()).toBe('disconnected with 152');
});

test('a page that goes away is noticed', async () => {
  await open(5);
  await messages(3);
  const left = new Promise((resolve) => void broker.once('clientDisconnected', resolve));
  await page.goto('about:blank');
  await left;
  expect(broker.clients.size).toBe(0);
});

test('examples/websocket-page: what is typed in one window shows in another', async () => {
  const example = await websocketPage(0);
  const other = await browser.newPage();
  try {
    const { port } = example.server.address() as AddressInfo;
    for (const window of [page, other]) {
      await window.goto(`http://127.0.0.1:${port}/`);
      await window.locator('#messages li').waitFor();
    }
    await page.locator('#text').fill('good <b>morning</b>');
    await page.locator('button').click();
    for (const window of [page, other]) {
      await window.locator('#messages li').nth(1).waitFor();
      const texts = await window.locator('#messages li').allTextContents();
      expect(texts).toEqual(['chat/welcome: Write something.', 'chat/all: good <b>morning</b>']);
    }
  } finally {
    await other.close();
    await example.broker.close();
    example.server.closeAllConnections();
    example.server.close();
  }
});
