/**
 * Accounts of the operating system, as far as rights in this server depend on them. Asked of
 * `getent`, which also knows directories such as LDAP; where there is no `getent`, of /etc/passwd and
 * /etc/group.
 *
 * No answer is not the answer "no such account": rights would be lost, and a built-in user taken for
 * somebody else. It is an error of its own, and told.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { CommandError } from '@jetstream/contract';

export interface OsUser {
  readonly name: string;
  /** User id, decimal. */
  readonly id: string;
  /** Id of the primary group. */
  readonly groupId: string;
}

export interface OsGroup {
  readonly name: string;
  /** Group id, decimal. */
  readonly id: string;
}

/** All questions fail with `accounts_unavailable` when the system gives no answer. */
export interface OsAccounts {
  /** Name of the account that runs the server. */
  readonly processOwner: string;
  /** Its user id. */
  readonly processOwnerId: string;
  /** Groups that the process is in. */
  readonly processGroupIds: ReadonlySet<string>;
  findUser(name: string): Promise<OsUser | null>;
  findGroup(name: string): Promise<OsGroup | null>;
  /** Ids of all groups that a user is in, the primary one included. */
  groupIdsOf(user: OsUser): Promise<ReadonlySet<string>>;
}

/** How a program ended. */
export type ProgramEnd =
  | { readonly kind: 'exit'; readonly code: number; readonly printed: string }
  /** There is no such program. */
  | { readonly kind: 'missing' }
  /** It took too long, printed too much, or was ended. */
  | { readonly kind: 'broken'; readonly reason: string };

/** Runs a program; resolves in every case. */
export type RunProgram = (file: string, args: readonly string[]) => Promise<ProgramEnd>;
/** Text of a file; '' when there is none; rejects when it cannot be read. */
export type ReadText = (path: string) => Promise<string>;

export interface OsAccountsPorts {
  readonly run: RunProgram;
  readonly read: ReadText;
  /** Told of each question that got no answer. */
  readonly onFailure: (failure: AccountFailure) => void;
}

/** A question that got no answer. */
export interface AccountFailure {
  /** Such as `getent passwd ann`. */
  readonly question: string;
  readonly reason: string;
}

/** How long a directory server may take to answer. */
const ACCOUNT_ANSWER_MS_MAX = 5_000;
/** Bytes of one answer: a line of /etc/group with all its members. */
const ACCOUNT_ANSWER_BYTES_MAX = 4_194_304;
/** What can stand in the first field of a line, and is no option of a program. */
const NAME = /^[^\s:/\0-][^:/\n\0]{0,255}$/;
const ID = /^\d{1,10}$/;
/** Exit code of `getent` for "no such name". */
const GETENT_NOT_FOUND = 2;

const run: RunProgram = (file, args) =>
  new Promise((resolve) => {
    const options = { timeout: ACCOUNT_ANSWER_MS_MAX, maxBuffer: ACCOUNT_ANSWER_BYTES_MAX };
    execFile(file, [...args], options, (error, printed) => {
      if (error === null) resolve({ kind: 'exit', code: 0, printed });
      else if (typeof error.code === 'number') resolve({ kind: 'exit', code: error.code, printed });
      else if (error.code === 'ENOENT') resolve({ kind: 'missing' });
      else resolve({ kind: 'broken', reason: String(error.code ?? error.signal ?? error.message) });
    });
  });

const read: ReadText = async (path) => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
};

/** Why a program that ran says nothing; null when it was understood or is not there. */
const faultOf = (end: ProgramEnd, understood: readonly number[]): string | null => {
  if (end.kind === 'missing') return null;
  if (end.kind === 'broken') return end.reason;
  return understood.includes(end.code) ? null : `exit code ${end.code}`;
};

const printedBy = (end: ProgramEnd): string =>
  end.kind === 'exit' && end.code === 0 ? end.printed : '';

const fieldsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));

const processOwner = (): string => {
  try {
    return userInfo().username;
  } catch {
    // In a container the user id need not have a name.
    return `uid-${process.getuid?.() ?? 0}`;
  }
};

/** Asks at each question, because accounts change. */
export const openOsAccounts = (ports: Partial<OsAccountsPorts> = {}): OsAccounts => {
  const { run: runProgram = run, read: readText = read, onFailure } = ports;
  const unavailable = (question: string, reason: string): CommandError => {
    onFailure?.({ question, reason });
    return new CommandError(
      'accounts_unavailable',
      'Cannot look up an account: the operating system does not answer, expected a later attempt',
    );
  };
  const fileOf = async (path: string): Promise<string> => {
    try {
      return await readText(path);
    } catch (error) {
      throw unavailable(path, (error as NodeJS.ErrnoException).code ?? String(error));
    }
  };
  const find = async (table: 'passwd' | 'group', name: string): Promise<string[] | null> => {
    if (!NAME.test(name)) return null;
    const end = await runProgram('getent', [table, name]);
    for (const answer of [printedBy(end), await fileOf(`/etc/${table}`)]) {
      // A number would be looked up as an id; only what has the name is meant.
      const found = fieldsOf(answer).find(([first]) => first === name);
      if (found !== undefined && ID.test(found[2] ?? '')) return found;
    }
    const fault = faultOf(end, [0, GETENT_NOT_FOUND]);
    if (fault !== null) throw unavailable(`getent ${table} ${name}`, fault);
    return null;
  };
  return {
    processOwner: processOwner(),
    processOwnerId: String(process.getuid?.() ?? 0),
    processGroupIds: new Set((process.getgroups?.() ?? []).map(String)),

    findUser: async (name) => {
      const fields = await find('passwd', name);
      return fields === null ? null : { name, id: fields[2] ?? '', groupId: fields[3] ?? '' };
    },

    findGroup: async (name) => {
      const fields = await find('group', name);
      return fields === null ? null : { name, id: fields[2] ?? '' };
    },

    groupIdsOf: async (user) => {
      const end = await runProgram('id', ['-G', user.name]);
      // The account is there, so any refusal is a failure: without all groups a right would be missing.
      const fault = faultOf(end, [0]);
      if (fault !== null) throw unavailable(`id -G ${user.name}`, fault);
      const listed = printedBy(end).trim().split(/\s+/);
      const inFile = fieldsOf(await fileOf('/etc/group'))
        .filter(([, , , members]) => (members ?? '').split(',').includes(user.name))
        .map(([, , id]) => id ?? '');
      const ids = end.kind === 'missing' ? inFile : listed;
      return new Set([user.groupId, ...ids].filter((id) => ID.test(id)));
    },
  };
};
