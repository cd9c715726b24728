/** What the monitor decides, without root: rules, options, and what it takes for a message. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { serverOptions } from '../config/parse-server-options.js';
import { OPTION_TABLE } from '../config/server-options.js';
import { DEFAULT_TRIGGER_DIR } from '../triggers/trigger-limits.js';
import { AccountRules } from './account-rules.js';
import { isAccountName } from './granted-users.js';
import { ACCOUNT_KEPT_MS } from './monitor-limits.js';
import {
  parseAccountRequest,
  parseAgentRequest,
  parsePasswordRequest,
} from './monitor-messages.js';
import { DEFAULT_FILES_ACCOUNT, readMonitorOptions } from './monitor-options.js';
import { type PasswordQuestion, type PasswordVerdict, verdictOfAnswer } from './password-checks.js';
import { findFilesAccount, type ServerAccount } from './server-state.js';

interface Told {
  readonly verdict?: PasswordVerdict;
  readonly allowRootLogin?: boolean;
  readonly filesAccount?: ServerAccount | null;
}

/** Rules over accounts ann (1000), low (999), files (998), root (0); nobody is granted at first. */
const rulesOf = ({ verdict = 'right', allowRootLogin = false, filesAccount = null }: Told = {}) => {
  const ids = new Map<string, string | Error>([
    ['ann', '1000'],
    ['low', '999'],
    ['files', '998'],
    ['root', '0'],
  ]);
  const granted = new Map<string, number>();
  const asked: PasswordQuestion[] = [];
  const time = { nowMs: 0 };
  const rules = new AccountRules({
    options: { allowRootLogin, osUserMinUid: 1000 },
    filesAccount,
    accounts: {
      findUser: (name) => {
        const id = ids.get(name);
        if (id instanceof Error) return Promise.reject(id);
        return Promise.resolve(id === undefined ? null : { name, id, groupId: id });
      },
    },
    granted: {
      has: (name, uid) => granted.get(name) === uid,
      knows: (name) => granted.has(name),
      add: (name, uid) => granted.set(name, uid),
    },
    checks: {
      ask: (question) => {
        asked.push(question);
        return Promise.resolve(verdict);
      },
    },
    monotonicMs: () => time.nowMs,
  });
  return { rules, granted, asked, ids, time };
};

const CANNOT_BE_LOOKED_UP = { account: null, isTransient: true, endsAccess: false };

describe('AccountRules', () => {
  test('an account is acted for after its password was right, and not before', async () => {
    const { rules } = rulesOf();
    expect((await rules.decide('ann')).refused).toContain('never logged in');
    expect(await rules.checkPassword('ann', 'secret', '')).toBe('right');
    expect((await rules.decide('ann')).account).toEqual({ name: 'ann', uid: 1000, gid: 1000 });
  });

  test('a wrong password, or no answer, grants nothing', async () => {
    for (const verdict of ['wrong', 'unavailable'] as const) {
      const { rules, granted } = rulesOf({ verdict });
      expect(await rules.checkPassword('ann', 'x', '')).toBe(verdict);
      expect(granted.size).toBe(0);
    }
  });

  test('root, accounts of the system and unknown ones are never asked about', async () => {
    const { rules, asked } = rulesOf();
    for (const name of ['root', 'low', 'nobody', '', '-x', '../ann', 'a b', 'ann\0']) {
      expect(await rules.checkPassword(name, 'x', ''), name).toBe('wrong');
      expect((await rules.decide(name)).account, name).toBeNull();
    }
    expect(asked).toEqual([]);
  });

  test('root is acted for only where that is allowed', async () => {
    const { rules } = rulesOf({ allowRootLogin: true });
    expect(await rules.checkPassword('root', 'x', '')).toBe('right');
    expect((await rules.decide('root')).account?.uid).toBe(0);
    expect((await rules.decide('low')).account).toBeNull();
  });

  test('a later account of the same name starts anew', async () => {
    const { rules, ids } = rulesOf();
    await rules.checkPassword('ann', 'secret', '');
    ids.set('ann', '1001');
    expect((await rules.decide('ann')).account).toBeNull();
  });

  test('an account that was locked is refused as soon as its yes is old', async () => {
    const verdicts = rulesOf();
    await verdicts.rules.checkPassword('ann', 'secret', '');
    await verdicts.rules.decide('ann');
    await verdicts.rules.decide('ann');
    expect(verdicts.asked.filter(({ password }) => password === null)).toHaveLength(1);
    verdicts.time.nowMs = ACCOUNT_KEPT_MS;
    await verdicts.rules.decide('ann');
    expect(verdicts.asked.filter(({ password }) => password === null)).toHaveLength(2);
    const locked = rulesOf({ verdict: 'wrong' });
    locked.granted.set('ann', 1000);
    const refusal = await locked.rules.decide('ann');
    expect(refusal).toMatchObject({ account: null, isTransient: false, endsAccess: true });
    expect(refusal.refused).toContain('locked');
    const silent = rulesOf({ verdict: 'unavailable' });
    silent.granted.set('ann', 1000);
    expect(await silent.rules.decide('ann')).toMatchObject(CANNOT_BE_LOOKED_UP);
  });

  test('without an answer of the system nothing is granted, and nobody in use is cut off', async () => {
    const { rules, ids, granted } = rulesOf();
    await rules.checkPassword('ann', 'secret', '');
    granted.clear();
    ids.set('ann', new Error('no answer'));
    expect(await rules.checkPassword('ann', 'secret', '')).toBe('unavailable');
    expect(granted.size).toBe(0);
    expect(await rules.decide('ann')).toMatchObject(CANNOT_BE_LOOKED_UP);
  });

  test('one that was acted for and is not found loses access, and its transfers wait', async () => {
    const { rules, ids } = rulesOf();
    await rules.checkPassword('ann', 'secret', '');
    ids.delete('ann');
    expect(await rules.checkPassword('ann', 'secret', '')).toBe('wrong');
    const decision = { account: null, isTransient: true, endsAccess: true };
    expect(await rules.decide('ann')).toMatchObject(decision);
    expect(await rules.decide('eve')).toMatchObject({ ...decision, isTransient: false });
  });

  test('the account for files is acted for without a login, and nobody logs in as it', async () => {
    const filesAccount = { name: 'files', uid: 998, gid: 998 };
    const { rules, ids, granted } = rulesOf({ filesAccount });
    expect((await rules.decide('files')).account).toEqual(filesAccount);
    expect(await rules.checkPassword('files', 'right', '')).toBe('wrong');
    expect((await rules.decide('low')).account).toBeNull();
    expect(granted.size).toBe(0);
    // A later account of its name is another one.
    ids.set('files', '997');
    expect((await rules.decide('files')).account).toBeNull();
    const locked = rulesOf({ filesAccount, verdict: 'wrong' });
    expect((await locked.rules.decide('files')).refused).toContain('locked');
    expect((await rulesOf().rules.decide('files')).account).toBeNull();
  });

  test('property: whatever is asked, only a granted account of its own id gets an agent', async () => {
    const name = fc.oneof(fc.string(), fc.constantFrom('ann', 'low', 'root'));
    await fc.assert(
      fc.asyncProperty(fc.array(name), async (names) => {
        const { rules, granted } = rulesOf();
        for (const each of names) {
          const { account } = await rules.decide(each);
          expect(account === null || granted.has(each)).toBe(true);
        }
      }),
    );
  });
});

describe('verdictOfAnswer', () => {
  test('only a refusal is one: a directory that cannot be reached says nothing', () => {
    const saying = (verdict: PasswordVerdict): number[] =>
      [...Array(33).keys()].filter((answer) => verdictOfAnswer(`${answer}\n`) === verdict);
    expect(saying('right')).toEqual([0]);
    expect(saying('unavailable')).toEqual([1, 2, 3, 4, 5, 9, 26, 28]);
    for (const text of ['', '0', '-1\n', 'x\n', '0\n0\n']) {
      expect(verdictOfAnswer(text)).toBe('unavailable');
    }
  });
});

describe('messages of the server', () => {
  test('property: nothing but a whole question passes', () => {
    const line = fc.oneof(fc.string(), fc.json());
    fc.assert(
      fc.property(line, (text) => {
        expect(parsePasswordRequest(text)).toBeNull();
      }),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parseAgentRequest(value)).toBeNull();
      }),
    );
  });

  test('bounds', () => {
    const question = { id: 1, user: 'ann', password: 'x', host: '::1' };
    const parse = (change: object) =>
      parsePasswordRequest(JSON.stringify({ ...question, ...change }));
    expect(parse({})).toEqual(question);
    expect(parse({ user: 'a'.repeat(65) })).toBeNull();
    expect(parse({ password: 'ä'.repeat(513) })).toBeNull();
    expect(parse({ password: 'a\0b' })).toBeNull();
    expect(parse({ host: 'x y' })).toBeNull();
    expect(parse({ id: 1.5 })).toBeNull();
    expect(parse({ more: 1 })).toBeNull();
    expect(parseAgentRequest({ agentOf: 'ann' })).toBe('ann');
    expect(parseAgentRequest({ agentOf: 'a'.repeat(65) })).toBeNull();
  });

  test('a question about an account is no question about a password', () => {
    expect(parseAccountRequest('{"id":1,"account":"ann"}')).toEqual({ id: 1, account: 'ann' });
    for (const text of ['{"id":1}', '{"id":1,"account":"a\\u0000"}', '{"id":"1","account":"a"}']) {
      expect(parseAccountRequest(text), text).toBeNull();
    }
    expect(parseAccountRequest(JSON.stringify({ id: 1, account: 'a'.repeat(65) }))).toBeNull();
    expect(parsePasswordRequest('{"id":1,"account":"ann"}')).toBeNull();
  });

  test('names of accounts are no paths and no options', () => {
    for (const name of ['ann', 'ann.b', 'a_1', 'x@example.org'])
      expect(isAccountName(name)).toBe(true);
    for (const name of ['', '.x', '..', 'a..b', '-x', 'a/b', 'a:b', 'a\n']) {
      expect(isAccountName(name), name).toBe(false);
    }
  });
});

describe('findFilesAccount', () => {
  const server = { name: 'jetstream', uid: 990, gid: 990 };
  const ids: Readonly<Record<string, readonly [string, string]>> = {
    files: ['998', '998'],
    same: ['990', '998'],
    group: ['998', '990'],
    root: ['0', '0'],
  };
  const accounts = {
    findUser: (name: string) => {
      const [id, groupId] = ids[name] ?? [];
      return Promise.resolve(
        id === undefined || groupId === undefined ? null : { name, id, groupId },
      );
    },
  };

  test('is an unprivileged account apart from that of the server', async () => {
    const files = await findFilesAccount('files', server, accounts);
    expect(files).toEqual({ name: 'files', uid: 998, gid: 998 });
    for (const name of ['same', 'group', 'root', 'missing', '../files']) {
      const found = findFilesAccount(name, server, accounts);
      await expect(found, name).rejects.toThrowError(/Cannot use option/);
    }
  });

  test('of the default name may be missing, and there may be none', async () => {
    expect(await findFilesAccount(DEFAULT_FILES_ACCOUNT, server, accounts)).toBeNull();
    expect(await findFilesAccount(null, server, accounts)).toBeNull();
    expect(readMonitorOptions([]).filesAccount).toBe(DEFAULT_FILES_ACCOUNT);
    expect(readMonitorOptions(['--files-account=']).filesAccount).toBeNull();
  });
});

describe('readMonitorOptions', () => {
  test('the defaults are those of the server, and every flag is one of its options', () => {
    const options = readMonitorOptions([]);
    for (const name of [
      'serverAccount',
      'filesAccount',
      'pamService',
      'osUserMinUid',
      'allowRootLogin',
    ] as const) {
      expect(options[name], name).toBe(OPTION_TABLE[name].schema.parse(undefined));
    }
    expect(options.agentsMax).toBe(OPTION_TABLE.agentsMax.schema.parse(undefined));
    expect(options.agentIdleSeconds).toBe(OPTION_TABLE.agentIdleSeconds.schema.parse(undefined));
    const flags = serverOptions.map(({ flag }) => flag);
    expect(options.triggerDir).toBe(DEFAULT_TRIGGER_DIR);
    expect(flags).toContain('trigger-dir');
    expect(flags).toEqual(expect.arrayContaining(['server-account', 'agents-max', 'pam-service']));
  });

  test('flags are read in both forms, the last one counts', () => {
    const args = ['--agents-max', '3', '--agents-max=7', '--allow-root-login', '--api-port', '1'];
    expect(readMonitorOptions(args)).toMatchObject({ agentsMax: 7, allowRootLogin: true });
    expect(readMonitorOptions(['--allow-root-login', 'false']).allowRootLogin).toBe(false);
  });

  test.each([
    '--agents-max=0',
    '--agents-max=x',
    '--pam-service=../x',
    '--persistent-state-dir=relative',
    '--os-user-min-uid=0',
  ])('%s is refused', (flag) => {
    expect(() => readMonitorOptions([flag])).toThrowError(/Cannot use option/);
  });
});
