// Builds the native addon from source with node-gyp, when the machine can. Runs as this package's
// install script, so it always ends with code 0 and one line: without the addon, node:dgram is used.
// JETSTREAM_SKIP_NATIVE=1 skips the build. Refuses nothing, downloads nothing but (where no headers
// lie beside Node) what node-gyp itself fetches.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const packageDirectory = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const addonPath = join(packageDirectory, 'build', 'Release', 'jetstream_udp.node');
const logPath = join(packageDirectory, 'build', 'native-build.log');

process.stdout.write(`@jetstream/udp: ${build()}\n`);

/** Builds, and says in one line what came of it. */
function build() {
  const obstacle = findObstacle();
  if (obstacle !== null) return `native addon skipped (${obstacle}), node:dgram will be used`;
  const result = spawnSync(process.execPath, [nodeGypPath(), 'configure', 'build', ...flags()], {
    cwd: packageDirectory,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  mkdirSync(dirname(logPath), { recursive: true });
  writeFileSync(logPath, `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ?? ''}\n`);
  if (result.status !== 0) {
    // An addon of older sources must not stay behind a build that failed.
    rmSync(addonPath, { force: true });
    return `native addon did not build (see ${logPath}), node:dgram will be used`;
  }
  const failure = tryAddon();
  if (failure !== null) {
    rmSync(addonPath, { force: true });
    return `native addon built but does not work (${failure}), node:dgram will be used`;
  }
  return 'native addon built';
}

/** What makes a build impossible, or null. */
function findObstacle() {
  if (process.env.JETSTREAM_SKIP_NATIVE === '1') return 'JETSTREAM_SKIP_NATIVE is set';
  if (process.platform !== 'linux') return `it is for Linux, not ${process.platform}`;
  if (nodeGypPath() === null) return 'node-gyp is not installed';
  if (!runs(process.env.CXX ?? 'g++') && !runs('clang++')) return 'no C++ compiler';
  if (!runs('make')) return 'no make';
  if (!runs(process.env.PYTHON ?? 'python3')) return 'no python3';
  return null;
}

function runs(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

function nodeGypPath() {
  try {
    return createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  } catch {
    return null;
  }
}

/** Headers that lie beside Node are its own; without them node-gyp fetches them. */
function flags() {
  const prefix = resolve(dirname(process.execPath), '..');
  const beside = existsSync(join(prefix, 'include', 'node', 'node_api.h'));
  const system = existsSync('/usr/include/node/node_api.h');
  if (beside) return [`--nodedir=${prefix}`];
  return system ? ['--nodedir=/usr'] : [];
}

/** Loads the addon in a process of its own, where a crash does no harm. Returns what is wrong. */
function tryAddon() {
  const script = 'process.exit(require(process.argv[1]).selfTest() ? 0 : 3)';
  const tried = spawnSync(process.execPath, ['-e', script, addonPath], { encoding: 'utf8' });
  if (tried.status === 0) return null;
  if (tried.status === 3) return 'its self-test fails';
  return tried.signal ?? tried.stderr.trim().split('\n').at(-1) ?? 'it does not load';
}
