// Prints the CONNACK that a fresh broker answers with, closes the broker under the client, and must then exit.
import { connect } from 'node:net';
import { createBroker } from 'odonata';
import type * as aedes from 'odonata/aedes';
import type * as auth from 'odonata/auth';
import type * as level from 'odonata/level';
import type * as testing from 'odonata/testing';

/** Checks the declarations of the other entry points too. */
export type Others = readonly [typeof aedes, typeof auth, typeof level, typeof testing];

const broker = createBroker();
const { port }: { readonly port: number } = await broker.listen({ port: 0 });

const connack = await new Promise<Buffer>((resolve, reject) => {
  const socket = connect(port, '127.0.0.1');
  socket.on('data', resolve);
  socket.on('error', reject);
  socket.write(Buffer.from('100d 0004 4d515454 04 02 003c 0001 61'.replaceAll(' ', ''), 'hex')); // CONNECT, 3.1.1
});
await broker.close();

console.log(connack.toString('hex'));
