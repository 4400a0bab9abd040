// Prints the CONNACK that a fresh broker answers with, closes the broker under the client, and must then exit.
const { mkdtempSync, rmSync } = require('node:fs');
const { connect } = require('node:net');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { createBroker } = require('odonata');
const { aedesStore } = require('odonata/aedes');
const { acl } = require('odonata/auth');
const { level } = require('odonata/level');

async function main() {
  const broker = createBroker();
  const listener = await broker.listen({ port: 0 });

  const connack = await new Promise((resolve, reject) => {
    const socket = connect(listener.port, '127.0.0.1');
    socket.on('data', resolve);
    socket.on('error', reject);
    socket.write(Buffer.from('100d 0004 4d515454 04 02 003c 0001 61'.replaceAll(' ', ''), 'hex')); // CONNECT, 3.1.1
  });
  await broker.close();

  // Each subpath loads, and a folder keeps what it is given.
  const folder = mkdtempSync(path.join(tmpdir(), 'odonata-consumer-'));
  try {
    const first = createBroker({ storage: level(folder), authorize: acl([]) });
    await first.publish('t', 'kept', { qos: 1, retain: true });
    await first.close();
    const second = createBroker({ storage: level(folder) });
    const kept = await second.retained.get('t');
    await second.close();
    if (kept?.text() !== 'kept' || typeof aedesStore !== 'function') throw new Error('not kept');
  } finally {
    rmSync(folder, { recursive: true });
  }

  console.log(connack.toString('hex'));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
