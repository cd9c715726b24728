/**
 * The handshake state machine with the TLS channel that servers use, in place of the simulator's
 * stand-in: mutated captures on a simulated network, and mutated TLS bytes between two channels. The
 * network is in virtual time; TLS answers in turns of the event loop, which the world waits for.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Prng, type SimulatedHostOptions, SimulatedWorld } from '@jetstream/testkit';
import type { KeySchedule, SecureChannel } from '@jetstream/transport';
import { afterAll, describe, expect, it } from 'vitest';
import { openIdentity } from '../../packages/server/src/adapters/tls/identity.js';
import { createTlsChannels } from '../../packages/server/src/data/worker/tls-channel.js';
import { expectNothingLeft, PATH } from '../simulation/scenario.js';
import { type AttackName, type AttackPlan, attack } from './capture-attacks.js';
import { fuzzRuns, fuzzSeed } from './fuzz-run.js';

const BYTES = 300_000;
const NOW_MS = Date.UTC(2030, 0, 2);
/** Virtual time that passes in a turn of the event loop: a handshake takes a few turns. */
const TURN_US = 1000;

const directories: string[] = [];

const newIdentity = () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'jetstream-fuzz-'));
  directories.push(stateDir);
  const options = { stateDir, hostName: 'fuzz.example', serverUid: '0f3c', nowMs: NOW_MS };
  const { privateKeyPem, certificatePem, publicKeyBase64 } = openIdentity(options);
  return {
    key: new Uint8Array(Buffer.from(publicKeyBase64, 'base64')),
    open: createTlsChannels({ privateKeyPem, certificatePem }),
  };
};

afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

const identities = [newIdentity(), newIdentity(), newIdentity()] as const;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Lets network and TLS go on by turns until `done` holds. @returns Whether it does. */
const runWithTls = async (
  world: SimulatedWorld,
  done: () => boolean,
  untilUs: number,
): Promise<boolean> => {
  while (!done() && world.clock.now < untilUs) {
    world.run(done, { untilUs: world.clock.now + TURN_US });
    await turn();
  }
  return done();
};

const runs = (count: number): number[] =>
  Array.from({ length: fuzzRuns(count) }, (_, i) => fuzzSeed * 10_000 + i);

/** Two transfers, one after the other has begun, from two hosts to a third, under attack. */
const transfersUnder = async (seed: number, plan: AttackPlan) => {
  const world = new SimulatedWorld(seed);
  const options = (at: 0 | 1 | 2): SimulatedHostOptions => ({
    slots: 32,
    openMax: 8,
    identity: identities[at],
  });
  const a = world.addHost('a', options(0));
  const b = world.addHost('b', options(1));
  const c = world.addHost('c', options(2));
  for (const name of ['a', 'c']) world.network.setPath(name, 'b', { ...PATH, loss: 0.01 });
  const injected = attack(world, new Prng(seed + 1), plan);
  const dial = (host: typeof a, channel: number) =>
    host.connect(b, {
      transfers: [{ channel, totalBytes: BYTES, seed: seed * 10 + channel }],
      attemptsMax: plan.breaks === true ? 30 : 1,
    });
  const first = dial(a, 1);
  await runWithTls(world, () => a.sessions.length > 0, 60e6);
  const second = dial(c, 2);
  const dials = [first, second];
  const over = () => dials.every(({ completeAt, failure }) => completeAt >= 0 || failure !== null);
  await runWithTls(world, over, 120e6);
  // Handshakes that an attack has left half open end by themselves.
  const settled = () => world.hosts.every(({ endpoint }) => !endpoint.busy);
  await runWithTls(world, settled, world.clock.now + 60e6);
  expectNothingLeft(world);
  return { dials, receiver: b, injected: injected() };
};

const CASES: Readonly<Record<string, readonly AttackName[]>> = {
  'replayed and reordered': ['replayed'],
  truncated: ['truncated'],
  'forged and flipped': ['flipped'],
  spliced: ['spliced'],
  'all of it at once': ['replayed', 'truncated', 'flipped', 'spliced'],
};

for (const [name, names] of Object.entries(CASES)) {
  describe(`handshakes with TLS, ${name}`, () => {
    it.each(runs(2))('from elsewhere, they change nothing: seed %i', async (seed) => {
      const { dials, receiver, injected } = await transfersUnder(seed, { names });
      expect(dials.map(({ failure, attempts }) => [failure, attempts])).toEqual([
        [null, 1],
        [null, 1],
      ]);
      expect(receiver.sessions.map(({ receiver: { contentBytes } }) => contentBytes)).toEqual([
        BYTES,
        BYTES,
      ]);
      expect(injected).toBeGreaterThan(20);
    });

    it.each(runs(2))('from the true address, another try gets through: seed %i', async (seed) => {
      const { dials, injected } = await transfersUnder(seed, { names, breaks: true });
      for (const dial of dials) {
        expect(dial.failure).toBeNull();
        expect(dial.completeAt).toBeGreaterThan(0);
      }
      expect(injected).toBeGreaterThan(20);
    });
  });
}

/** One end of a TLS session and what it has said. */
interface End {
  readonly channel: SecureChannel;
  readonly said: { secure: { key: Uint8Array; schedule: KeySchedule } | null; failures: string[] };
}

/** Changes some of the pieces that pass. */
type Meddle = (piece: Uint8Array) => readonly Uint8Array[];

const meddler =
  (random: Prng, share: number): Meddle =>
  (piece) => {
    if (!random.chance(share)) return [piece];
    const copy = piece.slice();
    const at = random.below(copy.length);
    const way = random.below(6);
    if (way === 0) copy[at] = (copy[at] as number) ^ (1 + random.below(255));
    else if (way === 1) return [copy.subarray(0, at)];
    else if (way === 2) return [copy, copy.subarray(at)];
    else if (way === 3) return [];
    else if (way === 4) return [random.bytes(1 + random.below(60)), copy];
    else copy.set(random.bytes(Math.min(8, copy.length - at)), at);
    return [copy];
  };

/** A client and a server whose bytes pass through `meddle`, until nothing moves any more. */
const handshake = async (meddle: Meddle): Promise<readonly [End, End]> => {
  const inboxes: Uint8Array[][] = [[], []];
  const open = (at: 0 | 1): End => {
    const said: End['said'] = { secure: null, failures: [] };
    const channel = identities[at].open(
      {
        role: at === 0 ? 'client' : 'server',
        peerKey: at === 0 ? identities[1].key : null,
        minCipher: 2,
      },
      {
        send: (bytes) => inboxes[1 - at]?.push(...meddle(bytes)),
        secure: (key, schedule) => {
          said.secure = { key, schedule };
        },
        failed: (message) => said.failures.push(message),
      },
    );
    return { channel, said };
  };
  const ends = [open(0), open(1)] as const;
  for (let idle = 0; idle < 20; idle += 1) {
    await turn();
    ends.forEach(({ channel }, at) => {
      for (const piece of inboxes[at]?.splice(0) ?? []) {
        channel.receive(piece);
        idle = 0;
      }
    });
  }
  for (const { channel } of ends) channel.close();
  await turn();
  return ends;
};

const keysOf = ({ said: { secure } }: End, direction: 'send' | 'receive') =>
  secure?.schedule.keys(direction, 0);

describe('TLS bytes between two channels', () => {
  it('unchanged: both are done, with each other’s key and the same secrets', async () => {
    const [client, server] = await handshake((piece) => [piece]);
    expect(client.said.secure?.key).toEqual(identities[1].key);
    expect(server.said.secure?.key).toEqual(identities[0].key);
    expect([client.said.failures, server.said.failures]).toEqual([[], []]);
    expect(keysOf(client, 'send')?.key).toEqual(keysOf(server, 'receive')?.key);
  });

  it.each(runs(60))(
    'changed: whoever is done has the true peer and its keys: seed %i',
    async (seed) => {
      const ends = await handshake(meddler(new Prng(seed), 0.4));
      const [client, server] = ends;
      if (client.said.secure !== null) expect(client.said.secure.key).toEqual(identities[1].key);
      if (server.said.secure !== null) {
        expect(server.said.secure.key).toEqual(identities[0].key);
        // A server is done last, so the client has the same keys.
        expect(keysOf(client, 'send')?.key).toEqual(keysOf(server, 'receive')?.key);
        expect(keysOf(server, 'send')?.key).toEqual(keysOf(client, 'receive')?.key);
      }
      for (const { said } of ends) expect(said.failures.length).toBeLessThanOrEqual(1);
    },
  );

  it.each(runs(60))(
    'junk from the first byte: no end is done, none throws: seed %i',
    async (seed) => {
      const random = new Prng(seed);
      const [client, server] = await handshake(() => [random.bytes(1 + random.below(1100))]);
      expect([client.said.secure, server.said.secure]).toEqual([null, null]);
      expect(server.said.failures.length).toBeLessThanOrEqual(1);
    },
  );
});
