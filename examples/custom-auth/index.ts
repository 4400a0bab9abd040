/**
 * Who may connect, and who may do what: devices with passwords, and an operator who sees everything.
 * Start: npm run build && npx tsx examples/custom-auth/index.ts
 * Try:   mosquitto_pub -u sensor-1 -P secret-1 -i sensor-1 -t devices/sensor-1/temperature -m 21
 */
import { scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { createBroker, type Action, type Authenticate, type Authorize } from 'odonata';

const hash = promisify<string | Uint8Array, string, number, Buffer>(scrypt);

/** Your database. The salt would be random and stored with each user. */
const users = new Map<string, { readonly role: 'device' | 'operator'; readonly salt: string; readonly hash: Buffer }>();
async function addUser(name: string, password: string, role: 'device' | 'operator'): Promise<void> {
  users.set(name, { role, salt: name, hash: await hash(password, name, 32) });
}

/** A promise makes this one connection wait; all others go on. A throw, or ten seconds without an answer, refuse. */
const authenticate: Authenticate = async ({ username = '', password = new Uint8Array(0), clientId }) => {
  const user = users.get(username);
  if (user === undefined || !timingSafeEqual(await hash(password, user.salt, 32), user.hash)) return false;
  // One connection for each device: its client identifier is its name.
  if (user.role === 'device' && clientId !== username) return { action: 'deny', reasonCode: 0x85 };
  return { action: 'allow', principal: username, ...(user.role === 'device' && { limits: { subscriptionsMax: 10 } }) };
};

const mayDevice = (name: string, { type, topic }: Action): boolean =>
  type === 'publish' || type === 'will' ? topic.startsWith(`devices/${name}/`) : topic.startsWith(`commands/${name}/`);

/** Asked before every publish, will, subscription and delivery. */
const authorize: Authorize = ({ principal = '' }, action) => {
  if (users.get(principal)?.role === 'operator') return action.type !== 'publish' || action.topic.startsWith('commands/');
  return { action: mayDevice(principal, action) ? 'allow' : 'deny', cache: true };
};

export async function main(port = 1883) {
  await addUser('sensor-1', 'secret-1', 'device');
  await addUser('sensor-2', 'secret-2', 'device');
  await addUser('olga', 'secret-3', 'operator');
  const broker = createBroker({ authenticate, authorize });
  broker.on('connectRefused', ({ clientId, reasonCode }) => console.log(`refused ${clientId}: ${reasonCode}`));
  const { url } = await broker.listen({ port });
  return { broker, url };
}

if (process.argv[1] === import.meta.filename) {
  const { broker, url } = await main();
  console.log(url);
  process.once('SIGINT', () => void broker.close());
}
