/** `npm run api` writes the report of every entry point to etc/, `npm run api:check` compares: see etc/*.api-extractor.json. */
import { readdirSync } from 'node:fs';
import { spawnSync } from 'node:child_process';

const configs = ['api-extractor.json', ...readdirSync('etc').filter((file) => file.endsWith('.api-extractor.json')).map((file) => `etc/${file}`)];
let status = 0;
for (const config of configs) {
  const args = ['node_modules/@microsoft/api-extractor/bin/api-extractor', 'run', ...process.argv.slice(2), '--config', config];
  status ||= spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}
process.exitCode = status;
