// The licences of the packages whose code ends up in the bundle ask for their notices to travel
// with it; this gathers them into the text that the page links to.

import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * @param {string} root the directory that holds node_modules
 * @param {string[]} inputs paths of all bundled files, as esbuild's metafile names them
 * @returns {Promise<string>} one text, a chapter a package, in alphabetical order
 */
export async function collectLicenses(root, inputs) {
  const directories = new Set();
  for (const input of inputs) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) directories.add(match[1]);
  }
  const chapters = new Map();
  for (const directory of directories) {
    const from = path.join(root, directory);
    const { name, version, license } = JSON.parse(
      await readFile(path.join(from, 'package.json'), 'utf8'),
    );
    const texts = [];
    for (const file of (await readdir(from)).sort()) {
      if (/^(licen[cs]e|notice|thirdpartynotices)(\.|$)/i.test(file)) {
        texts.push((await readFile(path.join(from, file), 'utf8')).replaceAll('\r\n', '\n').trim());
      }
    }
    const body = texts.length > 0 ? texts.join('\n\n') : 'The package carries no licence text of its own.';
    chapters.set(`${name} ${version} (${license})`, body);
  }
  const rule = '='.repeat(78);
  return [...chapters]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([title, body]) => `${rule}\n${title}\n${rule}\n\n${body}\n`)
    .join('\n');
}
