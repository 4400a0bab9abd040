/** MQTT 5.0, chapter 3.15: AUTH. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig } from '../../wire/rig.js';
import { authBytes, authenticated, authPacket, begin, challenging, connectWithMethod, data, method, reauthenticating, reply } from './auth-support.js';
import { brokenOf, client, expectDisconnected, expectOpen, expectRefused } from './support.js';

/** A client that owes the answer to the challenge before CONNACK, and one that is connected. */
const challenged = (): WireClient => connectWithMethod(openRig({ authenticate: challenging(['one']) })).skip();
const connected = (): WireClient => authenticated(openRig(reauthenticating(() => true)));

test('v5 [MQTT-3.15.1-1] reserved bits of AUTH must be zero: else it is malformed', () => {
  for (let flags = 0; flags < 16; flags += 1) {
    const [early, late] = [challenged().sendsBytes(authBytes(0x18, 0xf0 | flags)), connected().sendsBytes(authBytes(0x19, 0xf0 | flags))];
    if (flags === 0) {
      expect([early.received(), late.received()]).toMatchObject([[{ type: 'connack', reasonCode: 0 }], [authPacket(0)]]);
    } else {
      expectRefused(early, 0x81);
      expectDisconnected(late, 0x81);
    }
  }
  expectDisconnected(connected().sendsHex('f1'), 0x81); // at its first byte
});

// Method: all 256 codes, before CONNACK, when none is expected, and in answer to a challenge after it.
test('v5 [MQTT-3.15.2-1] a client’s AUTH has reason code 0x18 or 0x19: 0x00 is for the server, and others are for nobody', () => {
  for (let code = 0; code < 256; code += 1) {
    const bytes = authBytes(code);
    const again = begin(authenticated(openRig(reauthenticating(challenging(['one']))))).skip();
    const [early, late, answer] = [challenged(), connected(), again].map((sent) => sent.sendsBytes(bytes)) as [WireClient, WireClient, WireClient];
    if (code === 0x18) expect(early.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
    else expectRefused(early, 0x82);
    if (code === 0x19) expect(late.received()).toEqual([authPacket(0)]);
    else expectDisconnected(late, 0x82);
    if (code === 0x18) expect(answer.received()).toEqual([authPacket(0)]);
    else expectDisconnected(answer, 0x82);
  }
});

test('v5 [MQTT-3.15.2-1] the broker’s AUTH has 0x18 while it asks and 0x00 at the end', () => {
  const rig = openRig(reauthenticating(challenging(['one', 'two'], { action: 'allow', authenticationData: data('end') })));
  const sent = begin(authenticated(rig));
  expect(sent.received()).toEqual([authPacket(0x18, 'one')]);
  expect(reply(sent).received()).toEqual([authPacket(0x18, 'two')]);
  expect(reply(sent).received()).toEqual([authPacket(0, 'end')]);
});

// Method: 24 bytes are the least that leave room for the CONNACK; each AUTH is made to have just so many.
test('v5 [MQTT-3.15.2-2] [MQTT-3.15.2-3] AUTH fits: there is no Reason String and no User Property in it', () => {
  const properties = { maximumPacketSize: 24 };
  const full = 'x'.repeat(9);
  const last = { action: 'allow', authenticationData: data(full), userProperties: [['k', 'v']] } as const;
  const expected = (code: string): string => `f0 16 ${code} 14 15 00 05 54 4f 4b 45 4e 16 00 09${' 78'.repeat(9)}`;
  const rig = openRig({ authenticate: challenging([full], last) });
  const sent = connectWithMethod(rig, { properties: { maximumPacketSize: 60 } });
  expect(sent.receivedHex()).toBe(expected('18'));
  expect(reply(sent).received()).toMatchObject([{ type: 'connack', properties: { userProperties: [['k', 'v']] } }]); // told where there is room
  const small = begin(authenticated(openRig(reauthenticating(challenging([full], last))), { properties }));
  expect(expected('18').split(' ')).toHaveLength(24);
  expect(small.receivedHex()).toBe(expected('18'));
  expect(reply(small).receivedHex()).toBe(expected('00'));
  expectOpen(small);
});

test('v5 [X5-3.15.2.2.2-1] AUTH without Authentication Method is a Protocol Error', () => {
  const withoutMethod = ['', '18', '19', '18 00', '19 00', `18 06 16 ${text('abc')}`, `19 06 16 ${text('abc')}`, `19 07 26 ${text('k')} ${text('v')}`];
  for (const body of withoutMethod) {
    const bytes = packet(0xf0, body);
    expectRefused(challenged().sendsBytes(bytes), 0x82);
    expectDisconnected(connected().sendsBytes(bytes), 0x82);
    const rig = openRig(reauthenticating(challenging(['one'])));
    const broken = brokenOf(rig);
    expectDisconnected(begin(authenticated(rig)).skip().sendsBytes(bytes), 0x82);
    // An AUTH with one of these codes is refused for its method, and not for what else may be wrong with it.
    expect(broken).toEqual([/^1[89]/.test(body) ? 'X5-3.15.2.2.2-1' : 'MQTT-3.15.2-1']);
  }
  const good = packet(0xf0, `19 08 15 ${text(method)}`);
  expect(connected().sendsBytes(good).received()).toEqual([authPacket(0)]);
});

test('v5 [X5-3.15-1] AUTH is a Protocol Error unless CONNECT had the same Authentication Method', () => {
  const rig = (): ReturnType<typeof openRig> => openRig(reauthenticating(() => true));
  for (const code of [0x18, 0x19]) {
    for (const authenticationMethod of [method, 'OTHER', '']) {
      expectDisconnected(client(rig(), 'a').auth(code, { authenticationMethod }), 0x82);
    }
    for (const authenticationMethod of ['OTHER', 'token', 'TOKE', 'TOKENS', '']) {
      expectDisconnected(authenticated(rig()).auth(code, { authenticationMethod }), 0x82);
    }
  }
  expect(authenticated(rig()).auth(0x19, { authenticationMethod: method }).received()).toEqual([authPacket(0)]);
});
