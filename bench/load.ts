/**
 * The load: `load.ts PORT QOS PAIRS MESSAGES [WINDOW] [SUBSCRIBERS]` opens PAIRS subscribers and publishers, sends
 * MESSAGES of 64 bytes in pre-encoded bursts and prints how many a second arrived, and were acknowledged. At QoS 1 each
 * publisher keeps WINDOW unacknowledged. SUBSCRIBERS: `clean`; `kept`, their sessions outlive them; `away`, they have
 * such a session and are gone.
 */
import { connect, type Socket } from 'node:net';

const [port, qos, pairs, messages] = process.argv.slice(2).map(Number) as [number, number, number, number];
const windowMax = Number(process.argv[6] ?? 500);
const subscribers = process.argv[7] ?? 'clean';
const burstMax = 800;

const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length >> 8, value.length & 0xff]), Buffer.from(value)]);
const packet = (first: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([first, body.length]), body]);

function open(clientId: string, isClean: boolean): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.setNoDelay(true);
      socket.write(packet(0x10, Buffer.concat([text('MQTT'), Buffer.from([4, isClean ? 2 : 0, 0, 0]), text(clientId)])));
      socket.once('data', () => resolve(socket));
    });
    socket.once('error', reject);
  });
}

/** Counts the PUBLISHes in a stream and acknowledges those of QoS 1. */
function receive(socket: Socket, onMessages: (count: number) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const acks: number[] = [];
    let at = 0;
    let count = 0;
    while (bytes.length - at >= 2 && bytes.length >= at + 2 + bytes.readUInt8(at + 1)) {
      if (bytes.readUInt8(at) >> 4 === 3) {
        count += 1;
        const idAt = at + 4 + bytes.readUInt16BE(at + 2);
        if (qos > 0) acks.push(0x40, 2, bytes.readUInt8(idAt), bytes.readUInt8(idAt + 1));
      }
      at += 2 + bytes.readUInt8(at + 1);
    }
    rest = bytes.subarray(at);
    if (acks.length > 0) socket.write(Buffer.from(acks));
    onMessages(count);
  });
}

function publish(socket: Socket, topic: string, count: number, onAcknowledged: (count: number) => void): void {
  const one = packet(0x30 | (qos << 1), Buffer.concat([text(topic), Buffer.alloc(qos > 0 ? 2 : 0), Buffer.alloc(64, 0x41)]));
  let sent = 0;
  let ackBytes = 0;
  const burst = (size: number): boolean => {
    const bytes = Buffer.concat(Array.from({ length: size }, () => one));
    if (qos > 0) {
      for (let index = 0; index < size; index += 1) {
        bytes.writeUInt16BE(((sent + index) % 65_535) + 1, index * one.length + 4 + topic.length);
      }
    }
    sent += size;
    return socket.write(bytes);
  };
  const flood = (): void => {
    while (sent < count) if (!burst(Math.min(burstMax, count - sent))) return void socket.once('drain', flood);
  };
  if (qos === 0) return flood();
  socket.on('data', (acks: Buffer) => {
    const acknowledged = Math.floor(ackBytes / 4);
    ackBytes += acks.length;
    onAcknowledged(Math.floor(ackBytes / 4) - acknowledged);
    const room = Math.min(windowMax - sent + Math.floor(ackBytes / 4), count - sent);
    if (room >= windowMax / 5 || (room > 0 && room === count - sent)) burst(room);
  });
  burst(Math.min(windowMax, count));
}

const perPair = Math.floor(messages / pairs);
let missing = (subscribers === 'away' ? 0 : perPair * pairs) + (qos > 0 ? perPair * pairs : 0);
let finish: () => void = () => undefined;
const finished = new Promise<void>((resolve) => (finish = resolve));
const settle = (count: number): void => {
  missing -= count;
  if (missing <= 0) finish();
};
const publishers: (readonly [Socket, string])[] = [];
for (let pair = 0; pair < pairs; pair += 1) {
  const subscriber = await open(`s${pair}`, subscribers === 'clean');
  const topic = `bench/${pair}`;
  const answered = new Promise((resolve) => subscriber.once('data', resolve));
  subscriber.write(packet(0x82, Buffer.concat([Buffer.from([0, 1]), text(topic), Buffer.from([qos])])));
  await answered;
  if (subscribers === 'away') subscriber.end(packet(0xe0, Buffer.alloc(0)));
  else receive(subscriber, settle);
  publishers.push([await open(`p${pair}`, true), topic]);
}
const startedNs = process.hrtime.bigint();
for (const [socket, topic] of publishers) publish(socket, topic, perPair, settle);
await finished;
console.log((perPair * pairs * 1e9) / Number(process.hrtime.bigint() - startedNs));
process.exit(0);
