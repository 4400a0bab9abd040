/** Client identifiers: which are accepted, and which the broker assigns. */
import { describe, expect, test } from '@jest/globals';
import type { ProtocolVersion } from '../../src/index.js';
import { packet, text } from '../unit/packet/wire.js';
import { both, openRig, three } from './rig.js';

const accepted = '20 02 00 00';
const identifierRejected = '20 02 00 02';

/** A CONNECT without a client identifier; 5.0 with a Session Expiry Interval of a minute. */
function anonymous(version: ProtocolVersion, clean: boolean): Buffer {
  const name = text(version === 3 ? 'MQIsdp' : 'MQTT');
  return packet(0x10, `${name} 0${version} ${clean ? '02' : '00'} 0000 ${version === 5 ? '05 11 0000003c' : ''} 0000`);
}

describe('assigned', () => {
  test('v5 [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] an empty identifier gets one, told in CONNACK', () => {
    const rig = openRig();
    const ids = Array.from({ length: 100 }, () => {
      const [connack] = rig.open().connect().received();
      expect(connack).toMatchObject({ type: 'connack', reasonCode: 0, sessionPresent: false });
      return connack?.properties?.assignedClientIdentifier;
    });
    expect(new Set(ids).size).toBe(100);
    expect(ids.every((id) => typeof id === 'string' && rig.broker.clients.has(id))).toBe(true);
  });

  test('v5 an empty identifier may have Clean Start 0; there is no session to resume', () => {
    const [connack] = openRig().open().sendsBytes(anonymous(5, false)).received();
    expect(connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
    expect(connack?.properties?.assignedClientIdentifier).toMatch(/^auto-/);
  });

  test('v5 [MQTT-3.1.3-7] the client comes back to its session under the identifier it was assigned', () => {
    const rig = openRig();
    const first = rig.open().sendsBytes(anonymous(5, false));
    const clientId = first.received()[0]?.properties?.assignedClientIdentifier ?? '';
    first.disconnect();
    const [connack] = rig.open().connect({ clientId, clean: false, properties: { sessionExpiryInterval: 60 } }).received();
    expect(connack).toMatchObject({ reasonCode: 0, sessionPresent: true });
    expect(connack?.properties?.assignedClientIdentifier).toBeUndefined();
  });

  test('v5 an identifier that the client chose is not told', () => {
    expect(openRig().open().connect({ clientId: 'a' }).received()[0]?.properties?.assignedClientIdentifier).toBeUndefined();
  });

  // A seed makes the identifiers of two brokers the same, so a stored session has the one that is tried first.
  test('v5 [MQTT-3.2.2-16] one that a live or a stored session has is not assigned again', () => {
    const assignedBy = (taken: readonly string[]): string => {
      const rig = openRig({ seed: 7 });
      for (const clientId of taken) rig.resumable(clientId).disconnect();
      return rig.open().connect().received()[0]?.properties?.assignedClientIdentifier ?? '';
    };
    const first = assignedBy([]);
    const second = assignedBy([first]);
    expect(second).not.toBe(first);
    expect(assignedBy([first, second])).not.toBe(second);
  });

  test('authenticate sees the assigned identifier', () => {
    const seen: string[] = [];
    const rig = openRig({ authenticate: ({ clientId }) => seen.push(clientId) > 0 });
    const id = rig.open().connect().received()[0]?.properties?.assignedClientIdentifier;
    rig.open({ protocolVersion: 4 }).connect();
    expect(seen[0]).toBe(id);
    expect(seen[1]).toMatch(/^auto-/);
  });

  test('v3.1.1 [MQTT-3.1.3-6] an empty identifier with Clean Session 1 gets one in silence', () => {
    const rig = openRig();
    const clients = [1, 2].map(() => rig.open({ protocolVersion: 4 }).connect());
    for (const client of clients) {
      expect(client.receivedHex()).toBe(accepted);
      expect(client.closed).toBe(false);
    }
    expect(rig.broker.clients.size).toBe(2);
  });

  test('v3.1.1 [MQTT-3.1.3-7] [MQTT-3.1.3-8] an empty identifier with Clean Session 0 gets return code 2', () => {
    const client = openRig().open({ protocolVersion: 4 }).sendsBytes(anonymous(4, false));
    expect(client.receivedHex()).toBe(identifierRejected);
    expect(client.closed).toBe(true);
  });

  test.each([true, false])('v3.1 an empty identifier gets return code 2, Clean Session %s', (clean) => {
    const client = openRig().open({ protocolVersion: 3 }).sendsBytes(anonymous(3, clean));
    expect(client.receivedHex()).toBe(identifierRejected);
    expect(client.closed).toBe(true);
  });
});

describe.each(three)('$name identifiers', ({ name, protocolVersion }) => {
  const connected = (clientId: string, options = {}): boolean => {
    const client = openRig(options).open({ protocolVersion }).connect({ clientId });
    const [connack] = client.received();
    expect(connack?.type).toBe('connack');
    expect(client.closed).toBe(connack?.reasonCode !== 0);
    return connack?.reasonCode === 0;
  };

  test('[MQTT-3.1.3-5] 1 to 23 bytes of digits and letters are accepted', () => {
    expect(['a', 'Z', '0', '0123456789abcdefghijklm', 'nopqrstuvwxyzABCDEFGHIJ', 'KLMNOPQRSTUVWXYZ'].every((id) => connected(id))).toBe(true);
  });
  test('longer ones, and any other text, are accepted too', () => {
    expect(['x'.repeat(24), 'x'.repeat(65_535), 'a b', 'a/b', '$SYS', '\u00fc\u{1f41d}', '\ufeffa', '../a', '__proto__'].every((id) => connected(id))).toBe(true);
  });
  test('+ and # are refused, unless clientIdWildcards is set', () => {
    for (const clientId of ['+', '#', 'a+', 'a/#', '+a']) {
      const client = openRig().open({ protocolVersion }).connect({ clientId });
      expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: name === 'v5' ? 0x85 : 2, sessionPresent: false }]);
      expect(client.closed).toBe(true);
      expect(connected(clientId, { clientIdWildcards: true })).toBe(true);
    }
  });
  test('identifiers are compared byte by byte: no case folding, no normalization', () => {
    const rig = openRig();
    for (const clientId of ['a', 'A', '\u00e9', 'e\u0301', 'a ', '\ufeffa']) rig.client(clientId, { protocolVersion });
    expect(rig.broker.clients.size).toBe(6);
  });
});

describe('mqtt31ClientIdLimit', () => {
  const connack = (protocolVersion: 3 | 4, clientId: string): string =>
    openRig({ mqtt31ClientIdLimit: true }).open({ protocolVersion }).connect({ clientId }).receivedHex();

  test('v3.1 refuses an identifier of more than 23 characters with return code 2', () => {
    expect(connack(3, 'x'.repeat(24))).toBe(identifierRejected);
    expect(connack(3, 'x'.repeat(23))).toBe(accepted);
  });
  test('v3.1 counts characters, not bytes', () => {
    expect(connack(3, '\u{1f41d}'.repeat(23))).toBe(accepted);
    expect(connack(3, '\u{1f41d}'.repeat(24))).toBe(identifierRejected);
  });
  test('v3.1.1 has no such limit', () => expect(connack(4, 'x'.repeat(24))).toBe(accepted));
});

test.each(both)('$name a refused identifier is refused before authenticate is asked', ({ protocolVersion }) => {
  let asked = 0;
  const rig = openRig({ authenticate: () => (asked += 1) > 0 });
  rig.open({ protocolVersion }).connect({ clientId: 'a/#' });
  expect(asked).toBe(0);
  expect(rig.stats).toMatchObject({ connectsRefused: 1, sessions: 0 });
});
