/** Goal: without the package `jose` the rest of `odonata/auth` works, and the error says what to install. */
import { expect, jest, test } from '@jest/globals';
import { request } from './support.js';

jest.unstable_mockModule('jose', () => {
  throw new Error("Cannot find package 'jose'");
});
const { jwt, rateLimit } = await import('../../src/auth.js');
const { openRig, short } = await import('../wire/rig.js');

const options = { secret: 'a secret of at least thirty-two bytes', algorithms: ['HS256'] } as const;

test('ODN_ERR_MISSING_PACKAGE comes with the first token, and not before', async () => {
  const hook = jwt(options);
  expect(rateLimit({}).authenticate(request())).toBe(true);
  expect(hook(request())).toBe(false);
  await expect(hook(request({ password: 'a.b.c' }))).rejects.toMatchObject({
    code: 'ODN_ERR_MISSING_PACKAGE',
    message: expect.stringContaining('npm install jose'),
  });
});

test('the broker refuses the client with 0x83 and reports it', async () => {
  const rig = openRig({ authenticate: jwt(options) });
  const reported: unknown[] = [];
  rig.broker.on('hookError', (...details) => void reported.push(...details));
  const client = rig.open().connect({ clientId: 'a', username: 'a', password: Buffer.from('a.b.c') });
  while (!client.ended) await rig.settle();
  expect(short(client.received())).toEqual(['connack 0x83']);
  expect(reported.map(String).join(' ')).toContain('jose');
});
