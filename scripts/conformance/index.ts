/** `npm run conformance`: writes docs/conformance.md. */
import { writeFileSync } from 'node:fs';
import { conformancePage } from './page.js';

const root = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
writeFileSync(`${root}/docs/conformance.md`, conformancePage(root));
