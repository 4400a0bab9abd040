/** One server under load: `odonata` (the built package) or `raw`, a forwarder that answers the handshake by rote. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createBroker } from 'odonata';

async function serve(target: string | undefined): Promise<number> {
  if (target === 'odonata') return (await createBroker().listen({ port: 0 })).port;
  const subscribers = new Map<string, Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    let id = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      if (id.startsWith('p')) subscribers.get(`s${id.slice(1)}`)?.write(chunk);
      else if (chunk[0] === 0x10) {
        id = chunk.toString('latin1', 14);
        if (id.startsWith('s')) subscribers.set(id, socket);
        socket.write(Buffer.from([0x20, 2, 0, 0]));
      } else if (chunk[0] === 0x82) socket.write(Buffer.from([0x90, 3, 0, 1, 0]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

console.log(await serve(process.argv[2]));
