// Compares schema.graphqls with the schema of the last release; docs/schema/README.md says how.
// Usage: node diff.mjs [OLD NEW DECLARED]. The exit status is 1 where the two do not go together.
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const standard = ['docs/schema/released.graphqls', 'schema.graphqls', 'docs/schema/breaking.txt'].map((name) => root + name);
const given = process.argv.slice(2);
const [before, after, declared] = given.length ? given : standard;
const problems = [];

// tagged is the schema of the newest release; undefined before the first one, or where git has no tags.
function tagged() {
  const git = (...args) => execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 });
  try {
    const tag = git('describe', '--tags', '--abbrev=0', '--match', 'v*').trim();
    return { tag, text: git('show', `${tag}:schema.graphqls`) };
  } catch {
    return undefined;
  }
}

const released = readFileSync(before, 'utf8');
if (!given.length) {
  const release = tagged();
  if (release && release.text !== released) {
    problems.push(`docs/schema/released.graphqls is not the schema of ${release.tag}`);
  }
}

const allowed = new Set();
for (const line of readFileSync(declared, 'utf8').split('\n')) {
  if (!line.trim() || line.startsWith('#')) {
    continue;
  }
  const [change, reason] = line.split(/ {2,}/, 2);
  if (!reason) {
    problems.push(`breaking.txt gives no reason: ${line}`);
  }
  allowed.add(change.trim());
}

const changes = await diff(buildSchema(released), buildSchema(readFileSync(after, 'utf8')));
const counted = {};
for (const { criticality, type, path, message } of changes) {
  const { level } = criticality;
  const name = `${type} ${path}`;
  counted[level] = (counted[level] ?? 0) + 1;
  if (level === CriticalityLevel.Dangerous) {
    console.log(`dangerous: ${name}: ${message}`);
  }
  if (level === CriticalityLevel.Breaking && !allowed.delete(name)) {
    problems.push(`breaking and not declared in breaking.txt: ${name}: ${message}`);
  }
}
for (const name of allowed) {
  problems.push(`breaking.txt declares what did not happen: ${name}`);
}
console.log(`${changes.length} changes since the last release: ${JSON.stringify(counted)}`);
problems.forEach((problem) => console.error(problem));
process.exit(problems.length ? 1 : 0);
