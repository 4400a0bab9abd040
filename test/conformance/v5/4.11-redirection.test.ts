/** MQTT 5.0, chapter 4.11: server redirection. */
import { describe, expect, test } from '@jest/globals';
import type { AuthenticateAnswer } from '../../../src/index.js';
import { openRig } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { open } from './support.js';

const list = 'myserver.xyz.org:8883 10.10.151.22 [fe80::9610:3eff:fe1c]:1883';

/** A broker whose answers to authentication are, one after the other, these. */
function answering(...answers: AuthenticateAnswer[]): Rig {
  return openRig({ authenticate: () => answers.shift() ?? true });
}

const redirections = [['Use another server', 0x9c], ['Server moved', 0x9d]] as const;

describe.each(redirections)('%s', (_name, reasonCode) => {
  test('v5 [X5-4.11-1] in CONNACK, with a reference to one server or several', () => {
    for (const serverReference of ['other', list]) {
      const refused = open(answering({ action: 'deny', reasonCode, serverReference })).connect({ clientId: 'c' });
      expect(refused.received()).toMatchObject([{ type: 'connack', reasonCode, sessionPresent: false, properties: { serverReference } }]);
      expect(refused.closed).toBe(true);
    }
  });

  test('v5 [X5-4.11-1] in DISCONNECT, with a reference to one server or several', () => {
    for (const serverReference of ['other', list]) {
      const rig = answering(true, { action: 'deny', reasonCode, serverReference });
      const moved = open(rig).connected({ clientId: 'c', properties: { authenticationMethod: 'm' } }).auth(0x19, { authenticationMethod: 'm' });
      expect(moved.received()).toMatchObject([{ type: 'disconnect', reasonCode, properties: { serverReference } }]);
      expect(moved.closed).toBe(true);
    }
  });

  test('v5 [X5-4.11-1] the reference may be left out', () => {
    const refused = open(answering({ action: 'deny', reasonCode })).connect({ clientId: 'c' });
    const rig = openRig();
    rig.broker.on('client', (client) => client.close(reasonCode));
    const closed = open(rig).connect({ clientId: 'c' });
    for (const [gone, type] of [[refused, 'connack'], [closed, 'disconnect']] as const) {
      const last = gone.last();
      expect([last?.type, last?.reasonCode, last?.properties?.serverReference, gone.closed]).toEqual([type, reasonCode, undefined, true]);
    }
  });
});

test.each([0x80, 0x87, 0x88, 0x97, 0x9b, 0x9f])('v5 [X5-4.11-1] %i does not redirect, and names no server', (reasonCode) => {
  const refused = open(answering({ action: 'deny', reasonCode, serverReference: 'other' })).connect({ clientId: 'c' }).received();
  expect(refused).toMatchObject([{ type: 'connack', reasonCode }]);
  expect(refused[0]?.properties?.serverReference).toBeUndefined();
});
