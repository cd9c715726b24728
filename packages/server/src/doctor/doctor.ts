/**
 * `jetstream doctor`: looks at everything that a server with these options depends on, changes
 * nothing, and says what to do.
 */
import { readFileSync, statfsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { DATABASE_FILE } from '../adapters/database/database.js';
import { defaultStateDir, runningServerPid } from '../adapters/state-dir/state-dir.js';
import { certificateDaysLeft } from '../adapters/tls/identity.js';
import { parseServerOptions } from '../config/parse-server-options.js';
import type { ServerConfig, ServerOptionsInput } from '../config/server-options.js';
import { checkAccount, type RunsAs } from './account-checks.js';
import { type Finding, failing, fine } from './finding.js';
import { checkTcpPort, checkUdpPort } from './port-checks.js';
import { examineForMonitor, runsAs } from './root-examination.js';
import {
  checkBuffers,
  checkCertificate,
  checkClock,
  checkDescriptors,
  checkDisk,
  checkNode,
} from './system-checks.js';

const readText = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
};

const readNumber = (path: string): number | null => {
  const text = readText(path);
  return text === null ? null : Number(text.trim());
};

/** Open files that this process may have, from /proc. */
const descriptorLimit = (): number | null => {
  const line = /^Max open files\s+(\d+)/m.exec(readText('/proc/self/limits') ?? '');
  return line === null ? null : Number(line[1]);
};

const isSynchronized = (): boolean | null =>
  readText('/run/systemd/timesync/synchronized') === null ? null : true;

const lastEventMs = (stateDir: string): number | null => {
  try {
    const db = new BetterSqlite(join(stateDir, DATABASE_FILE), { readonly: true });
    try {
      const row = db.prepare('select max("timeUs") as "timeUs" from "events"').get();
      const { timeUs } = row as { timeUs: number | null };
      return timeUs === null ? null : timeUs / 1000;
    } finally {
      db.close();
    }
  } catch {
    // No server has run here yet.
    return null;
  }
};

/** The nearest directory that exists: the state directory itself may not have been made yet. */
const existing = (path: string): string => {
  try {
    statSync(path);
    return path;
  } catch {
    return path === dirname(path) ? path : existing(dirname(path));
  }
};

/** User id that the state directory has to belong to. */
const stateOwner = (server: RunsAs): number | null =>
  server.kind === 'monitor' ? server.facts.serverUid : (process.getuid?.() ?? null);

/** @param owner User id that it has to belong to; null where the system has none. */
export const checkStateDir = (stateDir: string, owner: number | null): Finding => {
  const place = existing(stateDir);
  const { uid, mode } = statSync(place);
  if (place !== stateDir) return fine('state directory', `${stateDir} is made at the first start`);
  const own = owner ?? uid;
  if (uid !== own) {
    return failing(
      'state directory',
      `${stateDir} belongs to user id ${uid}, expected ${own}`,
      `chown -R ${own} ${stateDir}, or --persistent-state-dir`,
    );
  }
  const open = (mode & 0o077) !== 0;
  return fine('state directory', open ? `${stateDir}, closed to others at the start` : stateDir);
};

const diskOf = (stateDir: string): Finding => {
  const path = existing(stateDir);
  const { bavail, bsize, ffree } = statfsSync(path);
  return checkDisk({ path, freeBytes: bavail * bsize, freeInodes: ffree });
};

const certificateOf = (config: ServerConfig, stateDir: string, nowMs: number): Finding => {
  const isOwn = config.apiTlsCert === null;
  const path = config.apiTlsCert ?? join(stateDir, 'identity.crt');
  const pem = readText(path);
  if (pem === null && !isOwn) {
    return failing('certificate', `"${path}" cannot be read`, 'Check --api-tls-cert');
  }
  try {
    return checkCertificate(pem === null ? null : certificateDaysLeft(pem, nowMs), isOwn);
  } catch {
    return failing('certificate', `"${path}" is no certificate in PEM format`);
  }
};

/**
 * Examines this machine for a server with these options.
 *
 * @throws {ConfigError} If an option cannot be used.
 */
export const examine = async (
  input: ServerOptionsInput,
  given: { readonly nowMs: number; readonly singleProcess: boolean },
): Promise<readonly Finding[]> => {
  const config = parseServerOptions(input);
  const stateDir = resolve(config.persistentStateDir ?? defaultStateDir());
  const serverPid = runningServerPid(stateDir);
  const server = await runsAs(config, given.singleProcess);
  const builtMs = statSync(new URL(import.meta.url)).mtimeMs;
  return [
    checkNode(process.version),
    checkStateDir(stateDir, stateOwner(server)),
    diskOf(stateDir),
    await checkTcpPort(config, serverPid),
    ...(await checkUdpPort(config, serverPid)),
    checkBuffers({
      receiveMax: readNumber('/proc/sys/net/core/rmem_max'),
      sendMax: readNumber('/proc/sys/net/core/wmem_max'),
    }),
    checkDescriptors(descriptorLimit()),
    certificateOf(config, stateDir, given.nowMs),
    checkClock({
      nowMs: given.nowMs,
      builtMs,
      lastEventMs: lastEventMs(stateDir),
      isSynchronized: isSynchronized(),
    }),
    checkAccount(server),
    ...(server.kind === 'monitor' ? await examineForMonitor(config, server.facts) : []),
  ];
};
