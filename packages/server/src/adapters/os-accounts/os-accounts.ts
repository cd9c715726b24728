/**
 * Accounts of the operating system, as far as rights in this server depend on them. Asked of
 * `getent`, which also knows directories such as LDAP; where there is no `getent`, of /etc/passwd and
 * /etc/group.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';

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

/** What a program printed; null when it does not exist or failed, which includes "no such name". */
export type RunProgram = (file: string, args: readonly string[]) => Promise<string | null>;
/** Text of a file; '' when there is none. */
export type ReadText = (path: string) => Promise<string>;

export interface OsAccountsPorts {
  readonly run: RunProgram;
  readonly read: ReadText;
}

/** How long a directory server may take to answer. */
const ACCOUNT_ANSWER_MS_MAX = 5_000;
/** Bytes of one answer: a line of /etc/group with all its members. */
const ACCOUNT_ANSWER_BYTES_MAX = 4_194_304;
/** What can stand in the first field of a line, and is no option of a program. */
const NAME = /^[^\s:/\0-][^:/\n\0]{0,255}$/;
const ID = /^\d{1,10}$/;

const run: RunProgram = (file, args) =>
  new Promise((resolve) => {
    const options = { timeout: ACCOUNT_ANSWER_MS_MAX, maxBuffer: ACCOUNT_ANSWER_BYTES_MAX };
    execFile(file, [...args], options, (error, stdout) => resolve(error === null ? stdout : null));
  });

const read: ReadText = (path) => readFile(path, 'utf8').catch(() => '');

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
export const openOsAccounts = (ports: OsAccountsPorts = { run, read }): OsAccounts => {
  const find = async (table: 'passwd' | 'group', name: string): Promise<string[] | null> => {
    if (!NAME.test(name)) return null;
    const answers = [await ports.run('getent', [table, name]), await ports.read(`/etc/${table}`)];
    for (const answer of answers) {
      // A number would be looked up as an id; only what has the name is meant.
      const found = fieldsOf(answer ?? '').find(([first]) => first === name);
      if (found !== undefined && ID.test(found[2] ?? '')) return found;
    }
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
      const listed = (await ports.run('id', ['-G', user.name]))?.trim().split(/\s+/) ?? [];
      const inFile = fieldsOf(await ports.read('/etc/group'))
        .filter(([, , , members]) => (members ?? '').split(',').includes(user.name))
        .map(([, , id]) => id ?? '');
      const ids = listed.length > 0 ? listed : inFile;
      return new Set([user.groupId, ...ids].filter((id) => ID.test(id)));
    },
  };
};
