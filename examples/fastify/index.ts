/**
 * MQTT over WebSocket beside a Fastify app, on the same port, and an HTTP view of who is connected.
 * Start: npm run build && npx tsx examples/fastify/index.ts
 */
import fastify from 'fastify';
import { createBroker, ReasonCode } from 'odonata';

export async function main(port = 3000) {
  const broker = createBroker();
  const app = fastify();

  app.get('/clients', () =>
    [...broker.clients.values()].map(({ id, protocolVersion, connection }) => ({
      id,
      protocolVersion,
      address: connection.remoteAddress,
    })),
  );

  app.post<{ Params: { id: string }; Body: unknown }>('/clients/:id/commands', async (request, reply) => {
    if (!broker.clients.has(request.params.id)) return reply.code(404).send({ error: 'not connected' });
    await broker.publish(`commands/${request.params.id}`, JSON.stringify(request.body), { qos: 1 });
    return reply.code(202).send();
  });

  app.delete<{ Params: { id: string } }>('/clients/:id', async (request, reply) => {
    broker.clients.get(request.params.id)?.close(ReasonCode.administrativeAction, 'removed by an operator');
    return reply.code(204).send();
  });

  broker.attach(app.server, { path: '/mqtt' });
  // Before Fastify waits for its connections to end: it would wait for MQTT clients too.
  app.addHook('preClose', () => broker.close());
  await app.listen({ port, host: '127.0.0.1' });
  return { broker, app };
}

if (process.argv[1] === import.meta.filename) {
  const { app } = await main();
  console.log('http://127.0.0.1:3000/clients, ws://127.0.0.1:3000/mqtt');
  process.once('SIGINT', () => void app.close());
}
