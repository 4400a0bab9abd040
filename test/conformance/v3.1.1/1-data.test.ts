/** MQTT 3.1.1, chapter 1.5: strings. */
import { expect, test } from '@jest/globals';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, publishes } from '../../wire/rig.js';
import { brokenOf, client, expectClosed, expectUtf8, fieldNames, sendString, sessionPresent, subscriber } from './support.js';

test.each(fieldNames)('v3.1.1 [MQTT-1.5.3-1] ill-formed UTF-8 closes the connection: %s', (field) => {
  expectUtf8(field);
});

test.each(fieldNames)('v3.1.1 [MQTT-1.5.3-2] U+0000 closes the connection: %s', (field) => {
  expect(sendString(openRig(), field, Buffer.from('ab')).closed).toBe(false);
  for (const value of ['\0', '\0a', 'a\0', 'a\0b', `${'a'.repeat(40)}\0`]) {
    const rig = openRig();
    const broken = brokenOf(rig);
    expectClosed(sendString(rig, field, Buffer.from(value)));
    expect(broken).toEqual(['MQTT-1.5.3-2']);
  }
});

test('v3.1.1 [MQTT-1.5.3-2] U+0000 is refused without strictText too', () => {
  for (const field of fieldNames) {
    expectClosed(sendString(openRig({ strictText: false }), field, Buffer.from('a\0')));
    expect(sendString(openRig({ strictText: false }), field, Buffer.from('a\u0001\n\u007f')).closed).toBe(false);
  }
});

test('v3.1.1 [MQTT-1.5.3-3] U+FEFF is a character like any other: forwarded byte by byte, matched as one', () => {
  const bom = '\ufeff';
  const rig = openRig();
  for (const name of ['a', 'long/topic/name/of/many/levels']) {
    const withBom = subscriber(rig, 'with', `${bom}${name}`, 1);
    const without = subscriber(rig, 'without', name, 1);
    const publisher = client(rig, 'pub');
    const published = (topic: string): string => packet(0x30, `${text(topic)} 78`).toString('hex').replaceAll(/(..)(?=.)/g, '$1 ');
    for (const topic of [`${bom}${name}`, name]) publisher.publish({ topic, payload: 'x' });
    expect(withBom.receivedHex()).toBe(published(`${bom}${name}`));
    expect(without.receivedHex()).toBe(published(name));
    // Encoded anew, at another QoS, it is still there.
    publisher.publish({ topic: `${bom}${name}`, payload: 'x', qos: 1 });
    expect(publishes(withBom).map(({ topic }) => topic)).toEqual([`${bom}${name}`]);
    expect(without.received()).toEqual([]);
  }
});

test('v3.1.1 [MQTT-1.5.3-3] U+FEFF makes another Client Identifier and another User Name', () => {
  const seen: (string | undefined)[] = [];
  const rig = openRig({ authenticate: ({ username }) => seen.push(username) > 0 });
  client(rig, '\ufeffa', { clean: false, username: '\ufeffname' }).disconnect();
  expect(sessionPresent(rig, 'a')).toBe(false);
  expect([...rig.broker.clients.keys()]).toEqual(['a']);
  expect(seen).toEqual(['\ufeffname', undefined]);
});
