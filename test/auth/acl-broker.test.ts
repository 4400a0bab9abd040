/** What `proveIsolation` finds reaches its subscriber in a broker: live, retained and as a will, plain and shared. */
import { expect, test } from '@jest/globals';
import { createBroker } from 'odonata';
import { acl, proveIsolation, type AclRule } from 'odonata/auth';

const rules: AclRule[] = [
  { effect: 'allow', access: 'write', topic: 'out/#', users: ['ann'] },
  { effect: 'allow', access: 'read', topic: '+/open', users: ['bob'] },
  { effect: 'deny', access: 'write', topic: 'out/closed' },
];

test.each(['live', 'retained', 'will', 'shared'] as const)('%s', async (way) => {
  const authorize = acl(rules);
  const leak = proveIsolation(authorize, 'ann', 'bob');
  if (leak === null) throw new Error('nothing found');
  const { topic, filter, publisher, subscriber } = leak;
  await using broker = createBroker({ authorize });

  const will = { topic, payload: 'x' };
  const ann = await broker.connect({ principal: 'ann', clientId: publisher.clientId, ...(way === 'will' && { will }) });
  if (way === 'retained') await ann.publish(topic, 'x', { qos: 1, retain: true });
  let onMessage = (_message: { readonly topic: string }): void => undefined;
  const received = new Promise<string>((resolve) => {
    onMessage = (message) => resolve(message.topic);
  });
  const bob = await broker.connect({ principal: 'bob', clientId: subscriber.clientId, onMessage });
  await bob.subscribe(way === 'shared' ? `$share/g/${filter}` : filter);
  if (way === 'live' || way === 'shared') await ann.publish(topic, 'x', { qos: 1 });
  if (way === 'will') broker.clients.get(publisher.clientId)?.close();
  expect(await received).toBe(topic);
});
