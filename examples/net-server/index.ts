/**
 * MQTT on a `net.Server` of your own: you keep the server, the broker takes each socket.
 * Start: npm run build && npx tsx examples/net-server/index.ts
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createBroker } from 'odonata';

export async function main(port = 1883) {
  const broker = createBroker();

  // The application speaks through the same broker, without a connection of its own.
  broker.on('clientReady', (client) => void broker.publish(`clients/${client.id}`, 'online', { retain: true }));
  broker.on('clientDisconnected', (client) => void broker.publish(`clients/${client.id}`, 'offline', { retain: true }));
  broker.subscribe('sensors/+/celsius', async (message) => {
    const room = message.topic.split('/')[1];
    const fahrenheit = Number(message.text()) * 1.8 + 32;
    await broker.publish(`sensors/${room}/fahrenheit`, fahrenheit.toFixed(1), { qos: 1 });
  });

  const server = createServer(broker.handle);
  server.listen(port, '127.0.0.1'); // your server, so you decide who can reach it
  await once(server, 'listening');
  return { broker, server };
}

if (process.argv[1] === import.meta.filename) {
  const { broker, server } = await main();
  console.log('mqtt://127.0.0.1:1883');
  process.once('SIGINT', () => {
    server.close(); // no new sockets
    void broker.close(); // tells the clients, then lets go of theirs
  });
}
