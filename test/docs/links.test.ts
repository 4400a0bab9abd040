/** Relative links in Markdown files lead to files, and their fragments to headings. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { root } from './public-api.js';
import { markdownFiles } from './snippets.js';

/** Without code, in which brackets are no links. */
const proseOf = (file: string): string => readFileSync(root + file, 'utf8').replaceAll(/^```[\s\S]*?^```$|`[^`\n]*`/gm, '');

/** As GitHub makes anchors of headings. */
const anchorsOf = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'),
  );

test('every relative link resolves', () => {
  const broken: string[] = [];
  let links = 0;
  for (const file of markdownFiles()) {
    for (const [, target = ''] of proseOf(file).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links += 1;
      const [path = '', anchor] = target.split('#');
      const found = path === '' ? root + file : join(root, dirname(file), path);
      const resolves = existsSync(found) && (anchor === undefined || anchorsOf(found).includes(anchor));
      if (!resolves) broken.push(`${file}: ${target}`);
    }
  }
  expect(broken).toEqual([]);
  expect(links).toBeGreaterThan(20);
});
