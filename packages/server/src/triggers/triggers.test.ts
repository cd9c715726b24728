import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteSettingStore } from '../adapters/database/settings.js';
import { silentLogger } from '../adapters/log/logger.js';
import { EVENTS, type EventName } from '../events/event-names.js';
import { FollowerLab } from '../events/follower-lab.conformance.js';
import { runTrigger } from './run-trigger.js';
import { senderAddress } from './sender-address.js';
import { triggerNameOf } from './trigger-calls.js';
import { TriggerCursor } from './trigger-cursor.js';
import { TRIGGERS_RUNNING_MAX, TriggerService } from './trigger-service.js';
import { triggersDocument } from './triggers-document.js';

let lab: FollowerLab;
let directory: string;
let service: TriggerService;
const steps: string[] = [];
const warnings: string[] = [];

const owned = { owner: 'ann', ownerToken: null, ownerTokenSession: null };

const write = (name: string, script: string, mode = 0o755): string => {
  const file = path.join(directory, name);
  fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode });
  fs.chmodSync(file, mode);
  return file;
};

const serviceAfter = (
  afterSeq: number,
  more: Partial<ConstructorParameters<typeof TriggerService>[0]> = {},
): TriggerService => {
  const { events, clock, database, commits } = lab;
  return new TriggerService({
    ...{
      directory,
      isNamed: true,
      timeLimitSeconds: 60,
      logsDetail: true,
      events,
      afterSeq,
      clock,
    },
    settings: new SqliteSettingStore(database.db, commits),
    settled: async () => void steps.push('settled'),
    senderOf: (endpoint) => senderAddress(endpoint, 8886),
    run: runTrigger,
    logger: {
      ...silentLogger,
      info: (facts) => void steps.push(JSON.stringify(facts)),
      warn: (facts, message) => void warnings.push(JSON.stringify({ ...facts, message })),
    },
    ...more,
  });
};

const placeSaved = async (): Promise<number | null> =>
  TriggerCursor.load(new SqliteSettingStore(lab.database.db, lab.commits));

beforeEach(async () => {
  lab = await FollowerLab.open();
  steps.length = 0;
  warnings.length = 0;
  directory = path.join(lab.dir, 'triggers');
  fs.mkdirSync(directory, { mode: 0o755 });
  service = serviceAfter(0);
  lab.events.onAppended(() => service.wake());
});
afterEach(async () => {
  await service.stop();
  await lab.close();
});

const lines = (name: string): string[] =>
  fs.readFileSync(path.join(lab.dir, name), 'utf8').trimEnd().split('\n');

/** Processes of a group that have not ended. */
const aliveInGroup = (group: number): string[] =>
  fs.readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const [state, , pgrp] =
        fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return Number(pgrp) === group && state !== 'Z';
    } catch {
      return false;
    }
  });

/** Descriptors that whoever has started the tests wants every process to have. */
const givenDescriptors = (): string[] =>
  fs.readdirSync('/proc/self/fdinfo').filter((fd) => {
    try {
      const [, flags = '0'] =
        /flags:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
      return Number(fd) > 2 && (Number.parseInt(flags, 8) & 0o2000000) === 0;
    } catch {
      return false;
    }
  });

describe('a trigger', () => {
  it('gets arguments as they are, in its directory, with nothing of the server', async () => {
    const out = path.join(lab.dir, 'out');
    process.env['SECRET_OF_THE_SERVER'] = 'x';
    write(
      'recv.transferComplete',
      `{ pwd; for arg in "$@"; do echo "[$arg]"; done; env | grep -v -e ^PWD -e ^_= -e ^SHLVL -e ^OLDPWD | sort; ls /proc/self/fd; cat; } >${out}`,
    );
    service.start(1);
    const totals = { totalFiles: 3, totalBytes: 10 };
    const odd = '$(touch /tmp/pwned) "x"\n; y';
    const facts = { transferId: 'ab', ...totals, receiptPath: odd, ...owned };
    await lab.events.append('receiveComplete', facts);
    await lab.until(async () => (await lab.told('triggerFinished'))[0]);
    delete process.env['SECRET_OF_THE_SERVER'];
    const text = lines('out').join('\n');
    expect(
      text.startsWith(`${fs.realpathSync(directory)}\n[ab]\n[3]\n[10]\n[${odd}]\n[ann]\n`),
    ).toBe(true);
    expect(text).toContain('JETSTREAM_EVENT=recv.transferComplete\nJETSTREAM_EVENT_SEQ=1\n');
    expect(text).not.toContain('SECRET_OF_THE_SERVER');
    // 0, 1, 2 and the one that ls has opened itself.
    const descriptors = text.split('\n').filter((line) => /^\d+$/.test(line));
    const given = givenDescriptors();
    expect(descriptors.filter((fd) => !given.includes(fd))).toEqual(['0', '1', '2', '3']);
    expect(steps[0]).toBe('settled');
    expect(fs.existsSync('/tmp/pwned')).toBe(false);
  });

  it('of the start has the port; those of destinations have both ends', async () => {
    const out = path.join(lab.dir, 'out');
    for (const name of ['launch', 'send.destinationCreated', 'send.transferComplete']) {
      write(name, `echo "$(basename "$0") $1 $2" >>${out}`);
    }
    service.start(4711);
    await lab.until(() => fs.existsSync(out));
    await lab.events.append('destinationCreated', { destinationId: '127.0.0.1:9#2', ...owned });
    await lab.until(() => lines('out').length === 2);
    const error = { errorCode: null, errorMessage: '' };
    await lab.events.append('transferUpdated', {
      transferId: 'a',
      status: 'active',
      ...error,
      ...owned,
    });
    await lab.events.append('transferUpdated', {
      transferId: 'a',
      status: 'complete',
      ...error,
      ...owned,
    });
    await lab.until(() => lines('out').length === 3);
    expect(lines('out')).toEqual([
      'launch 4711 ',
      'send.destinationCreated 127.0.0.1:9 127.0.0.1:8886',
      'send.transferComplete a complete',
    ]);
  });

  it('that hangs is ended with all it has started, and holds up no other for good', async () => {
    const out = path.join(lab.dir, 'out');
    write('userAdded', `trap '' TERM; echo $$ >>${out}; sleep 600 & sleep 600; sleep 600`);
    write('userLocked', 'exit 0');
    service.start(1);
    for (let n = 0; n < TRIGGERS_RUNNING_MAX; n += 1) {
      await lab.events.append('userAdded', { userName: `u${n}` });
    }
    await lab.events.append('userLocked', { userName: 'u' });
    await lab.until(() => fs.existsSync(out) && lines('out').length === TRIGGERS_RUNNING_MAX);
    expect(await lab.told('triggerFinished')).toEqual([]);
    await lab.until(async () => (await lab.told('triggerFinished'))[0], 10_000);
    const failed = await lab.told('triggerFailed');
    expect(failed[0]).toMatchObject({ trigger: 'userAdded', reason: 'it took longer than 60 s' });
    await lab.until(
      async () => (await lab.told('triggerFailed')).length === TRIGGERS_RUNNING_MAX,
      10_000,
    );
    for (const pid of lines('out')) {
      await lab.until(() => aliveInGroup(Number(pid)).length === 0);
    }
  });

  it('that cannot be trusted or run, or that crashes, is told of', async () => {
    write('userAdded', 'exit 0', 0o775);
    fs.symlinkSync(write('elsewhere', 'exit 0'), path.join(directory, 'userLocked'));
    write('userUnlocked', 'exit 0', 0o644);
    write('userRemoved', 'exit 3');
    write('userPasswordChanged', 'kill -SEGV $$');
    fs.writeFileSync(path.join(directory, 'tokenExpired'), 'no program', { mode: 0o755 });
    service.start(1);
    const names = ['userAdded', 'userLocked', 'userUnlocked', 'userRemoved', 'userPasswordChanged'];
    for (const name of names) await lab.events.append(name as 'userAdded', { userName: 'u' });
    await lab.events.append('tokenExpired', { tokenId: 't', owner: 'ann' });
    await lab.until(async () => (await lab.told('triggerFailed')).length === 6);
    const reasons = new Map(
      (await lab.told('triggerFailed')).map((each) => [each['trigger'], each]),
    );
    const reason = (name: string): unknown => reasons.get(name)?.['reason'];
    expect(reason('userAdded')).toContain('its group or everybody may write it');
    expect(reason('userLocked')).toContain('it is no regular file');
    expect(reason('userUnlocked')).toContain('it is not executable');
    expect(reasons.get('userRemoved')).toMatchObject({ reason: 'exit code 3', exitCode: 3 });
    expect(reason('userPasswordChanged')).toBe('ended by SIGSEGV');
    expect(reason('tokenExpired')).toContain('it is neither a program nor a script');
  });

  it('is not run at all from a directory that others may write', async () => {
    write('launch', 'exit 0');
    fs.chmodSync(directory, 0o777);
    service.start(1);
    await lab.until(async () => (await lab.told('triggerFailed'))[0]);
    expect((await lab.told('triggerFailed'))[0]?.['reason']).toContain('cannot be trusted');
  });

  it('whose directory was named and is not there: the start says so, and it runs once it is', async () => {
    fs.rmdirSync(directory);
    service.start(7);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(directory);
    expect(warnings[0]).toContain('--trigger-dir can be read: ENOENT');
    fs.mkdirSync(directory, { mode: 0o755 });
    const out = path.join(lab.dir, 'out');
    write('send.destinationCreated', `echo "$1" >${out}`);
    await lab.events.append('destinationCreated', { destinationId: '127.0.0.1:9#2', ...owned });
    await lab.until(() => fs.existsSync(out));
  });

  it('whose directory is there, or is the usual one, needs no warning', async () => {
    service.start(7);
    const usual = serviceAfter(0, { directory: path.join(lab.dir, 'none'), isNamed: false });
    usual.start(7);
    await usual.stop();
    expect(warnings).toEqual([]);
  });

  it('writes without end, and no more than a part of it is kept', async () => {
    write('userAdded', 'head -c 50000000 /dev/zero | tr "\\0" x');
    service.start(1);
    await lab.events.append('userAdded', { userName: 'u' });
    await lab.until(async () => (await lab.told('triggerFinished'))[0]);
    const logged = steps.find((step) => step.includes('"output"')) ?? '';
    expect(logged.length).toBeGreaterThan(60_000);
    expect(logged.length).toBeLessThan(70_000);
  });
});

describe('docs/TRIGGERS.md', () => {
  it('has every event that is not about triggers and webhooks themselves', async () => {
    const text = triggersDocument();
    for (const event of Object.keys(EVENTS) as EventName[]) {
      const name = triggerNameOf(event);
      if (name !== null) expect(text).toContain(`| \`${name}\` |`);
      const { group } = EVENTS[event];
      expect(name === null).toBe(/Triggers|Webhooks/.test(group) || event === 'serverStopped');
    }
    await expect(text).toMatchFileSnapshot('../../../../docs/TRIGGERS.md');
  });
});

describe('over a restart', () => {
  const told = (): string[] => (fs.existsSync(path.join(lab.dir, 'told')) ? lines('told') : []);

  /** A trigger that tells its argument, and hangs when that is `slow` and it may not go on. */
  const writeUserAdded = (): string => {
    const gate = path.join(lab.dir, 'gate');
    const hang = `while [ "$1" = slow ] && [ ! -e ${gate} ]; do sleep 0.05; done`;
    write('userAdded', `echo "$1" >>${path.join(lab.dir, 'told')}; ${hang}`);
    return gate;
  };

  const addUsers = async (...names: string[]): Promise<void> => {
    for (const userName of names) await lab.events.append('userAdded', { userName });
  };

  it('of a server that was killed, what had not ended is called again, and what had not begun', async () => {
    const gate = writeUserAdded();
    service.start(1);
    await addUsers('first');
    await lab.until(async () => ((await placeSaved()) ?? 0) > 0 || undefined);
    await addUsers('slow', ...Array.from({ length: TRIGGERS_RUNNING_MAX }, () => 'slow'));
    await lab.until(() => told().length === 1 + TRIGGERS_RUNNING_MAX || undefined);
    const events = await lab.events.read({ afterSeq: 0, limit: 100 });
    const slow = events.find(({ fields }) => fields['userName'] === 'slow');
    expect(await placeSaved()).toBeLessThan(slow?.seq ?? 0);
    const killed = service;
    service = serviceAfter((await placeSaved()) ?? 0);
    fs.writeFileSync(gate, '');
    fs.rmSync(path.join(lab.dir, 'told'));
    service.start(1);
    await lab.until(() => told().length >= 1 + TRIGGERS_RUNNING_MAX || undefined);
    expect(told()).not.toContain('first');
    await killed.stop();
  });

  it('of a server that was stopped, only what had not begun is called', async () => {
    const gate = writeUserAdded();
    service.start(1);
    await addUsers(...Array.from({ length: TRIGGERS_RUNNING_MAX }, () => 'slow'), 'last');
    await lab.until(() => told().length === TRIGGERS_RUNNING_MAX || undefined);
    await service.stop();
    expect(told()).not.toContain('last');
    fs.writeFileSync(gate, '');
    fs.rmSync(path.join(lab.dir, 'told'));
    service = serviceAfter((await placeSaved()) ?? 0);
    service.start(1);
    await lab.until(() => told().length > 0 || undefined);
    await service.stop();
    expect(told()).toEqual(['last']);
  });
});
