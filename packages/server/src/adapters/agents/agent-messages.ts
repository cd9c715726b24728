/**
 * What the server and a file agent say to each other: one JSON text per message of a SOCK_SEQPACKET
 * socket, descriptors beside it. A call names a root that this connection has opened; the agent's
 * answer carries the value, or the error as the API would tell it.
 *
 * Both sides take the other for hostile: the server holds everything against these schemas, and so
 * does the agent, although all that it can do is what its account may do anyway.
 */
import { CommandError, isErrorCode } from '@jetstream/contract';
import { z } from 'zod';
import { AGENT_NAMES_MAX } from './agent-limits.js';

/** Both sides are started from the same files, and still say so first. */
export const AGENT_PROTOCOL_VERSION = 1;

const handle = z.int().min(1).max(Number.MAX_SAFE_INTEGER);
const path = z.array(z.string().max(255)).max(2048);
const name = z.string().max(255);
const flags = z.int().min(0).max(0x7fffffff);
const mode = z.int().min(0).max(0o7777);
const id = z.int().min(0).max(0xffffffff);
const number64 = z.string().regex(/^\d{1,20}$/);
const at = { root: handle, path };

const call = <T extends string, S extends z.ZodRawShape>(op: T, shape: S) =>
  z.strictObject({ op: z.literal(op), ...shape });

/** Everything that can be asked of a file agent. */
export const agentCallSchema = z.discriminatedUnion('op', [
  call('open', { directory: z.string().min(1).max(4096), directoriesMax: z.int().min(0).max(256) }),
  call('within', at),
  call('close', { root: handle }),
  call('openFile', { ...at, flags, mode }),
  call('openDirectory', at),
  call('lstat', at),
  call('stat', at),
  call('accessible', { ...at, mode: z.int().min(0).max(7) }),
  call('makeDirectory', { ...at, mode }),
  call('makeDirectories', { ...at, mode }),
  call('list', at),
  call('listMore', { list: handle }),
  call('listEnd', { list: handle }),
  call('readLink', at),
  call('makeLink', { ...at, content: z.string().max(4096) }),
  call('rename', { ...at, to: path }),
  call('renameNoReplace', { ...at, to: path }),
  call('moveEntry', { root: handle, name, target: handle, targetName: name }),
  call('link', { ...at, to: path }),
  call('unlink', at),
  call('rmdir', at),
  call('liesBelow', { root: handle, dev: number64, ino: number64 }),
  call('setTimes', { mtimeus: z.int() }),
  call('setMode', { mode }),
  call('setOwner', { uid: id, gid: id }),
]);

export type AgentCall = z.output<typeof agentCallSchema>;

/** Calls that have no answer. */
export const isSilent = ({ op }: AgentCall): boolean => op === 'close' || op === 'listEnd';

const failureSchema = z.strictObject({
  code: z.string().max(64),
  message: z.string().max(2000),
  path: z.string().max(1000),
  errno: z.string().max(32),
});

const answerSchema = z.union([
  z.strictObject({ value: z.unknown() }),
  z.strictObject({ error: failureSchema }),
]);

/** The first message of an agent on a new connection, or the monitor's reason why there is none. */
export const helloSchema = z.union([
  z.strictObject({ version: z.literal(AGENT_PROTOCOL_VERSION), userId: id }),
  z.strictObject({ refused: z.string().max(500), isTransient: z.boolean() }),
]);

export const namesSchema = z.strictObject({
  list: handle,
  isLast: z.boolean(),
  names: z
    .array(z.tuple([z.string().max(765), z.enum(['file', 'directory', 'link', 'other'])]))
    .max(AGENT_NAMES_MAX),
});

export type AgentNames = z.output<typeof namesSchema>;

/** dev, ino, mode, nlink, uid, gid, rdev, blksize, size, blocks; then four times in nanoseconds. */
export const statusSchema = z.array(z.string().regex(/^-?\d{1,20}$/)).length(14);

/** The answer of a call that failed. */
export const failureAnswer = (error: unknown): z.input<typeof answerSchema> => {
  if (!(error instanceof CommandError)) {
    const message = error instanceof Error ? error.message : String(error);
    const text = `Cannot work for the account: ${message}`.slice(0, 2000);
    return { error: { code: 'internal', message: text, path: '', errno: '' } };
  }
  const { path: shown, errno } = error.details;
  return {
    error: {
      code: error.code,
      message: error.message.slice(0, 2000),
      path: typeof shown === 'string' ? shown.slice(0, 1000) : '',
      errno: typeof errno === 'string' ? errno : '',
    },
  };
};

/**
 * The value of an answer.
 *
 * @throws {CommandError} What the agent reported; `agent_unavailable` for what is no answer.
 */
export const valueOfAnswer = (message: unknown): unknown => {
  const answer = answerSchema.safeParse(message);
  if (!answer.success) {
    throw new CommandError(
      'agent_unavailable',
      'Cannot use files: the file agent answers nonsense',
    );
  }
  if ('value' in answer.data) return answer.data.value;
  const { code, message: text, path: shown, errno } = answer.data.error;
  throw new CommandError(isErrorCode(code) ? code : 'internal', text, {
    details: { path: shown, errno },
  });
};
