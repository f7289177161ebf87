// Bundles the page into ../dist, which is committed and embedded by the Go package next to it.
//
//   node build.mjs           writes ../dist
//   node build.mjs --check   builds into a temporary directory and fails if ../dist differs
//
// The same sources and lock file give the same bytes on every machine: esbuild and the compressor
// are pinned, names are hashes of contents, and the gzip header carries no time.

import { createHash } from 'node:crypto';
import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { gzipSync } from 'fflate';
import { collectLicenses } from './licenses.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, '..', 'dist');

const contentTypes = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  outdir: 'out',
  entryNames: '[name]-[hash]',
  target: ['es2022', 'chrome120', 'firefox121', 'safari17.4'],
  legalComments: 'none',
  charset: 'utf8',
  logLevel: 'warning',
  define: { 'process.env.NODE_ENV': '"production"' },
  loader: { '.ttf': 'dataurl' },
};

/** Builds everything in memory: files by name, and the manifest that the server reads. */
async function bundle() {
  const workers = await build({
    ...common,
    format: 'iife',
    entryPoints: {
      'editor.worker': 'monaco-editor/esm/vs/editor/editor.worker.js',
      'json.worker': 'monaco-editor/esm/vs/language/json/json.worker.js',
      'graphql.worker': 'monaco-graphql/esm/graphql.worker.js',
    },
  });
  const workerNames = {};
  for (const file of workers.outputFiles) {
    const name = path.basename(file.path);
    workerNames[name.slice(0, name.indexOf('.'))] = name;
  }

  const app = await build({
    ...common,
    format: 'esm',
    jsx: 'automatic',
    entryPoints: { app: 'src/main.tsx' },
    define: { ...common.define, WORKER_FILES: JSON.stringify(workerNames) },
  });

  const files = new Map();
  for (const file of [...workers.outputFiles, ...app.outputFiles]) {
    files.set(path.basename(file.path), file.contents);
  }
  const hashed = (stem, extension, contents) => {
    const name = `${stem}-${sha256(contents).slice(0, 8).toUpperCase()}${extension}`;
    files.set(name, contents);
    return name;
  };
  const inputs = [workers, app].flatMap((result) => Object.keys(result.metafile.inputs));
  const icon = hashed('icon', '.svg', await readFile(path.join(here, 'src/icon.svg')));
  const licenses = hashed('licenses', '.txt', Buffer.from(await collectLicenses(here, inputs)));

  const find = (pattern) => [...files.keys()].find((name) => pattern.test(name));
  const manifest = {
    script: find(/^app-.*\.js$/),
    style: find(/^app-.*\.css$/),
    icon,
    licenses,
    files: {},
  };
  for (const name of [...files.keys()].sort()) {
    const contents = files.get(name);
    manifest.files[name] = {
      type: contentTypes[path.extname(name)],
      size: contents.length,
      sha256: sha256(contents),
    };
  }
  return { files, manifest };
}

function sha256(contents) {
  return createHash('sha256').update(contents).digest('hex');
}

async function write(directory, { files, manifest }) {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  for (const [name, contents] of files) {
    await writeFile(path.join(directory, `${name}.gz`), gzipSync(contents, { level: 9, mtime: 0 }));
  }
  await writeFile(path.join(directory, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Names the files that are not the same, byte for byte, in both directories. */
async function differences(left, right) {
  const [a, b] = await Promise.all([left, right].map((d) => readdir(d).catch(() => [])));
  const different = [];
  for (const name of [...new Set([...a, ...b])].sort()) {
    const [x, y] = await Promise.all(
      [left, right].map((d) => readFile(path.join(d, name)).catch(() => null)),
    );
    if (!x || !y || !x.equals(y)) different.push(name);
  }
  return different;
}

const built = await bundle();
if (process.argv.includes('--check')) {
  const fresh = await mkdtemp(path.join(tmpdir(), 'igny8-graphiql-'));
  try {
    await write(fresh, built);
    const different = await differences(dist, fresh);
    if (different.length > 0) {
      console.error(`web/dist is not what its sources build: ${different.join(', ')}`);
      console.error('Run `npm run build` in web/graphiql and commit the result.');
      process.exitCode = 1;
    } else {
      console.log(`web/dist is current (${built.files.size} files).`);
    }
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
} else {
  await write(dist, built);
  let total = 0;
  for (const name of built.files.keys()) {
    const { length } = await readFile(path.join(dist, `${name}.gz`));
    total += length;
    console.log(`${String(length).padStart(9)}  ${name}.gz`);
  }
  console.log(`${String(total).padStart(9)}  in all`);
}
