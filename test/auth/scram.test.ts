/**
 * Goal: SCRAM-SHA-256 to the letter of RFC 5802 and 7677. Method: the vector of RFC 7677, a client written from the
 * RFC, and every message bent in some way.
 */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { scram, scramCredentials, type ScramCredentials, type ScramOptions } from '../../src/auth.js';
import type { AuthenticateAnswer } from '../../src/index.js';
import { finish, readClientFirst, serverFirst } from '../../src/auth/scram-exchange.js';
import { bytes, challengeOf, isAllowed, never, request, thrownBy } from './support.js';

const method = 'SCRAM-SHA-256';
const textOf = (data: Uint8Array | undefined): string => Buffer.from(data ?? []).toString();
const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest();

const ann = await scramCredentials('pencil', { iterations: 4096 });
const lookup = (user: string): ScramCredentials | undefined => (user === 'ann' ? ann : undefined);

const begin = (first: string | undefined, options?: ScramOptions, find: typeof lookup = lookup) =>
  scram(find, options)(request({ authenticationMethod: method, authenticationData: first === undefined ? undefined : bytes(first) }));

/** What a client answers to a server-first message. */
function clientFinal(password: string, gs2Header: string, bare: string, first: string): { readonly message: string; readonly expected: string } {
  const [, nonce = '', salt = '', iterations = ''] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(first) ?? [];
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256');
  const clientKey = hmac(salted, 'Client Key');
  const storedKey = createHash('sha256').update(clientKey).digest();
  const withoutProof = `c=${Buffer.from(gs2Header).toString('base64')},r=${nonce}`;
  const all = `${bare},${first},${withoutProof}`;
  const signature = hmac(storedKey, all);
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] as number))).toString('base64');
  return { message: `${withoutProof},p=${proof}`, expected: `v=${hmac(hmac(salted, 'Server Key'), all).toString('base64')}` };
}

/** A whole exchange; `bend` changes the client's last message. */
async function login(
  { gs2Header = 'n,,', bare = 'n=ann,r=client', password = 'pencil', find = lookup }: { gs2Header?: string; bare?: string; password?: string; find?: typeof lookup },
  bend: (message: string) => string = (message) => message,
): Promise<{ readonly answer: AuthenticateAnswer; readonly expected: string }> {
  const challenge = challengeOf(await begin(gs2Header + bare, {}, find));
  const { message, expected } = clientFinal(password, gs2Header, bare, textOf(challenge.data));
  return { answer: await challenge.next(bytes(bend(message)), never), expected };
}

describe('RFC 7677, section 3', () => {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  const final = `c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;

  test('the exchange of the example comes out byte by byte', async () => {
    const credentials = await scramCredentials('pencil', { salt, iterations: 4096 });
    const first = readClientFirst(bytes('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'));
    if (first === undefined) throw new Error('the client-first message was refused');
    expect(first).toEqual({ user: 'user', nonce: 'rOprNGfwEbeRWgbNEkqO', gs2Header: 'n,,', bare: 'n=user,r=rOprNGfwEbeRWgbNEkqO' });
    expect(serverFirst(nonce, credentials)).toBe(`r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`);
    expect(finish(first, nonce, credentials, bytes(final))).toBe('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
  });
  test('with any byte of the proof changed it does not', async () => {
    const credentials = await scramCredentials('pencil', { salt, iterations: 4096 });
    const first = readClientFirst(bytes('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'));
    const proof = Buffer.from(final.slice(final.indexOf('p=') + 2), 'base64');
    let refused = 0;
    for (let index = 0; index < 32; index += 1) {
      const bent = Buffer.from(proof);
      bent[index] = (bent[index] as number) ^ 1;
      const message = `${final.slice(0, final.indexOf('p='))}p=${bent.toString('base64')}`;
      if (first !== undefined && finish(first, nonce, credentials, bytes(message)) === undefined) refused += 1;
    }
    expect(refused).toBe(32);
  });
});

describe('a login', () => {
  test('succeeds: the principal is the user, and the broker proves that it knows the credentials', async () => {
    const { answer, expected } = await login({});
    expect(answer).toEqual({ action: 'allow', principal: 'ann', authenticationData: expect.anything() });
    expect(textOf((answer as { readonly authenticationData: Uint8Array }).authenticationData)).toBe(expected);
  });
  test.each(['n,,', 'y,,', 'n,a=ann,', 'y,a=ann,'])('the header %s is fine', async (gs2Header) => {
    expect(isAllowed((await login({ gs2Header })).answer)).toBe(true);
  });
  test('a lookup may be late, and is given the signal', async () => {
    const given: unknown[] = [];
    const hook = scram(async (user, signal) => {
      given.push(user, signal);
      return lookup(user);
    });
    const challenge = challengeOf(await hook(request({ authenticationMethod: method, authenticationData: bytes('n,,n=ann,r=x') })));
    const { message } = clientFinal('pencil', 'n,,', 'n=ann,r=x', textOf(challenge.data));
    expect(isAllowed(await challenge.next(bytes(message), never))).toBe(true);
    expect(given).toEqual(['ann', never]);
  });
  test('the nonce begins with the client\'s, goes on with one of ours, and never comes twice', async () => {
    const nonces = await Promise.all(Array.from({ length: 50 }, async () => textOf(challengeOf(await begin('n,,n=ann,r=mine')).data).split(',')[0]));
    expect(new Set(nonces).size).toBe(50);
    for (const nonce of nonces) expect(nonce).toMatch(/^r=mine[\w+/]{24}$/);
  });
  test('extensions after the nonce are part of what is proven', async () => {
    expect(isAllowed((await login({ bare: 'n=ann,r=client,x=more' })).answer)).toBe(true);
    expect((await login({ bare: 'n=ann,r=client' }, (message) => message.replace(',p=', ',x=more,p='))).answer).toBe(false);
  });
  test('the names of the wire and of SASLprep come to one user', async () => {
    const asked: string[] = [];
    const find = (user: string): ScramCredentials => {
      asked.push(user);
      return ann;
    };
    for (const name of ['a=2Cb', 'a=3Db', 'a=3D2Cb', 'I\u00adX', '\u2168', '\u00aa']) await login({ bare: `n=${name},r=x`, find });
    expect(asked).toEqual(['a,b', 'a=b', 'a=2Cb', 'IX', 'IX', 'a']);
  });
});

describe('a client-first message is refused', () => {
  test.each([
    ['none', undefined],
    ['empty', ''],
    ['channel binding: p=', 'p=tls-unique,,n=ann,r=x'],
    ['an unknown flag', 'x,,n=ann,r=x'],
    ['no header', 'n=ann,r=x'],
    ['another identity', 'n,a=bob,n=ann,r=x'],
    ['a mandatory extension', 'n,,m=must,n=ann,r=x'],
    ['no user', 'n,,r=x'],
    ['an empty user', 'n,,n=,r=x'],
    ['a stray =', 'n,,n=a=b,r=x'],
    ['a small =2c', 'n,,n=a=2cb,r=x'],
    ['no nonce', 'n,,n=ann'],
    ['an empty nonce', 'n,,n=ann,r='],
    ['a nonce with a blank', 'n,,n=ann,r=a b'],
    ['a nonce beyond ASCII', 'n,,n=ann,r=ä'],
    ['user and nonce the wrong way round', 'n,,r=x,n=ann'],
    ['an extension that is none', 'n,,n=ann,r=x,oops'],
    ['U+0000', 'n,,n=a\0nn,r=x'],
    ['a control character (SASLprep)', 'n,,n=a\u0007nn,r=x'],
    ['a private use character (SASLprep)', 'n,,n=a\ue000,r=x'],
    ['Latin within Hebrew (SASLprep)', 'n,,n=\u05d0a\u05d0,r=x'],
    ['a digit at the end of Arabic (SASLprep)', 'n,,n=\u06271,r=x'],
    ['more than 4,096 bytes', `n,,n=ann,r=${'x'.repeat(4096)}`],
  ])('%s', async (_what, message) => {
    expect(await begin(message)).toBe(false);
  });
  test('bytes that are no UTF-8', async () => {
    const data = Buffer.concat([bytes('n,,n=a'), Buffer.from([0xff]), bytes(',r=x')]);
    expect(await scram(lookup)(request({ authenticationMethod: method, authenticationData: data }))).toBe(false);
  });
  test('0x8C: another method, or none', async () => {
    for (const authenticationMethod of ['SCRAM-SHA-1', 'scram-sha-256', undefined]) {
      const asked = request({ authenticationMethod, authenticationData: bytes('n,,n=ann,r=x'), username: 'ann', password: 'pencil' });
      expect(await scram(lookup)(asked)).toEqual({ action: 'deny', reasonCode: 0x8c });
    }
  });
});

describe('a client-final message is refused', () => {
  const bends: readonly (readonly [string, (message: string) => string])[] = [
    ['empty', () => ''],
    ['another channel binding', (message) => message.replace('c=biws', 'c=eSws')],
    ['no channel binding', (message) => message.replace('c=biws,', '')],
    ['another nonce', (message) => message.replace(',r=client', ',r=Client')],
    ['a cut nonce', (message) => message.replace(/,r=client[^,]*/, ',r=client')],
    ['no proof', (message) => message.replace(/,p=.*$/, '')],
    ['a short proof', (message) => message.replace(/,p=.*$/, ',p=AAAA')],
    ['a proof that is no base64', (message) => message.replace(/=$/, '')],
    ['something behind the proof', (message) => `${message},x=1`],
    ['U+0000 at the end', (message) => `${message}\0`],
  ];
  test.each(bends)('%s', async (_what, bend) => {
    expect((await login({}, bend)).answer).toBe(false);
  });
  test('none', async () => {
    expect(await challengeOf(await begin('n,,n=ann,r=x')).next(undefined, never)).toBe(false);
  });
  test('of a wrong password', async () => {
    expect((await login({ password: 'Pencil' })).answer).toBe(false);
  });
  test('that was right in another exchange', async () => {
    const one = challengeOf(await begin('n,,n=ann,r=x'));
    const other = challengeOf(await begin('n,,n=ann,r=x'));
    const { message } = clientFinal('pencil', 'n,,', 'n=ann,r=x', textOf(one.data));
    expect(await other.next(bytes(message), never)).toBe(false);
    expect(isAllowed(await one.next(bytes(message), never))).toBe(true);
  });
  test('a header that promised y and then says n', async () => {
    expect((await login({ gs2Header: 'y,,' }, (message) => message.replace('c=eSws', 'c=biws'))).answer).toBe(false);
  });
});

describe('an unknown user', () => {
  const secret = Buffer.alloc(16, 7);
  const saltOf = async (user: string, options?: ScramOptions): Promise<string> =>
    textOf(challengeOf(await begin(`n,,n=${user},r=x`, options)).data).replace(/^r=[^,]*,/, '');

  test('is asked like a known one: the same salt each time and after a restart, with the iterations of the others', async () => {
    const options = { secret, iterations: 4096 };
    expect(await saltOf('bob', options)).toMatch(/^s=[\w+/]{22}==,i=4096$/);
    expect(await saltOf('bob', options)).toBe(await saltOf('bob', options));
    expect(await saltOf('bob', options)).not.toBe(await saltOf('eve', options));
    expect(await saltOf('bob', { secret: Buffer.alloc(16, 8) })).not.toBe(await saltOf('bob', { secret }));
    expect(await saltOf('bob')).toMatch(/,i=15000$/);
  });
  test('is never let in, not even by whoever knows the secret', async () => {
    expect((await login({ bare: 'n=bob,r=x' })).answer).toBe(false);
    const challenge = challengeOf(await begin('n,,n=bob,r=x', { secret }));
    const storedKey = hmac(secret, 'key:bob');
    expect(await challenge.next(bytes(`c=biws,r=x,p=${storedKey.toString('base64')}`), never)).toBe(false);
  });
});

describe('what the host gives', () => {
  test.each([
    ['no keys', { salt: ann.salt, iterations: 4096 }],
    ['a short key', { ...ann, storedKey: ann.storedKey.subarray(1) }],
    ['too few iterations', { ...ann, iterations: 4095 }],
    ['no salt', { ...ann, salt: new Uint8Array(0) }],
    ['null', null],
    ['true', true],
  ])('nonsense from lookup is an error that names the user: %s', (_what, credentials) => {
    expect(thrownBy(() => begin('n,,n=ann,r=x', {}, () => credentials as never))).toMatchObject({ code: 'ODN_ERR_ARGUMENT', message: expect.stringContaining("'ann'") });
  });
  test('wrong options', async () => {
    for (const options of [{ secret: Buffer.alloc(15) }, { iterations: 4095 }, { iterations: 4096.5 }, { salt: 1 }]) {
      expect(thrownBy(() => scram(lookup, options as never))).toMatchObject({ code: 'ODN_ERR_OPTION', message: expect.stringContaining(Object.keys(options)[0] as string) });
    }
    expect(thrownBy(() => scram(5 as never))).toMatchObject({ code: 'ODN_ERR_OPTION' });
    for (const options of [{ iterations: 1 }, { salt: new Uint8Array(0) }, { secret: 1 }]) {
      await expect(scramCredentials('x', options as never)).rejects.toMatchObject({ code: 'ODN_ERR_OPTION' });
    }
  });
  test('scramCredentials prepares the password, makes a salt each time and refuses what SASLprep forbids', async () => {
    const [one, two] = [await scramCredentials('I\u00adX'), await scramCredentials('\u2168')];
    expect(one.salt).not.toEqual(two.salt);
    expect(await scramCredentials('\u2168', { salt: one.salt })).toEqual(one);
    expect(one).toMatchObject({ iterations: 15_000 });
    for (const wrong of ['', '\u0007', 'a\u0000', '\ud800', '\u06271', 5]) {
      await expect(scramCredentials(wrong as string)).rejects.toMatchObject({ code: 'ODN_ERR_ARGUMENT' });
    }
  });
});
