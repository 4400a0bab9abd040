/**
 * MQTT over WebSocket beside an Express app, on the same port: http://127.0.0.1:3000 and ws://127.0.0.1:3000/mqtt
 * Start: npm run build && npx tsx examples/express/index.ts
 */
import { once } from 'node:events';
import type { Server } from 'node:http';
import express, { type NextFunction, type Request, type Response } from 'express';
import { createBroker, isBrokerError } from 'odonata';

export async function main(port = 3000) {
  const broker = createBroker();
  const app = express();
  app.use(express.json());

  // What the lamp was last told, from the retained messages.
  app.get('/lamps/:lamp', async (request, response) => {
    const message = await broker.retained.get(`lamps/${request.params.lamp}`);
    if (message === undefined) response.sendStatus(404);
    else response.json(message.json());
  });

  // Tells the lamp, and every lamp that subscribes later.
  app.put('/lamps/:lamp', async (request, response) => {
    await broker.publish(`lamps/${request.params.lamp}`, JSON.stringify(request.body), { qos: 1, retain: true });
    response.sendStatus(204);
  });

  // A name such as `+` makes no legal topic: the caller's fault, not ours.
  app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (isBrokerError(error) && error.code === 'ODN_ERR_ARGUMENT') response.status(400).json({ error: error.message });
    else next(error);
  });

  const server: Server = app.listen(port, '127.0.0.1');
  broker.attach(server, { path: '/mqtt' });
  await once(server, 'listening');
  return { broker, server };
}

if (process.argv[1] === import.meta.filename) {
  const { broker, server } = await main();
  console.log('http://127.0.0.1:3000/lamps/kitchen, ws://127.0.0.1:3000/mqtt');
  process.once('SIGINT', () => {
    server.close();
    void broker.close();
  });
}
