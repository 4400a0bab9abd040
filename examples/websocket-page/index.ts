/**
 * A page that speaks MQTT from the browser, and the broker behind it, on one port.
 * Start: npm run build && npx tsx examples/websocket-page/index.ts, then open http://127.0.0.1:3000 in two windows
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createBroker } from 'odonata';

const page = new URL('index.html', import.meta.url);
/** MQTT.js as one file for browsers; a bundler would take it into yours. */
const mqttJs = createRequire(import.meta.url).resolve('mqtt/dist/mqtt.min');

export async function main(port = 3000) {
  const files = new Map([
    ['/', { type: 'text/html; charset=utf-8', body: await readFile(page) }],
    ['/mqtt.min.js', { type: 'text/javascript; charset=utf-8', body: await readFile(mqttJs) }],
  ]);
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? '');
    if (file === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': file.type }).end(file.body);
  });

  const broker = createBroker({
    // Browsers send their page's origin; without this check any page could connect to a broker on your machine.
    authenticate: ({ connection }) => {
      const { origin, host } = connection.upgrade?.headers ?? {};
      return origin === undefined || origin === `http://${String(host)}`;
    },
    authorize: (_client, { topic }) => topic === 'chat' || topic.startsWith('chat/'),
  });
  broker.attach(server, { path: '/mqtt' });
  await broker.publish('chat/welcome', 'Write something.', { retain: true });

  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { broker, server };
}

if (process.argv[1] === import.meta.filename) {
  const { broker, server } = await main();
  console.log('http://127.0.0.1:3000');
  process.once('SIGINT', () => {
    server.close();
    void broker.close();
  });
}
