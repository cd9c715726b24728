/** Checks of facts of the machine; pure, so that each answer can be tested without such a machine. */
import { type Finding, failing, fine, warning } from './finding.js';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** Bytes asked for each socket buffer, see `socketBufferBytes` in docs/LIMITS.md. */
export const SOCKET_BUFFER_BYTES = 8 * MIB;
/** Descriptors for sessions, files and connections of a busy server. */
export const DESCRIPTORS_LEAST = 16_384;
const DISK_FREE_LEAST = GIB;
const CERTIFICATE_DAYS_LEAST = 30;

export interface KernelBuffers {
  /** `net.core.rmem_max` and `net.core.wmem_max`, bytes; null when they cannot be read. */
  readonly receiveMax: number | null;
  readonly sendMax: number | null;
}

export const checkBuffers = ({ receiveMax, sendMax }: KernelBuffers): Finding => {
  if (receiveMax === null || sendMax === null) {
    return warning('socket buffers', 'their limits cannot be read on this system');
  }
  const least = Math.min(receiveMax, sendMax);
  const found = `receive ${receiveMax} bytes, send ${sendMax} bytes at most`;
  if (least >= SOCKET_BUFFER_BYTES) return fine('socket buffers', found);
  return warning(
    'socket buffers',
    `${found}, expected ${SOCKET_BUFFER_BYTES}: bursts on a fast, long link are lost`,
    `sysctl -w net.core.rmem_max=${SOCKET_BUFFER_BYTES} net.core.wmem_max=${SOCKET_BUFFER_BYTES}`,
    'and the same two lines in /etc/sysctl.d/90-jetstream.conf, to keep them over a reboot',
  );
};

/** @param soft Open files that this process may have, null when unknown or unlimited. */
export const checkDescriptors = (soft: number | null): Finding => {
  if (soft === null) return fine('file descriptors', 'no limit');
  const found = `${soft} may be open`;
  if (soft >= DESCRIPTORS_LEAST) return fine('file descriptors', found);
  return warning(
    'file descriptors',
    `${found}, expected at least ${DESCRIPTORS_LEAST} for many sessions and transfers`,
    `ulimit -n ${DESCRIPTORS_LEAST}, or LimitNOFILE=${DESCRIPTORS_LEAST} in the systemd unit`,
  );
};

export interface ClockFacts {
  readonly nowMs: number;
  /** When this version was built: the clock cannot be before it. */
  readonly builtMs: number;
  /** Time of the newest entry of the event log, null without one. */
  readonly lastEventMs: number | null;
  /** Whether a time service says that it has set the clock; null when none says anything. */
  readonly isSynchronized: boolean | null;
}

export const checkClock = ({
  nowMs,
  builtMs,
  lastEventMs,
  isSynchronized,
}: ClockFacts): Finding => {
  const now = new Date(nowMs).toISOString();
  if (nowMs < builtMs) {
    const built = new Date(builtMs).toISOString();
    return failing(
      'clock',
      `it shows ${now}, before this version was built (${built})`,
      'Set the clock',
    );
  }
  if (lastEventMs !== null && lastEventMs > nowMs + 60_000) {
    const last = new Date(lastEventMs).toISOString();
    return warning(
      'clock',
      `it shows ${now}, but the event log has an entry of ${last}: it was set back`,
      'Expiry times of tokens and the order of the log depend on it: run a time service',
    );
  }
  if (isSynchronized === false) {
    return warning('clock', `${now}, not synchronised`, 'Run a time service, such as chrony');
  }
  return fine('clock', isSynchronized === true ? `${now}, synchronised` : now);
};

export interface DiskFacts {
  readonly path: string;
  readonly freeBytes: number;
  readonly freeInodes: number;
}

export const checkDisk = ({ path, freeBytes, freeInodes }: DiskFacts): Finding => {
  const found = `${(freeBytes / GIB).toFixed(1)} GiB free for the state in ${path}`;
  if (freeInodes > 0 && freeInodes < 10_000) {
    return warning('disk', `${freeInodes} inodes free in ${path}`, 'Make room for more files');
  }
  if (freeBytes >= DISK_FREE_LEAST) return fine('disk', found);
  return warning(
    'disk',
    found,
    'Journals and the event log need room: free some, or move the state',
  );
};

/** @param daysLeft Days until it expires; null when the server will make one at its first start. */
export const checkCertificate = (daysLeft: number | null, isOwn: boolean): Finding => {
  if (daysLeft === null) return fine('certificate', 'made at the first start');
  const found = `valid for ${Math.floor(daysLeft)} days`;
  if (daysLeft <= 0) {
    return failing('certificate', `expired ${Math.ceil(-daysLeft)} days ago`, renewal(isOwn));
  }
  if (daysLeft < CERTIFICATE_DAYS_LEAST) return warning('certificate', found, renewal(isOwn));
  return fine('certificate', found);
};

const renewal = (isOwn: boolean): string =>
  isOwn
    ? 'The server renews it at its next start, over the same key'
    : 'Renew the file of --api-tls-cert and restart the server';

/** @param nodeVersion Such as `v20.19.0`. */
export const checkNode = (nodeVersion: string): Finding => {
  const [major = 0, minor = 0] = nodeVersion.slice(1).split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return fine('node', nodeVersion);
  return failing('node', `${nodeVersion}, expected 20.19 or newer`, 'Install a newer Node.js');
};
