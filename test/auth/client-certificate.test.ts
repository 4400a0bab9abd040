/** Goal: a verified certificate, and only that, says who a client is. Method: facts as Node states them, and one real handshake. */
import { readFileSync } from 'node:fs';
import { connect as connectTls, createServer, type TlsOptions } from 'node:tls';
import { afterEach, describe, expect, test } from '@jest/globals';
import { clientCertificate, type ClientCertificateOptions } from '../../src/auth.js';
import type { TlsInfo } from '../../src/index.js';
import { listening, closeAll, mqttJsOn, realBroker } from '../support/sockets.js';
import { request, thrownBy } from './support.js';

afterEach(closeAll);

const fingerprint = `${'AB:'.repeat(31)}CD`;
const now = (): number => Date.UTC(2026, 0, 1);
const certificate = {
  subject: { CN: 'ann', O: 'x' },
  subjectaltname: 'DNS:ann.example, email:ann@example.org, URI:spiffe://example/ann, IP Address:192.0.2.1',
  fingerprint256: fingerprint,
  valid_to: 'Nov 24 03:54:43 2026 GMT',
};
const expiresAtMs = Date.UTC(2026, 10, 24, 3, 54, 43);

const ask = (peerCertificate: Readonly<Record<string, unknown>> | undefined, options: ClientCertificateOptions = {}, tls: Partial<TlsInfo> = {}) =>
  clientCertificate({ now, ...options })(
    request({ username: 'somebody', connection: { tls: { authorized: true, ...(peerCertificate && { peerCertificate }), ...tls } } }),
  );

describe('the principal', () => {
  test.each([
    ['commonName', 'ann'],
    ['fingerprint', fingerprint],
    ['dns', 'ann.example'],
    ['email', 'ann@example.org'],
    ['uri', 'spiffe://example/ann'],
    ['ip', '192.0.2.1'],
  ] as const)('%s: %s; the login ends with the certificate', (principal, expected) => {
    expect(ask(certificate, { principal })).toEqual({ action: 'allow', principal: expected, expiresAtMs });
  });
  test('is the common name by default', () => {
    expect(ask(certificate)).toMatchObject({ principal: 'ann' });
  });
  test('a quoted name is one name, whatever it looks like', () => {
    const subjectaltname = String.raw`DNS:"bob.example, DNS:ann.example", URI:"a\"b"`;
    expect(ask({ ...certificate, subjectaltname }, { principal: 'dns' })).toMatchObject({ principal: 'bob.example, DNS:ann.example' });
    expect(ask({ ...certificate, subjectaltname }, { principal: 'uri' })).toMatchObject({ principal: 'a"b' });
  });
});

describe('refused', () => {
  test('no TLS, no certificate, one that was not verified', () => {
    expect(clientCertificate()(request({ username: 'ann', password: 'x' }))).toBe(false);
    expect(ask(undefined)).toBe(false);
    expect(ask(certificate, {}, { authorized: false, authorizationError: 'DEPTH_ZERO_SELF_SIGNED_CERT' })).toBe(false);
    expect(ask(certificate, {}, { authorized: 'yes' as never })).toBe(false);
  });
  test.each<[string, object, ClientCertificateOptions]>([
    ['no subject', { subject: undefined }, {}],
    ['no common name', { subject: { O: 'x' } }, {}],
    ['two common names', { subject: { CN: ['ann', 'bob'] } }, {}],
    ['an empty common name', { subject: { CN: '' } }, {}],
    ['U+0000 in the name', { subject: { CN: 'ann\0.evil' } }, {}],
    ['no such alternative name', { subjectaltname: 'DNS:x' }, { principal: 'email' }],
    ['two of them', { subjectaltname: 'DNS:x, DNS:y' }, { principal: 'dns' }],
    ['no alternative names at all', { subjectaltname: undefined }, { principal: 'dns' }],
    ['alternative names that cannot be read to their end', { subjectaltname: 'DNS:ann, DNS:"x' }, { principal: 'dns' }],
    ['it is over', { valid_to: 'Dec 31 23:59:59 2025 GMT' }, {}],
    ['an end that is no date', { valid_to: 'soon' }, {}],
    ['another fingerprint', {}, { fingerprints: ['EF'.repeat(32)] }],
    ['no fingerprint, where some are listed', { fingerprint256: undefined }, { fingerprints: [fingerprint] }],
    ['any, where none is listed', {}, { fingerprints: [] }],
  ])('%s', (_what, fields, options) => {
    expect(ask({ ...certificate, ...fields }, options)).toBe(false);
  });
  test('a listed fingerprint is let in, in either form', () => {
    for (const listed of [fingerprint, fingerprint.replaceAll(':', '').toLowerCase()]) {
      expect(ask(certificate, { fingerprints: ['00'.repeat(32), listed] })).toMatchObject({ principal: 'ann' });
    }
  });
  test.each<[string, object]>([
    ['principal', { principal: 'cn' }],
    ['fingerprints', { fingerprints: 'AB' }],
    ['fingerprints[1]', { fingerprints: [fingerprint, 'AB:CD'] }],
    ['now', { now: 1 }],
    ['name', { name: 'dns' }],
  ])('the option %s, when it is wrong', (name, options) => {
    expect(thrownBy(() => clientCertificate(options as never))).toMatchObject({ code: 'ODN_ERR_OPTION', message: expect.stringContaining(name) });
  });
});

test('a real handshake: MQTT.js with a certificate is let in under its common name', async () => {
  const read = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
  const broker = realBroker({ authenticate: clientCertificate() });
  const options: TlsOptions = { cert: read('server.crt'), key: read('server.key'), ca: read('ca.crt'), requestCert: true, rejectUnauthorized: false };
  const server = createServer(options, (socket) => broker.handle(socket));
  const port = await listening(server);
  const open = (own: object) => connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...own });
  await mqttJsOn(open({ cert: read('client.crt'), key: read('client.key') }), { clientId: 'known' });
  expect(broker.clients.get('known')?.principal).toMatch(/./);
  await expect(mqttJsOn(open({}), { clientId: 'unknown' })).rejects.toMatchObject({ code: 0x87 });
});
