/** Goal: the right password of a user in the file, and nothing else, lets in. Method: files made here and by `mosquitto_passwd`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { hashPassword, passwordFile, type PasswordFileOptions } from '../../src/auth.js';
import { isAllowed, request, StandingClock, thrownBy } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'odonata-passwords-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function fileWith(text: string | Uint8Array): string {
  files += 1;
  const path = join(folder, `passwords-${files}`);
  writeFileSync(path, text);
  return path;
}

/** All have the password `secret`; the first two were written by mosquitto_passwd 2.0.11. */
const sha512 = 'old:$6$xbu5BmQSY+3F9LEb$gnE7pgwKSfEVpnOMvapSMk8IpY4Bx+bp1DKW99sqxRv5gjw4Ko1QjMD8psD8bu6AWNqNSAAw5UfHbNhWFgpDgA==';
const pbkdf2 = 'ann:$7$101$sPAG6hM07W+Yu/Xb$Z3wuvpdoYN3cUjEB+KXgOOJT8YZiFn5pyoIZQbwHuD9nF/ppsi/STj/SPzNTJKYCy7rJJPc9WgXmPJ/wzxY/FQ==';
const thousand = 'a b:$7$1000$Rn3TMMak5T93q2Eh$OttfjNlXOw8U3of7ZorXk32rGThn3MipITycOA7qe5PXqWw8enUjTex8fMaUl1my6ElPkz0acsqK8YuSa20hRQ==';

const ask = (hook: ReturnType<typeof passwordFile>, username: string | undefined, password?: string) =>
  hook(request({ username, ...(password !== undefined && { password }) }));
const opened = (text: string, options?: PasswordFileOptions) => passwordFile(fileWith(text), options);

describe('hashes', () => {
  test.each([
    ['$6$', sha512, 'old'],
    ['$7$', pbkdf2, 'ann'],
    ['$7$ with iterations of its own, and a blank in the name', thousand, 'a b'],
  ])('%s: the right password is let in, with the user as the principal; others are not', async (_kind, line, user) => {
    const hook = opened(`${line}\n`);
    expect(await ask(hook, user, 'secret')).toEqual({ action: 'allow', principal: user });
    for (const wrong of ['Secret', 'secret ', 'secre', 'secret\0', '']) expect(await ask(hook, user, wrong)).toBe(false);
  });
  test('scrypt: what hashPassword makes is let in, and differs each time', async () => {
    const [one, two] = [await hashPassword('pässword'), await hashPassword(Buffer.from('pässword'))];
    expect(one).toMatch(/^\$scrypt\$16384\$8\$5\$[\w+/]{22}==\$[\w+/]{43}=$/);
    expect(two).not.toBe(one);
    const hook = opened(`one:${one}\ntwo:${two}`);
    expect(isAllowed(await ask(hook, 'one', 'pässword'))).toBe(true);
    expect(isAllowed(await ask(hook, 'two', 'pässword'))).toBe(true);
    expect(await ask(hook, 'one', 'password')).toBe(false);
  });
  test('hashPassword refuses an empty, an endless and no password, and shows none', async () => {
    for (const wrong of ['', 'xx\0', 'x'.repeat(65_536), undefined as never, 5 as never]) {
      await expect(hashPassword(wrong)).rejects.toMatchObject({ code: 'ODN_ERR_ARGUMENT', message: expect.not.stringContaining('xx') });
    }
  });
});

describe('who is refused', () => {
  test('an unknown user, no user name, no password', async () => {
    const hook = opened(pbkdf2);
    expect(await ask(hook, 'bob', 'secret')).toBe(false);
    expect(await ask(hook, undefined, 'secret')).toBe(false);
    expect(await ask(hook, 'ann')).toBe(false);
  });
  test('everybody, by a file that is empty or has comments only', async () => {
    for (const text of ['', '\n\n', '# ann:$7$1$a$b\n', ' \r\n']) {
      expect(await ask(opened(text), '', '')).toBe(false);
      expect(await ask(opened(text), 'ann', 'secret')).toBe(false);
    }
  });
  test('0x8C: whoever asks for enhanced authentication', () => {
    const hook = opened(pbkdf2);
    expect(hook(request({ username: 'ann', password: 'secret', authenticationMethod: 'JWT' }))).toEqual({ action: 'deny', reasonCode: 0x8c });
  });
  test('names of Object.prototype are users like any other', async () => {
    expect(await ask(opened(pbkdf2), '__proto__', 'secret')).toBe(false);
    expect(await ask(opened(pbkdf2), 'constructor', 'secret')).toBe(false);
  });
});

describe('a file that is wrong', () => {
  const hashOf = (line: string): string => line.slice(line.indexOf('$'));
  test.each([
    ['no colon', 'secret', 1, 'there is no ":"'],
    ['plain text', `${pbkdf2}\n\nbob:hunter2`, 3, "the user 'bob' has no hash"],
    ['no hash', 'bob:', 1, "the user 'bob' has no hash"],
    ['an unknown kind', 'bob:$5$salt$hash', 1, 'of the kind $5$'],
    ['too few fields', 'bob:$7$101$salt', 1, '$7$iterations$salt$hash'],
    ['no iterations', 'bob:$7$0$AAAA$AAAA', 1, 'has 0 iterations'],
    ['far too many iterations', 'bob:$7$99999999999$AAAA$AAAA', 1, 'iterations'],
    ['a salt that is no base64', hashOf(pbkdf2).replace('sPAG', 's.AG').replace(/^/, 'bob:'), 1, 'has a salt'],
    ['an empty salt', 'bob:$6$$AAAA', 1, 'has a salt'],
    ['a short hash', 'bob:$6$AAAA$AAAA', 1, 'base64 of 64 bytes'],
    ['a scrypt N that is no power of two', 'bob:$scrypt$1000$8$1$AAAA$AAAA', 1, 'power of two'],
    ['scrypt that takes all memory', 'bob:$scrypt$16777216$8$1$AAAA$AAAA', 1, 'at most'],
    ['a user twice', `${pbkdf2}\r\n${pbkdf2}`, 2, "'ann' is there twice"],
    ['no user', hashOf(pbkdf2).replace(/^/, ':'), 1, "the user name is ''"],
    ['blanks at an end of the user', ` ${pbkdf2}`, 1, "the user name is ' ann'"],
  ])('%s: the error has file and line, and neither hash nor password', (_what, text, line, why) => {
    const path = fileWith(text);
    const error = thrownBy(() => passwordFile(path)) as Error;
    expect(error).toMatchObject({ code: 'ODN_ERR_OPTION', message: expect.stringContaining(`${path}:${line}: `) });
    expect(error.message).toContain(why);
    expect(error.message).not.toMatch(/hunter2|: secret|sPAG|Z3wu/);
  });
  test('one that is not there, is a folder or is no UTF-8', () => {
    for (const path of [join(folder, 'none'), folder, fileWith(Buffer.from([0x61, 0xff, 0x3a]))]) {
      expect(thrownBy(() => passwordFile(path))).toMatchObject({ code: 'ODN_ERR_OPTION', message: expect.stringContaining(path) });
    }
  });
  test('options out of range or misspelt', () => {
    const path = fileWith(pbkdf2);
    const wrong = [{ cacheSeconds: -1 }, { cacheSeconds: 3601 }, { concurrencyMax: 0 }, { concurrencyMax: 1.5 }, { queueMax: Number.NaN }, { now: 5 }, { cache: 1 }];
    for (const options of wrong) {
      const [name] = Object.keys(options);
      expect(thrownBy(() => passwordFile(path, options as never))).toMatchObject({ code: 'ODN_ERR_OPTION', message: expect.stringContaining(name as string) });
    }
    expect(thrownBy(() => passwordFile(''))).toMatchObject({ code: 'ODN_ERR_OPTION' });
  });
});

describe('reload', () => {
  test('takes over the new file; who left it is refused, whatever was cached', async () => {
    const path = fileWith(`${pbkdf2}\n${sha512}`);
    const hook = passwordFile(path);
    expect(isAllowed(await ask(hook, 'ann', 'secret'))).toBe(true);
    writeFileSync(path, sha512);
    expect(isAllowed(await ask(hook, 'ann', 'secret'))).toBe(true);
    await hook.reload();
    expect(await ask(hook, 'ann', 'secret')).toBe(false);
    expect(isAllowed(await ask(hook, 'old', 'secret'))).toBe(true);
  });
  test('all or nothing: with a wrong line, or without the file, it rejects and the old users stay', async () => {
    const path = fileWith(pbkdf2);
    const hook = passwordFile(path);
    writeFileSync(path, `${sha512}\nbroken`);
    await expect(hook.reload()).rejects.toMatchObject({ code: 'ODN_ERR_OPTION', message: expect.stringContaining(`${path}:2: `) });
    rmSync(path);
    await expect(hook.reload()).rejects.toMatchObject({ code: 'ODN_ERR_OPTION' });
    expect(await ask(hook, 'old', 'secret')).toBe(false);
    expect(isAllowed(await ask(hook, 'ann', 'secret'))).toBe(true);
    writeFileSync(path, '');
    await hook.reload();
    expect(await ask(hook, 'ann', 'secret')).toBe(false);
  });
  test('a login that is being verified meanwhile is refused when its user is gone or has a new password', async () => {
    const path = fileWith(`${pbkdf2}\n${thousand}`);
    const hook = passwordFile(path);
    writeFileSync(path, thousand);
    const [removed, kept] = [ask(hook, 'ann', 'secret'), ask(hook, 'a b', 'secret')];
    const swap = hook.reload();
    // Whichever is first, nothing old is kept.
    await Promise.all([removed, kept, swap]);
    expect(await ask(hook, 'ann', 'secret')).toBe(false);
    expect(isAllowed(await ask(hook, 'a b', 'secret'))).toBe(true);
  });
  test('of several at once the last state of the file is in force', async () => {
    const path = fileWith('');
    const hook = passwordFile(path);
    const reloads = [hook.reload(), hook.reload()];
    writeFileSync(path, pbkdf2);
    await Promise.all([...reloads, hook.reload()]);
    expect(isAllowed(await ask(hook, 'ann', 'secret'))).toBe(true);
  });
});

describe('cost', () => {
  test('a right password is answered at once for cacheSeconds, a wrong one never', async () => {
    const clock = new StandingClock();
    const hook = opened(pbkdf2, { cacheSeconds: 5, now: clock.now });
    await ask(hook, 'ann', 'secret');
    clock.ms += 4999;
    expect(ask(hook, 'ann', 'secret')).toEqual({ action: 'allow', principal: 'ann' });
    await ask(hook, 'ann', 'wrong');
    expect(ask(hook, 'ann', 'wrong')).toBeInstanceOf(Promise);
    clock.ms += 1;
    expect(ask(hook, 'ann', 'secret')).toBeInstanceOf(Promise);
    const uncached = opened(pbkdf2, { cacheSeconds: 0 });
    await ask(uncached, 'ann', 'secret');
    expect(ask(uncached, 'ann', 'secret')).toBeInstanceOf(Promise);
  });
  test('user name and password are not run together in the cache', async () => {
    const hook = opened(`${pbkdf2}\n${pbkdf2.replace('ann', 'anns')}`);
    await ask(hook, 'anns', 'secret');
    expect(await ask(hook, 'ann', 'ssecret')).toBe(false);
  });
  test('0x89: beyond the running and the waiting nobody is hashed; known and unknown users alike', async () => {
    const hook = opened(pbkdf2, { concurrencyMax: 1, queueMax: 2 });
    const busy = { action: 'deny', reasonCode: 0x89 };
    const pending = ['ann', 'bob', 'ann'].map((user) => ask(hook, user, 'secret'));
    expect(ask(hook, 'ann', 'secret')).toEqual(busy);
    expect(ask(hook, 'bob', 'secret')).toEqual(busy);
    expect((await Promise.all(pending)).map(isAllowed)).toEqual([true, false, true]);
    expect(isAllowed(await ask(hook, 'ann', 'secret'))).toBe(true);
  });
  test('whoever goes away gives up its place', async () => {
    const hook = opened(pbkdf2, { concurrencyMax: 1, queueMax: 1 });
    const gone = new AbortController();
    const running = ask(hook, 'ann', 'secret');
    const waiting = hook(request({ username: 'ann', password: 'secret', signal: gone.signal }));
    gone.abort();
    expect(await waiting).toBe(false);
    const next = ask(hook, 'ann', 'secret');
    expect((await Promise.all([running, next])).map(isAllowed)).toEqual([true, true]);
  });
});
