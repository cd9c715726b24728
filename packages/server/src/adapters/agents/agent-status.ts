/** File status that came from a file agent. */
import fs, { type BigIntStats } from 'node:fs';
import { agentUnavailable } from './agent-channel.js';
import { statusSchema } from './agent-messages.js';

/** Answers "what kind of file" by the mode, as in every status of node:fs. */
const prototype = Object.getPrototypeOf(fs.statSync('/', { bigint: true })) as object;

const NS_PER_MS = 1_000_000n;

/** @throws {CommandError} `agent_unavailable` for what is no status. */
export const statusOf = (value: unknown): BigIntStats => {
  const parsed = statusSchema.safeParse(value);
  if (!parsed.success) throw agentUnavailable('the file agent answers nonsense');
  const numbers = parsed.data.map(BigInt);
  const at = (index: number): bigint => numbers[index] ?? 0n;
  const times = { atimeNs: at(10), mtimeNs: at(11), ctimeNs: at(12), birthtimeNs: at(13) };
  const { atimeNs, mtimeNs, ctimeNs, birthtimeNs } = times;
  return Object.assign(Object.create(prototype) as BigIntStats, {
    ...{ dev: at(0), ino: at(1), mode: at(2), nlink: at(3), uid: at(4), gid: at(5), rdev: at(6) },
    ...{ blksize: at(7), size: at(8), blocks: at(9), ...times },
    ...{ atimeMs: atimeNs / NS_PER_MS, mtimeMs: mtimeNs / NS_PER_MS },
    ...{ ctimeMs: ctimeNs / NS_PER_MS, birthtimeMs: birthtimeNs / NS_PER_MS },
  });
};
