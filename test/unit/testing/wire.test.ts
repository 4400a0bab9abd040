// Goal: `wire()` brings a broker with virtual time, answers within the call, and shares both with further clients.
import { expect, test } from '@jest/globals';
import { createBroker } from '../../../src/index.js';
import { virtualClock, wire, type WireVersion } from '../../../src/testing/index.js';

test.each<WireVersion>([3, 4, 5])('version %i: two clients of one broker, answered within the call', (protocolVersion) => {
  const alice = wire({ protocolVersion, cutInto: 1 }).connected({ clientId: 'alice' });
  const bob = wire({ protocolVersion, broker: alice.broker }).connected({ clientId: 'bob' });
  expect(bob.clock).toBe(alice.clock);
  expect(bob.subscribe('t/+', { qos: 1 }).received()).toEqual([{ type: 'suback', packetId: 1, reasonCodes: [1] }]);
  alice.publish({ topic: 't/1', payload: 'hello', qos: 1 });
  expect(alice.received()).toMatchObject([{ type: 'puback', packetId: 1 }]);
  const message = { type: 'publish', topic: 't/1', payload: 'hello', qos: 1, retain: false, dup: false, packetId: 1 };
  expect(bob.received()).toMatchObject([message]);
  bob.puback(1).disconnect();
  expect(bob.closed).toBe(true);
});

test('time passes for the broker when the test says so', () => {
  const client = wire({ brokerOptions: { connectTimeoutSeconds: 3 } });
  client.clock.advance(2_999);
  expect(client.ended).toBe(false);
  client.clock.advance(1);
  expect(client.closed).toBe(true);
});

test('a broker of the caller’s own comes with its clock', () => {
  const clock = virtualClock();
  const broker = createBroker({ clock });
  expect(wire({ broker, clock }).connected().pingreq().last()).toEqual({ type: 'pingresp' });
  expect(() => wire({ broker }).clock).toThrow(/without its clock/);
});
