/**
 * Writes the option tables of README.md (short) and docs/guides/limits.md (whole) from the comments in
 * src/broker/options.ts, between `<!-- options -->` and `<!-- /options -->`.
 * Run: node scripts/readme-options.mjs; with --check it changes nothing and fails when a table is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import ts from 'typescript';

const root = new URL('../', import.meta.url);
const read = (file) => readFileSync(new URL(file, root), 'utf8');

/** Every member of BrokerOptions with its comment, taken apart. */
function readOptions() {
  const tree = ts.createSourceFile('options.ts', read('src/broker/options.ts'), ts.ScriptTarget.ES2023, true);
  const declaration = tree.statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === 'BrokerOptions');
  return declaration.members.map((member) => {
    const [comment] = ts.getJSDocCommentsAndTags(member);
    const tag = comment.tags?.find(({ tagName }) => tagName.text === 'defaultValue');
    if (tag === undefined) throw new Error(`${member.name.getText()} states no default`);
    const [text, range] = oneLine(ts.getTextOfJSDocComment(comment.comment)).split(/ ?Range: (?=.*\.$)/);
    // The reason follows the first colon that is not inside code.
    const [, value, why] = /^((?:`[^`]*`|[^:`])*)(?:: (.*))?$/.exec(oneLine(ts.getTextOfJSDocComment(tag.comment)));
    return { name: member.name.getText(), text, range: range?.replace(/\.$/, '') ?? '', value, why: why ?? '' };
  });
}

const oneLine = (text = '') => text.replaceAll(/\s+/g, ' ').trim();
const firstSentence = (text) => /^.*?(?:\.(?= [A-Z0-9])|$)/.exec(text)[0].replace(/\.$/, '');
const row = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
const table = (head, rows) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

const options = readOptions();
const tables = {
  'README.md': table(
    ['option', 'default', 'what it is'],
    options.map(({ name, value, text }) => [`\`${name}\``, value, firstSentence(text)]),
  ),
  'docs/guides/limits.md': table(
    ['option', 'default', 'range', 'what it is, and what happens when it is reached', 'why this default'],
    options
      .filter(({ range }) => range !== '')
      .map(({ name, value, range, text, why }) => [`\`${name}\``, value, range, text, why]),
  ),
};

const check = process.argv.includes('--check');
for (const [file, content] of Object.entries(tables)) {
  const before = read(file);
  const place = /(?<=<!-- options -->\n)[\s\S]*?(?=<!-- \/options -->)/;
  if (!place.test(before)) throw new Error(`${file} has no <!-- options --> to fill`);
  const after = before.replace(place, () => `${content}\n`);
  if (before === after) continue;
  if (check) {
    console.error(`the option table of ${file} is stale: run node scripts/readme-options.mjs`);
    process.exitCode = 1;
  } else writeFileSync(new URL(file, root), after);
}
