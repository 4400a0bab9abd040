/** Goal: only a whole, signed, current token of the right issuer lets in. Method: tokens made with jose and by hand, each wrong in one way. */
import { createHmac, createSecretKey, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { base64url, SignJWT, type JWTPayload } from 'jose';
import { jwt, type JwtOptions } from '../../src/auth.js';
import { closeAll, listening } from '../support/sockets.js';
import type { WireClient } from '../../src/testing/index.js';
import { openRig, short, type Rig } from '../wire/rig.js';
import { bytes, isAllowed, request, thrownBy } from './support.js';

afterEach(closeAll);

const secret = 'a secret of at least thirty-two bytes';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const nowSeconds = 1_800_000_000;
const now = (): number => nowSeconds * 1000;
const claims: JWTPayload = { sub: 'ann', exp: nowSeconds + 60 };

const signed = (payload: JWTPayload = claims, key: Parameters<SignJWT['sign']>[0] = bytes(secret), alg = 'HS256', kid?: string): Promise<string> =>
  new SignJWT(payload).setProtectedHeader({ alg, ...(kid !== undefined && { kid }) }).sign(key);

const withSecret: JwtOptions = { secret, algorithms: ['HS256'], now };
const ask = async (token: string, options: JwtOptions = withSecret, username?: string) => jwt(options)(request({ username, password: token }));

describe('a token as the password', () => {
  test('lets in: `sub` is the principal, the login ends with `exp`, any user name will do', async () => {
    const allowed = { action: 'allow', principal: 'ann', expiresAtMs: (nowSeconds + 60) * 1000 };
    expect(await ask(await signed())).toEqual(allowed);
    expect(await ask(await signed(), withSecret, 'whoever')).toEqual(allowed);
  });
  test.each([
    ['no token', ''],
    ['text', 'secret'],
    ['two parts', 'a.b'],
    ['bytes that are no ASCII', '\u00ff.\u00ff.\u00ff'],
  ])('refuses %s', async (_what, token) => {
    expect(await ask(token)).toBe(false);
    expect(await jwt(withSecret)(request())).toBe(false);
  });
  test.each<[string, JWTPayload]>([
    ['is over', { sub: 'ann', exp: nowSeconds }],
    ['has no end', { sub: 'ann' }],
    ['is not valid yet', { ...claims, nbf: nowSeconds + 1 }],
    ['has no subject', { exp: nowSeconds + 60 }],
    ['has an empty subject', { ...claims, sub: '' }],
    ['has a number for a subject', { ...claims, sub: 5 as never }],
    ['has a control character in its subject', { ...claims, sub: 'ann\u0000' }],
  ])('refuses one that %s', async (_what, payload) => {
    expect(await ask(await signed(payload))).toBe(false);
  });
  test('refuses one that is signed with another secret, changed, or not signed', async () => {
    expect(await ask(await signed(claims, bytes('another secret of thirty-two bytes')))).toBe(false);
    const [header = '', , signature = ''] = (await signed()).split('.');
    const bob = base64url.encode(JSON.stringify({ ...claims, sub: 'bob' }));
    expect(await ask([header, bob, signature].join('.'))).toBe(false);
    const none = base64url.encode(JSON.stringify({ alg: 'none' }));
    expect(await ask([none, bob, ''].join('.'))).toBe(false);
  });
  test('without requireExpiry one without an end is let in, with no end of the login', async () => {
    expect(await ask(await signed({ sub: 'ann' }), { ...withSecret, requireExpiry: false })).toEqual({ action: 'allow', principal: 'ann' });
  });
  test('clockToleranceSeconds moves the end of token and login', async () => {
    const options = { ...withSecret, clockToleranceSeconds: 10 };
    expect(await ask(await signed({ sub: 'ann', exp: nowSeconds - 9 }), options)).toMatchObject({ expiresAtMs: (nowSeconds + 1) * 1000 });
    expect(await ask(await signed({ sub: 'ann', exp: nowSeconds - 10 }), options)).toBe(false);
  });
  test('issuer and audience must be among those that are given', async () => {
    const options: JwtOptions = { ...withSecret, issuer: ['https://a.example', 'https://b.example'], audience: 'mqtt' };
    expect(isAllowed(await ask(await signed({ ...claims, iss: 'https://b.example', aud: ['web', 'mqtt'] }), options))).toBe(true);
    for (const wrong of [{ iss: 'https://b.example' }, { aud: 'mqtt' }, { iss: 'https://c.example', aud: 'mqtt' }, { iss: 'https://a.example', aud: 'web' }]) {
      expect(await ask(await signed({ ...claims, ...wrong }), options)).toBe(false);
    }
  });
  test('principalClaim, usernameClaim and limitsClaim', async () => {
    const options = { ...withSecret, principalClaim: 'device', usernameClaim: 'sub', limitsClaim: 'mqtt' };
    const token = await signed({ ...claims, device: 'd1', mqtt: { maximumQoS: 1 } });
    expect(await ask(token, options, 'ann')).toMatchObject({ principal: 'd1', limits: { maximumQoS: 1 } });
    expect(await ask(token, options, 'bob')).toBe(false);
    expect(await ask(token, options)).toBe(false);
    expect(await ask(await signed({ ...claims, device: 'd1' }), options, 'ann')).not.toHaveProperty('limits');
  });
});

describe('keys', () => {
  test.each<[string, JwtOptions['publicKey']]>([
    ['PEM', rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    ['a KeyObject', rsa.publicKey],
    ['a JWK', rsa.publicKey.export({ format: 'jwk' }) as never],
  ])('a public key as %s serves every algorithm that is listed, and no other', async (_form, publicKey) => {
    const options: JwtOptions = { publicKey: publicKey as string, algorithms: ['RS256', 'PS256'], now };
    expect(isAllowed(await ask(await signed(claims, rsa.privateKey, 'RS256'), options))).toBe(true);
    expect(isAllowed(await ask(await signed(claims, rsa.privateKey, 'PS256'), options))).toBe(true);
    expect(await ask(await signed(claims, rsa.privateKey, 'RS384'), options)).toBe(false);
    expect(await ask(await signed(claims, ec.privateKey, 'ES256'), options)).toBe(false);
  });
  test('a token that is signed with the public key as a secret is refused', async () => {
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const head = `${base64url.encode('{"alg":"HS256"}')}.${base64url.encode(JSON.stringify(claims))}`;
    const forged = `${head}.${createHmac('sha256', pem).update(head).digest('base64url')}`;
    expect(await ask(forged, { publicKey: pem, algorithms: ['RS256'], now })).toBe(false);
  });
  const set = { keys: [{ ...rsa.publicKey.export({ format: 'jwk' }), kid: 'r', alg: 'RS256' }, { ...ec.publicKey.export({ format: 'jwk' }), kid: 'e', alg: 'ES256' }] } as NonNullable<JwtOptions['jwks']>;

  test('a JWK set: the token names its key', async () => {
    const options: JwtOptions = { jwks: set, algorithms: ['RS256', 'ES256'], now };
    expect(isAllowed(await ask(await signed(claims, ec.privateKey, 'ES256', 'e'), options))).toBe(true);
    expect(isAllowed(await ask(await signed(claims, rsa.privateKey, 'RS256', 'r'), options))).toBe(true);
    expect(await ask(await signed(claims, rsa.privateKey, 'RS256', 'e'), options)).toBe(false);
    expect(await ask(await signed(claims, rsa.privateKey, 'RS256', 'x'), options)).toBe(false);
  });
  test('a JWK set behind a URL is fetched once; while it cannot be had the hook fails, which denies', async () => {
    let [asked, status] = [0, 500];
    const server = createServer((_request, response) => {
      asked += 1;
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(set));
    });
    const port = await listening(server);
    const hook = jwt({ jwksUrl: `http://127.0.0.1:${port}/keys`, algorithms: ['ES256'], now });
    const login = async (kid: string) => hook(request({ password: await signed(claims, ec.privateKey, 'ES256', kid) }));
    await expect(login('e')).rejects.toThrow('200 OK');
    status = 200;
    expect(isAllowed(await login('e'))).toBe(true);
    expect(isAllowed(await login('e'))).toBe(true);
    expect(await login('unknown')).toBe(false);
    expect(asked).toBe(2);
  });
});

describe('options are refused by their name', () => {
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const privatePem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  test.each<[string, object]>([
    ['key', { algorithms: ['HS256'] }],
    ['secret and publicKey', { secret, publicKey: pem, algorithms: ['HS256'] }],
    ['algorithms', { secret }],
    ['algorithms', { secret, algorithms: [] }],
    ['algorithms', { secret, algorithms: 'HS256' }],
    ['algorithms', { secret, algorithms: ['none'] }],
    ['algorithms', { secret, algorithms: ['HS256', 'RS256'] }],
    ['algorithms', { publicKey: pem, algorithms: ['RS256', 'HS256'] }],
    ['secret', { secret: 'short', algorithms: ['HS256'] }],
    ['secret', { secret: 'x'.repeat(63), algorithms: ['HS256', 'HS512'] }],
    ['secret', { secret: 5, algorithms: ['HS256'] }],
    ['publicKey', { publicKey: privatePem, algorithms: ['RS256'] }],
    ['publicKey', { publicKey: rsa.privateKey, algorithms: ['RS256'] }],
    ['publicKey', { publicKey: createSecretKey(Buffer.alloc(32)), algorithms: ['RS256'] }],
    ['publicKey', { publicKey: { kty: 'oct', k: 'AA' }, algorithms: ['RS256'] }],
    ['publicKey', { publicKey: '-----BEGIN PUBLIC KEY-----\nAA', algorithms: ['RS256'] }],
    ['jwks', { jwks: {}, algorithms: ['RS256'] }],
    ['jwksUrl', { jwksUrl: 'http://keys.example/', algorithms: ['RS256'] }],
    ['jwksUrl', { jwksUrl: 'keys', algorithms: ['RS256'] }],
    ['issuer', { ...withSecret, issuer: [] }],
    ['audience', { ...withSecret, audience: '' }],
    ['clockToleranceSeconds', { ...withSecret, clockToleranceSeconds: -1 }],
    ['requireExpiry', { ...withSecret, requireExpiry: 'no' }],
    ['principalClaim', { ...withSecret, principalClaim: '' }],
    ['method', { ...withSecret, method: '' }],
    ['now', { ...withSecret, now: 1 }],
    ['algorithm', { secret, algorithm: 'HS256' }],
  ])('%s', (name, options) => {
    const error = thrownBy(() => jwt(options as never)) as Error;
    expect(error).toMatchObject({ code: 'ODN_ERR_OPTION', message: expect.stringContaining(name) });
    expect(error.message).not.toMatch(/PRIVATE|a secret of/);
  });
});

describe('enhanced authentication', () => {
  const method = 'JWT';
  const asked = (token: string | undefined, authenticationMethod = method, password?: string) =>
    request({ authenticationMethod, authenticationData: token === undefined ? undefined : bytes(token), ...(password !== undefined && { password }) });

  test('the token is the data, not the password', async () => {
    const hook = jwt(withSecret);
    expect(isAllowed(await hook(asked(await signed())))).toBe(true);
    expect(await hook(asked(undefined, method, await signed()))).toBe(false);
    expect(await hook(asked('x', method, await signed()))).toBe(false);
  });
  test('0x8C: another method; the name is an option', async () => {
    expect(await jwt(withSecret)(asked(await signed(), 'OTHER', await signed()))).toEqual({ action: 'deny', reasonCode: 0x8c });
    expect(isAllowed(await jwt({ ...withSecret, method: 'OTHER' })(asked(await signed(), 'OTHER')))).toBe(true);
  });
  test('through a broker: the login ends with the token unless it is renewed, by the same principal only', async () => {
    const rig: Rig = openRig({ authenticate: jwt({ secret, algorithms: ['HS256'], now: () => rig.clock.wall() }) });
    const properties = async (sub: string, seconds: number) => {
      const exp = Math.floor(rig.clock.wall() / 1000) + seconds;
      return { authenticationMethod: method, authenticationData: await signed({ sub, exp }) };
    };
    const client = rig.open().connect({ clientId: 'a', properties: await properties('ann', 60) });
    expect(await answered(rig, client)).toEqual(['connack']);
    rig.clock.advance(50_000);
    client.auth(0x19, await properties('ann', 60));
    expect(await answered(rig, client)).toEqual(['auth']);
    rig.clock.advance(50_000);
    expect(client.closed).toBe(false);
    client.auth(0x19, await properties('bob', 600));
    expect(await answered(rig, client)).toEqual(['disconnect 0x87']);
    const other = rig.open().connect({ clientId: 'b', properties: await properties('ann', 60) });
    expect(await answered(rig, other)).toEqual(['connack']);
    rig.clock.advance(61_000);
    expect(short(other.received())).toEqual(['disconnect 0x87']);
  });
});

/** What the broker sends next: signatures are checked in other threads, whose time is nobody's. */
async function answered(rig: Rig, client: WireClient): Promise<string[]> {
  for (;;) {
    await rig.settle();
    const packets = short(client.received());
    if (packets.length > 0) return packets;
  }
}
