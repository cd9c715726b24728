/**
 * The mutations of the crash test, one subject per kind of object: how a client changes it, and how
 * it reads all of them back. Each client has keys of its own, so that no two change the same.
 */
import { readFileSync } from 'node:fs';
import type { Api } from '@jetstream/client';
import { LOOPBACK } from '../../scripts/server-process.js';
import { MutationLedger, type Observed } from './mutation-ledger.js';

/** One client at work. */
export interface Worker {
  readonly index: number;
  readonly api: Api;
  /** A whole number from 0 to below `limit`. */
  readonly pick: (limit: number) => number;
  /** A text that no other call returns. */
  readonly unique: () => string;
}

/** A kind of object that is mutated. */
export interface Subject {
  readonly kind: string;
  readonly ledger: MutationLedger;
  mutate(worker: Worker): Promise<void>;
  read(api: Api): Promise<Observed>;
}

/** Objects of one kind that a client keeps; beyond that it deletes. */
const KEPT_MAX = 12;

const oneOf = <T>(worker: Worker, list: readonly T[]): T | undefined =>
  list.length === 0 ? undefined : list[worker.pick(list.length)];

/** Keys of existing objects that belong to a client. */
const ownKeys = (ledger: MutationLedger, owned: ReadonlySet<string>): string[] =>
  ledger.keys((value) => value !== null).filter((key) => owned.has(key));

/** Remembers which client made which object. */
class Owners {
  readonly #sets = new Map<number, Set<string>>();

  of({ index }: Worker): Set<string> {
    const set = this.#sets.get(index) ?? new Set();
    this.#sets.set(index, set);
    return set;
  }
}

const tokens = (): Subject => {
  const ledger = new MutationLedger();
  const owners = new Owners();
  return {
    kind: 'API token',
    ledger,
    mutate: async (worker) => {
      const { api } = worker;
      const owned = owners.of(worker);
      const mine = ownKeys(ledger, owned);
      const token = oneOf(worker, mine);
      const description = worker.unique();
      if (token === undefined || (mine.length < KEPT_MAX && worker.pick(3) === 0)) {
        const id = await ledger.create(description, async () => {
          const made = await api.server.createAPIToken({ description });
          return (await api.server.getAPIToken(made.token)).token;
        });
        owned.add(id);
      } else if (worker.pick(3) === 0) {
        await ledger.change(token, null, () => api.server.deleteAPIToken(token));
      } else {
        await ledger.change(token, description, () =>
          api.server.updateAPIToken(token, { description }),
        );
      }
    },
    read: async (api) => {
      const all = await api.server.getAPITokens();
      return new Map(all.map(({ token, description }) => [token, description]));
    },
  };
};

const sandboxes = (): Subject => {
  const ledger = new MutationLedger();
  return {
    kind: 'sandbox mapping',
    ledger,
    mutate: async (worker) => {
      const userName = `user-${worker.index}-${worker.pick(5)}`;
      const exists = ledger.value(userName) !== null;
      if (exists && worker.pick(3) === 0) {
        await ledger.change(userName, null, () => worker.api.server.deleteSandboxMapping(userName));
        return;
      }
      const roots = { '': `/srv/${worker.unique()}` };
      await ledger.change(userName, JSON.stringify(roots), () =>
        worker.api.server.setSandboxMapping(userName, roots),
      );
    },
    read: async (api) => {
      const all = Object.entries(await api.server.getSandboxMappings());
      return new Map(all.map(([userName, roots]) => [userName, JSON.stringify(roots)]));
    },
  };
};

/** Accounts of this system that are nobody's, as `name` and `id`. */
const systemAccounts = (): { name: string; id: string }[] =>
  readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , id = '']) => ({ name, id }))
    .filter(({ name, id }) => name !== '' && id !== '0' && id !== String(process.getuid?.()));

const wranglers = (workers: number): Subject => {
  const ledger = new MutationLedger();
  const accounts = systemAccounts();
  return {
    kind: 'wrangler',
    ledger,
    mutate: async (worker) => {
      const own = accounts.filter((_account, position) => position % workers === worker.index);
      const account = oneOf(worker, own);
      if (account === undefined) return;
      const { name, id } = account;
      if (ledger.value(id) === null) {
        await ledger.change(id, name, () => worker.api.server.addWranglerAsync(name));
      } else {
        await ledger.change(id, null, () => worker.api.server.deleteWrangler(id));
      }
    },
    read: async (api) => {
      const { users } = await api.server.getWranglers();
      return new Map(users.map(({ id, name }) => [id, name]));
    },
  };
};

const SETTING_NAMES = ['incomingRateLimit', 'outgoingRateLimit', 'address', 'interval'] as const;

const settings = (): Subject => {
  const ledger = new MutationLedger();
  const set = async (api: Api, name: (typeof SETTING_NAMES)[number], value: number) => {
    switch (name) {
      case 'address':
        return api.server.setExternalAddress(`host-${value}.example`);
      case 'interval':
        return api.server.updateGarbageCollectSettings({ intervalSeconds: value });
      default:
        return api.server.updateBandwidthLimits({ [name]: value });
    }
  };
  return {
    kind: 'setting',
    ledger,
    mutate: async (worker) => {
      // Of each setting there is one, so each has one client that changes it.
      const name = SETTING_NAMES[worker.index];
      if (name === undefined) return;
      const value = 1_000_000 + worker.pick(1_000_000);
      await ledger.change(name, String(value), () => set(worker.api, name, value));
    },
    read: async (api) => {
      const { bandwidthLimits, serverExternalAddress } = await api.server.getServerInfo();
      const { intervalSeconds } = await api.server.getGarbageCollectSettings();
      const values: Record<string, string | undefined> = {
        incomingRateLimit: bandwidthLimits.incomingRateLimit?.toString(),
        outgoingRateLimit: bandwidthLimits.outgoingRateLimit?.toString(),
        address: /^host-(\d+)\.example$/.exec(serverExternalAddress ?? '')?.[1],
        interval: String(intervalSeconds),
      };
      const set = Object.entries(values).filter(([, value]) => value !== undefined);
      return new Map(set as [string, string][]);
    },
  };
};

/** @param file A file that exists, for manifests to list. */
const manifests = (file: string): Subject => {
  const ledger = new MutationLedger();
  const owners = new Owners();
  return {
    kind: 'manifest',
    ledger,
    mutate: async (worker) => {
      const { api } = worker;
      const owned = owners.of(worker);
      const mine = ownKeys(ledger, owned);
      const manifestId = oneOf(worker, mine);
      if (manifestId !== undefined && mine.length >= KEPT_MAX / 2) {
        await ledger.change(manifestId, null, () => api.send.deleteManifest(manifestId));
        return;
      }
      const made = await ledger.create('there', async () => {
        const mappings = { [`/${worker.unique()}`]: file };
        return (await api.send.createManifest({ mappings })).manifestId;
      });
      owned.add(made);
    },
    read: async (api) => {
      const all = await api.send.getManifests();
      return new Map(all.map(({ manifestId }) => [manifestId, 'there']));
    },
  };
};

/** The first port; nobody answers at any of them. */
const DEAD_PORT = 20_000;

const destinations = (): Subject => {
  const ledger = new MutationLedger();
  return {
    kind: 'destination',
    ledger,
    mutate: async (worker) => {
      const destinationPort = DEAD_PORT + worker.index * 10 + worker.pick(10);
      const id = `${LOOPBACK}:${destinationPort}`;
      if (ledger.value(id) === null) {
        await ledger.change(id, 'there', () =>
          worker.api.send.createDestination(LOOPBACK, { destinationPort }),
        );
      } else {
        await ledger.change(id, null, () => worker.api.send.deleteDestination(id));
      }
    },
    read: async (api) => {
      const all = await api.send.getDestinations();
      return new Map(all.map(({ destinationId }) => [destinationId, 'there']));
    },
  };
};

/** Transfers that wait for a receiver who never answers, are cancelled, and are deleted. */
const transfers = (file: string): Subject => {
  const ledger = new MutationLedger();
  const owners = new Owners();
  const order = async (worker: Worker): Promise<string> => {
    const { send } = worker.api;
    const { manifestId } = await send.createManifest({ mappings: { '/file': file } });
    await send.waitForManifest(manifestId);
    const destinationPort = DEAD_PORT + 5000 + worker.index;
    const { destinationId } = await send.createDestination(LOOPBACK, { destinationPort });
    return (await send.createTransfer(manifestId, destinationId)).transferId;
  };
  return {
    kind: 'transfer',
    ledger,
    mutate: async (worker) => {
      const { send } = worker.api;
      const owned = owners.of(worker);
      const transferId = oneOf(worker, ownKeys(ledger, owned));
      if (transferId === undefined || worker.pick(3) === 0) {
        owned.add(await ledger.create('open', () => order(worker)));
      } else if (ledger.value(transferId) === 'open') {
        await ledger.change(transferId, 'cancelled', () => send.cancelTransfer(transferId));
      } else {
        await ledger.change(transferId, null, () => send.deleteTransfer(transferId));
      }
    },
    read: async (api) => {
      const all = await api.send.getTransfers();
      const shown = (status: string): string => (status === 'cancelled' ? status : 'open');
      return new Map(all.map(({ transferId, status }) => [transferId, shown(status)]));
    },
  };
};

/** Requests: an id that was given out stays known, and what was seen to succeed has succeeded. */
const requests = (directory: string): Subject => {
  const ledger = new MutationLedger();
  return {
    kind: 'request',
    ledger,
    mutate: async ({ api, unique }) => {
      const path = `${directory}/${unique()}`;
      const id = await ledger.create('known', async () =>
        String((await api.server.mkdirAsync(path)).requestId),
      );
      await ledger.change(id, 'success', () => api.server.getRequestResult(Number(id)));
    },
    read: async (api) => {
      const found = await Promise.all(
        ledger.allKeys.map(async (id) => {
          const { status } = await api.server.getRequestStatus(Number(id));
          return [id, status === 'success' ? 'success' : 'known'] as const;
        }),
      );
      return new Map(found);
    },
  };
};

/** Directories that a request was seen to have made. */
const directories = (directory: string): Subject => {
  const ledger = new MutationLedger();
  return {
    kind: 'directory',
    ledger,
    mutate: async (worker) => {
      const name = `made-${worker.index}-${worker.pick(8)}`;
      const path = `${directory}/${name}`;
      if (ledger.value(name) === null) {
        await ledger.change(name, 'there', () => worker.api.server.mkdir(path));
      } else {
        await ledger.change(name, null, () => worker.api.server.rm(path));
      }
    },
    read: async (api) => {
      const { files } = await api.server.ls(directory);
      return new Map(files.map(({ name }) => [name, 'there']));
    },
  };
};

/** What the subjects need beside a server. */
export interface MutationPlaces {
  readonly workers: number;
  readonly file: string;
  readonly directory: string;
}

/** All subjects. */
export const mutationSubjects = ({ workers, file, directory }: MutationPlaces): Subject[] => [
  tokens(),
  sandboxes(),
  wranglers(workers),
  settings(),
  manifests(file),
  destinations(),
  transfers(file),
  requests(directory),
  directories(directory),
];
