/** Traps 1 to 7: framing and strings. */
import { describe, expect, test } from '@jest/globals';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, payloads, publishes, short } from '../../wire/rig.js';
import { illFormed } from '../v3.1.1/support.js';
import { misplaced, properties, toAnyHome } from './properties.js';
import {
  connectOf, expectBroken, expectRefusedWith, expectServed, expectString, expectUnconnected, hexByte, named, packetsOf, props, publishOf, stringFields, subscribeOf, versions,
} from './support.js'; // prettier-ignore

describe('Remaining Length', () => {
  test.each(named)('trap 1: four length bytes that all go on fail at the fourth, before anything is buffered (%s)', (_name, protocolVersion) => {
    for (const cut of [1, 2, 5]) {
      const rig = openRig();
      const sent = rig.client('a', { protocolVersion }).cutInto(cut).sendsHex('30 ff ff ff');
      expect(sent.closed).toBe(false);
      expectBroken(sent.sendsHex('80'), 0x81);
      expectRefusedWith(rig.open({ protocolVersion }).cutInto(cut).sendsHex('10 80 80 80 80')); // its version is not known
    }
  });

  test('trap 1: 5.0 takes the minimal form only, 3.x any; for CONNECT that is decided when its level was read', () => {
    const rig = openRig();
    for (const long of ['80 00', '80 80 00', '80 80 80 00']) {
      for (const protocolVersion of [3, 4] as const) {
        expect(rig.client('a', { protocolVersion }).sendsHex(`c0 ${long}`).receivedHex()).toBe('d0 00');
      }
      expectBroken(rig.client('a').cutInto(1).sendsHex(`c0 ${long}`), 0x81);
    }
    for (const protocolVersion of versions) {
      const [first = 0, length = 0, ...body] = connectOf(protocolVersion);
      const head = rig.open({ protocolVersion }).sendsBytes(Buffer.of(first, length | 0x80, 0x00));
      expect(head.closed).toBe(false);
      head.sendsBytes(Buffer.from(body));
      if (protocolVersion === 5) expectUnconnected(head, 0x81);
      else expect(head.receivedHex()).toBe('20 02 00 00');
    }
  });

  test('trap 1: a Property Length and a Subscription Identifier have the minimal form too', () => {
    const rig = openRig();
    for (const long of ['80 00', '80 80 80 80 00']) {
      expectBroken(rig.client('a').sendsBytes(packet(0x30, `${text('t')} ${long} 78`)), 0x81);
      expectBroken(rig.client('a').sendsBytes(packet(0x82, `0001 ${props(5, `0b ${long.replace('80', '81')}`)} ${text('t')} 00`)), 0x81);
    }
  });

  test.each(named)('trap 1: a packet over packetBytesMax is refused at its header, one of exactly that is taken (%s)', (_name, protocolVersion) => {
    const rig = openRig({ packetBytesMax: 1000 });
    const watcher = rig.subscriber('watcher', 't');
    const head = protocolVersion === 5 ? 7 : 6; // Topic Name and Property Length included
    const exact = rig.client('exact', { protocolVersion }).sendsBytes(publishOf(protocolVersion, 't', '78'.repeat(1000 - head)));
    expect([exact.closed, publishes(watcher).length]).toEqual([false, 1]);
    // 998 bytes behind a header of three: one too many. Nothing but the header is sent.
    expectBroken(rig.client('a', { protocolVersion }).cutInto(1).sendsHex('30 e6 07'), 0x95);
    // A CONNECT says its level first, by which it is answered.
    const small = openRig({ connectBytesMax: 100 });
    const level = connectOf(protocolVersion).subarray(2, 11);
    expectUnconnected(small.open({ protocolVersion }).sendsBytes(Buffer.concat([Buffer.from('10ffffff7f', 'hex'), level])), 0x95);
  });
});

describe('strings', () => {
  test.each(named)('trap 2: overlong forms, surrogates and values over U+10FFFF close, in every field (%s)', (_name, version) => {
    const rig = openRig({ authenticate: () => true });
    const watcher = rig.subscriber('watcher', '#');
    for (const field of Object.values(stringFields(version))) {
      for (const value of illFormed) expectString(rig, version, field, value, false);
      expectString(rig, version, field, Buffer.from('é€😀\u{10fffd}\ud7ff\ue000'), true);
    }
    for (const message of publishes(watcher)) expect(message.topic).not.toContain('�');
    expect(rig.stats.subscriptions).toBe(1);
  });

  test.each(named)('trap 2: no byte is replaced: U+FFFD itself is another topic, and arrives as it was sent (%s)', (_name, protocolVersion) => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', '\ufffd', 0, { protocolVersion });
    expectBroken(rig.client('a', { protocolVersion }).sendsBytes(publishOf(protocolVersion, Buffer.of(0xff), '01')), 0x81);
    rig.client('a', { protocolVersion }).sendsBytes(publishOf(protocolVersion, '\ufffd', '02'));
    expect(publishes(watcher)).toMatchObject([{ topic: '\ufffd', payload: '\u0002' }]);
  });

  test.each(named)('trap 3: U+0000 closes wherever a string stands, and with strictText false too (%s)', (_name, version) => {
    for (const strictText of [true, false]) {
      const rig = openRig({ authenticate: () => true, strictText });
      for (const field of Object.values(stringFields(version))) {
        for (const value of ['\0', 'a\0', '\0b']) expectString(rig, version, field, Buffer.from(value), false);
      }
    }
  });

  test.each(named)('trap 3: a BOM is U+FEFF and survives, so that what has one is another topic, filter and client (%s)', (_name, protocolVersion) => {
    const rig = openRig();
    const [plain, marked] = [rig.subscriber('a', 't', 0, { protocolVersion }), rig.subscriber('\ufeffa', '\ufefft', 0, { protocolVersion })];
    const pub = rig.client('pub', { protocolVersion });
    pub.publish({ topic: 't', payload: '1' }).publish({ topic: '\ufefft', payload: '2' });
    expect([rig.broker.clients.size, plain.closed]).toEqual([3, false]);
    expect(payloads(plain)).toEqual(['1']);
    expect(marked.receivedHex()).toBe(protocolVersion === 5 ? '30 08 00 04 ef bb bf 74 00 32' : '30 07 00 04 ef bb bf 74 32');
    if (protocolVersion !== 5) return;
    pub.publish({ topic: 't', properties: { contentType: '\ufeffc', userProperties: [['\ufeffn', '\ufeffv']] } });
    expect(plain.receivedHex()).toContain('03 00 04 ef bb bf 63 26 00 04 ef bb bf 6e 00 04 ef bb bf 76');
  });

  test.each(named)('trap 3: other control characters and non-characters are malformed; strictText false takes them (%s)', (_name, version) => {
    const strict = openRig({ authenticate: () => true });
    const lax = openRig({ authenticate: () => true, strictText: false });
    for (const field of Object.values(stringFields(version))) {
      for (const value of ['\u0001', '\u001f', '\u007f', '\u009f', '\ufdd0', '\ufffe', '\uffff', '\u{1fffe}', '\u{10ffff}']) {
        expectString(strict, version, field, Buffer.from(value), false);
        expectString(lax, version, field, Buffer.from(value), true);
      }
      for (const value of [' ', '\u00a0', '\ufdcf', '\ufdf0']) expectString(strict, version, field, Buffer.from(value), true);
    }
  });
});

describe('the first byte', () => {
  /** Whether a client may send it once it is connected. */
  function isLegal(first: number, version: 3 | 4 | 5): boolean {
    const [type, flags] = [first >> 4, first & 15];
    if (type === 3) return (flags & 6) !== 6 && (version === 3 || (flags & 14) !== 8); // QoS 3; DUP at QoS 0, of which 3.1 says nothing
    if ([6, 8, 10].includes(type)) return flags === 2 || (version === 3 && flags === 10);
    if (type === 15 && version !== 5) return false;
    return flags === 0 && [4, 5, 7, 12, 14, 15].includes(type);
  }

  test.each(named)('trap 4: of all 256 first bytes those with reserved flags, or not for a client, close at once (%s)', (_name, version) => {
    const rig = openRig({ authenticate: () => true });
    let legal = 0;
    for (let first = 0; first < 256; first += 1) {
      const sent = rig.client('a', { protocolVersion: version }).sendsBytes(Buffer.of(first));
      expect([first, sent.closed]).toEqual([first, !isLegal(first, version)]);
      if (!sent.closed) legal += 1;
      else if (version === 5) {
        const isOurs = [1, 2, 9, 11, 13].includes(first >> 4); // a second CONNECT, and what only a broker sends
        expect(short(sent.received())).toEqual([`disconnect ${isOurs ? '0x82' : '0x81'}`]);
      } else expect(sent.receivedHex()).toBe('');
      sent.drop();
    }
    expect(legal).toBe({ 3: 12 + 6 + 5, 4: 10 + 3 + 5, 5: 10 + 3 + 6 }[version]);
  });

  test('trap 4: reserved flags of CONNECT: 5.0 gets CONNACK 0x81, 3.1.1 a close, 3.1 does not look', () => {
    const rig = openRig();
    for (let flags = 1; flags < 16; flags += 1) {
      for (const protocolVersion of versions) {
        const bytes = connectOf(protocolVersion);
        bytes[0] = 0x10 | flags;
        const sent = rig.open({ protocolVersion }).sendsBytes(bytes);
        if (protocolVersion === 3) expect(sent.receivedHex()).toBe('20 02 00 00');
        else expectUnconnected(sent, 0x81);
      }
    }
  });

  test.each(named)('trap 4: a byte behind the last field closes, for every type but PUBLISH, whose payload it is (%s)', (_name, version) => {
    const rig = openRig({ authenticate: () => true });
    expectUnconnected(rig.open({ protocolVersion: version }).sendsBytes(connectOf(version, `${text('b')} 00`)), 0x81);
    for (const [type, whole] of Object.entries(packetsOf(version))) {
      const own = version === 5 && type === '15' ? { properties: { authenticationMethod: 'm' } } : {};
      // Acknowledgements and DISCONNECT of 5.0 may end early: their last field is an empty list of properties.
      const body = whole.subarray(2).toString('hex');
      const full = version !== 5 ? body : { 4: `${body}0000`, 5: `${body}0000`, 6: `${body}0000`, 7: `${body}0000`, 14: '0000' }[type] ?? body;
      const sent = (extra: string) => rig.client('a', { protocolVersion: version, ...own }).sendsBytes(packet(whole[0] as number, `${full} ${extra}`));
      if (type === '3') expectServed(sent('00'));
      else expectBroken(sent('00'), 0x81);
      if (type !== '14' && type !== '15') expectServed(sent(''));
    }
  });
});

describe('properties', () => {
  test('trap 5: each of the 27 properties in each packet where it may not stand is 0x81', () => {
    let cases = 0;
    for (const { name, property, home } of misplaced()) {
      const rig = openRig({ authenticate: () => true });
      const sent = toAnyHome(rig, home, property.hex);
      // A Subscription Identifier from a client has a rule of its own.
      const code = name === 'Subscription Identifier' && home === 'PUBLISH' ? 0x82 : 0x81;
      if (home === 'CONNECT' || home === 'will') expectUnconnected(sent, code);
      else expectBroken(sent, code);
      cases += 1;
    }
    // 27 properties and 11 homes, less those that belong there.
    expect(cases).toBe(27 * 11 - properties.reduce((sum, { homes }) => sum + homes.length, 0));
  });

  test('trap 5: so is an identifier that no property has', () => {
    for (const id of [0x00, 0x04, 0x0a, 0x10, 0x14, 0x1b, 0x1d, 0x20, 0x2b, 0x7f]) {
      expectBroken(openRig().client('a').sendsBytes(publishOf(5, 't', '78', `${hexByte(id)} 00`)), 0x81);
    }
  });

  test('trap 5: a property given twice is 0x82, but for user properties, which repeat', () => {
    for (const { name, hex, homes } of properties) {
      for (const home of homes) {
        const sent = toAnyHome(openRig({ authenticate: () => true }), home, `${hex} ${hex}`);
        if (name === 'User Property') expect(short(sent.received()).filter((line) => /0x8/.test(line))).toEqual([]);
        else if (home === 'CONNECT' || home === 'will') expectUnconnected(sent, 0x82);
        else expectBroken(sent, 0x82);
      }
    }
  });

  test.each([
    ['Receive Maximum 0', 'CONNECT', '21 0000'],
    ['Maximum Packet Size 0', 'CONNECT', '27 00000000'],
    ['Request Problem Information 2', 'CONNECT', '17 02'],
    ['Request Response Information 255', 'CONNECT', '19 ff'],
    ['Payload Format Indicator 2 of a will', 'will', '01 02'],
    ['Authentication Data without its Method', 'CONNECT', '16 0001 78'],
    ['Payload Format Indicator 2', 'PUBLISH', '01 02'],
    ['Subscription Identifier 0', 'SUBSCRIBE', '0b 00'],
    ['a wildcard in Response Topic', 'PUBLISH', '08 0001 23'],
  ] as const)('trap 5: an illegal value is 0x82: %s', (_what, home, hex) => {
    const sent = toAnyHome(openRig(), home, hex);
    if (home === 'CONNECT' || home === 'will') expectUnconnected(sent, 0x82);
    else expectBroken(sent, 0x82);
  });
});

test('trap 6: Maximum QoS 2 is never sent: 0 and 1 are told, 2 leaves the property out', () => {
  for (const [broker, own, told] of [[2, 2, undefined], [undefined, undefined, undefined], [1, 2, 1], [2, 1, 1], [1, 0, 0], [0, undefined, 0]] as const) {
    const rig = openRig({
      ...(broker !== undefined && { maximumQoS: broker }),
      ...(own !== undefined && { authenticate: () => ({ action: 'allow', limits: { maximumQoS: own } }) }),
    });
    const [connack] = rig.open().connect({ clientId: 'a' }).received();
    expect([connack?.reasonCode, connack?.properties?.maximumQoS]).toEqual([0, told]);
  }
});

test('trap 7: a 3.x CONNECT that does not conform gets no CONNACK at all', () => {
  const [a, w, x] = [text('a'), text('w'), text('x')];
  for (const protocolVersion of [3, 4] as const) {
    const wrong = [
      connectOf(protocolVersion, ''),
      connectOf(protocolVersion, `${a} 00`),
      connectOf(protocolVersion, a, '42'), // Password without User Name
      connectOf(protocolVersion, `${a} ${w} ${x}`, '1e'), // Will QoS 3
      connectOf(protocolVersion, `${a} ${w}`, '06'), // no Will Message
      connectOf(protocolVersion, `${a} ${text('w/#')} ${x}`, '06'),
      connectOf(protocolVersion, text(Buffer.of(0xff))),
      ...(protocolVersion === 4 ? [connectOf(4, a, '03'), connectOf(4, a, '0a'), connectOf(4, a, '22')] : []),
    ];
    for (const bytes of wrong) expectRefusedWith(openRig().open({ protocolVersion }).sendsBytes(bytes));
    // One that conforms and is refused gets its return code.
    expectRefusedWith(openRig({ authenticate: () => false }).open({ protocolVersion }).sendsBytes(connectOf(protocolVersion)), 'connack 0x05');
  }
});

test('trap 7: before CONNACK 5.0 is never sent a DISCONNECT, whatever ends the connection', async () => {
  const late = (): Promise<boolean> => new Promise(() => undefined);
  for (const bytes of [connectOf(5, text('a'), '03'), connectOf(5, ''), connectOf(5, text('a'), '02', '21 0000'), subscribeOf(5, 't'), Buffer.of(0xe1, 0)]) {
    const told = openRig().open().sendsBytes(bytes).received();
    expect(told.every(({ type }) => type === 'connack')).toBe(true);
  }
  const rig = openRig({ authenticate: late, hookTimeoutSeconds: 5 });
  const asked = rig.open().connect({ clientId: 'a' }).sendsHex('36 00');
  rig.clock.advance(5000);
  await rig.settle();
  expectRefusedWith(asked, 'connack 0x83');
  const silent = openRig({ connectTimeoutSeconds: 1 });
  const nobody = silent.open();
  silent.clock.advance(1000);
  expectRefusedWith(nobody);
  const closing = openRig({ authenticate: late, hookTimeoutSeconds: Infinity });
  const waiting = closing.open().connect({ clientId: 'a' });
  void closing.broker.close();
  await closing.settle();
  expectRefusedWith(waiting, 'connack 0x88'); // what CONNACK has for 0x8B
});
