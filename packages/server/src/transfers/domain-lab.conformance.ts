/**
 * For tests of everything that moves files: the whole domain over a database in memory, with a
 * clock and a data plane that do what the test says.
 */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  CommandError,
  definitionOf,
  type ManifestStructure,
  type MethodName,
  type ParamsInput,
  type RequestResult,
  type Result,
  type TransferStructure,
} from '@jetstream/contract';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { type OpenDatabase, openMemoryDatabase } from '../adapters/database/database.js';
import { GroupCommit } from '../adapters/database/group-commit.js';
import { SqliteSettingStore } from '../adapters/database/settings.js';
import { silentLogger } from '../adapters/log/logger.js';
import type { RemoteControl, RemoteServer } from '../adapters/remote-control/remote-control.js';
import { GarbageCollector, type GarbageCounts } from '../collection/garbage-collector.js';
import type { CallContext, Handler } from '../control/handler.js';
import type {
  BandwidthLimits,
  DataPlane,
  DataPlaneEvents,
  SendOrder,
  SendOutcome,
} from '../data/data-plane.js';
import type { StoredEvent } from '../events/event-log.js';
import { SqliteEventLog } from '../events/sqlite-event-log.js';
import type { Foundation } from '../foundation.js';
import type { Caller, Ownership } from '../sessions/caller.js';
import { type Domain, type DomainMethod, startDomain } from '../start-domain.js';
import { BROKEN, keyOf } from './attempt-samples.conformance.js';
import { turn, until } from './until.conformance.js';

export { BROKEN, COMPLETE, keyOf, peerOf, progressOf } from './attempt-samples.conformance.js';

/** Keeps orders, and tells only what the test says. */
export class FakePlane implements DataPlane {
  readonly recvPort = 8886;
  readonly path = 'dgram';
  readonly pathReason = 'test';
  readonly orders: SendOrder[] = [];
  readonly stopped: {
    transferId: string;
    code: string;
    kind: 'send' | 'receive';
    aftermath?: string;
  }[] = [];
  readonly events: DataPlaneEvents;
  readonly die: (error: Error) => void;
  readonly #running = new Set<string>();

  constructor(events: DataPlaneEvents, die: (error: Error) => void) {
    this.events = events;
    this.die = die;
  }

  get running(): string[] {
    return [...this.#running];
  }

  /** The last order for a transfer. */
  order(transferId: string): SendOrder {
    const found = this.orders.findLast((order) => order.transferId === transferId);
    if (found === undefined) throw new Error(`transfer ${transferId} was never sent`);
    return found;
  }

  send(order: SendOrder): void {
    if (this.#running.has(order.transferId)) throw new Error('the order is active already');
    this.#running.add(order.transferId);
    this.orders.push(order);
  }

  /** Ends an attempt. */
  end(transferId: string, outcome: SendOutcome): void {
    this.#running.delete(transferId);
    this.events.sendEnded(transferId, outcome);
  }

  stopSend(transferId: string, reason: { code: string; aftermath: string }): void {
    const { code, aftermath } = reason;
    this.stopped.push({ transferId, code, kind: 'send', aftermath });
  }

  stopReceive(transferId: string, reason: { code: string }): void {
    this.stopped.push({ transferId, code: reason.code, kind: 'receive' });
  }

  takeStream(): void {}

  limits: BandwidthLimits | null = null;

  /** Orders as they were changed while they ran. */
  readonly updates: SendOrder[] = [];

  updateSend(order: SendOrder): void {
    this.updates.push(order);
  }

  setBandwidthLimits(limits: BandwidthLimits): void {
    this.limits = limits;
  }

  expectDiscovery(): void {}

  dropDiscovery(): void {}

  async sendDiscovery(): Promise<void> {}

  stop(): Promise<void> {
    for (const transferId of this.running) this.end(transferId, BROKEN);
    return Promise.resolve();
  }
}

/** Code of the error that a call fails with. */
export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof CommandError ? error.code : String(error)),
  );

export class DomainLab {
  readonly dir = mkdtempSync(join(tmpdir(), 'domain-'));
  readonly clock: ManualClock;
  readonly database: OpenDatabase;
  readonly planes: FakePlane[] = [];
  /** API tokens that were asked for, and those that were removed. */
  readonly madeTokens: object[] = [];
  readonly removedTokens: string[] = [];
  /** Other servers that were called, and what answers for them. */
  readonly remotes: RemoteServer[] = [];
  remote: RemoteControl = {
    ownAddress: null,
    call: () => Promise.reject(new CommandError('destination_unreachable', 'nobody is there')),
  };
  readonly published: { topic: string; owner: Ownership; item: unknown }[] = [];
  /** Callers behind upload tokens, by text. */
  readonly uploadTokens = new Map<string, Caller>();
  /** The same, once they are deleted. */
  readonly deletedTokens = new Map<string, Caller>();
  /** Ids of shared tokens whose logins have ended. */
  readonly endedTokens: string[] = [];
  /** What requests have told of their progress. */
  readonly progress: unknown[] = [];
  readonly #config: Record<string, unknown>;
  #commits: GroupCommit;
  #domain: Domain | null = null;

  private constructor(database: OpenDatabase, config: Record<string, unknown>, clock: ManualClock) {
    this.clock = clock;
    this.database = database;
    this.#commits = new GroupCommit(database.db);
    this.#config = {
      ...{ recvPort: 8886, allowNoCipher: false, allowTestTransfers: false, sandboxDir: null },
      ...{ persistentTransfers: true, persistentDestinations: true },
      ...config,
    };
  }

  static async open(
    config: Record<string, unknown> = {},
    clock = new ManualClock(),
  ): Promise<DomainLab> {
    const lab = new DomainLab(await openMemoryDatabase(), config, clock);
    await lab.start();
    return lab;
  }

  /** The data plane that runs now. */
  get plane(): FakePlane {
    const plane = this.planes.at(-1);
    if (plane === undefined) throw new Error('no data plane has started');
    return plane;
  }

  get events(): SqliteEventLog {
    const { clock } = this;
    return new SqliteEventLog({ db: this.database.db, commits: this.#commits, clock });
  }

  async start(): Promise<void> {
    const registry = {
      publish: (topic: string, owner: Ownership, item: unknown) =>
        this.published.push({ topic, owner, item: structuredClone(item) }),
    };
    const verifyUploadToken = (text: string, _from: string, beganWith: string | null) => {
      const deleted = this.deletedTokens.get(text);
      const caller =
        this.uploadTokens.get(text) ?? (deleted?.token?.id === beganWith ? deleted : undefined);
      return caller === undefined
        ? Promise.reject(new CommandError('auth_failed', 'The token is wrong'))
        : Promise.resolve(caller);
    };
    const foundation = {
      clock: this.clock,
      logger: silentLogger,
      db: this.database.db,
      commits: this.#commits,
      config: this.#config,
      stateDir: join(this.dir, 'state'),
      serverId: 'id-0',
      serverName: 'lab',
      ...{ accounts: { processOwner: 'owner' }, monitor: null },
      identity: { publicKeyBase64: keyOf(0) },
    } as unknown as Foundation;
    const userFiles = { of: async () => ({ roots: new Map([['', '/']]), sandboxed: false }) };
    const revocation = {
      tokenRemoved: (id: string) => this.endedTokens.push(id),
      tokenUpdated: () => undefined,
    };
    const tokens = {
      create: (_caller: Caller, params: object) => {
        this.madeTokens.push(params);
        return Promise.resolve({ token: `js1.t${this.madeTokens.length}.secret` });
      },
      remove: (_caller: Caller, token: string) => {
        this.removedTokens.push(token);
        return Promise.resolve();
      },
    };
    const control = {
      ...{
        logins: { verifyUploadToken, isUploadOver: async () => false },
        registry,
        revocation,
        tokens,
        userFiles,
      },
    } as unknown as Parameters<typeof startDomain>[0]['control'];
    this.#domain = await startDomain(
      { foundation, control, events: this.events, bandwidth: { attach: () => undefined } },
      (_, events, died) => {
        const plane = new FakePlane(events, died);
        this.planes.push(plane);
        return Promise.resolve(plane);
      },
      (server) => {
        this.remotes.push(server);
        return this.remote;
      },
    );
  }

  async stop(): Promise<void> {
    const domain = this.#domain;
    this.#domain = null;
    await domain?.stop({ drainMs: 0 });
    await this.settled();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.database.close();
    rmSync(this.dir, { recursive: true });
  }

  /** Everything that was asked to be written is durable. */
  async settled(): Promise<void> {
    await turn();
    await this.#commits.settled();
    await turn();
  }

  caller(change: Partial<Caller> = {}): Caller {
    return {
      userName: 'user',
      level: 'user',
      token: null,
      roots: new Map([['', this.dir]]),
      sandboxed: true,
      address: '127.0.0.1',
      ...change,
    };
  }

  tokenCaller(session: string, change: Partial<Caller> = {}): Caller {
    return this.caller({ token: { id: 't1', session, permissions: 31, path: null }, ...change });
  }

  /** Calls a method as the dispatcher does: parameters and result must fit the contract. */
  async call<M extends DomainMethod>(
    method: M,
    params: ParamsInput<M>,
    caller = this.caller(),
  ): Promise<Result<M>> {
    const { result } = await this.#run(method, params, caller);
    return definitionOf(method).result.parse(result) as Result<M>;
  }

  /** Calls an `…Async` method and waits for its result. */
  async finish<M extends DomainMethod>(
    method: M,
    params: ParamsInput<M>,
    caller = this.caller(),
  ): Promise<RequestResult<M>> {
    const { request } = await this.#run(method, params, caller);
    return definitionOf(method).requestResult?.parse(await request) as RequestResult<M>;
  }

  async #run<M extends DomainMethod>(method: M, params: ParamsInput<M>, caller: Caller) {
    const handler = this.#domain?.handlers[method] as Handler<MethodName> | undefined;
    if (handler === undefined) throw new Error(`no handler for ${method}`);
    let request: Promise<unknown> = Promise.resolve();
    const { signal } = new AbortController();
    const call = {
      caller,
      session: null,
      signal,
      submit: (_name: string, run: (work: object) => Promise<unknown>) => {
        request = run({ signal, progress: (counters: unknown) => this.progress.push(counters) });
        request.catch(() => {});
        return Promise.resolve({ requestId: 1 });
      },
    } as unknown as CallContext;
    const parsed = definitionOf(method).params.parse(params) as never;
    return { result: await handler(parsed, call), request };
  }

  /** Makes a complete manifest of one file of a size. */
  async manifest(size = 1000, caller = this.caller()): Promise<ManifestStructure> {
    const file = join(this.dir, 'in', `${size}.bin`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '');
    truncateSync(file, size);
    const mappings = { '/out.bin': `/in/${size}.bin` };
    const { manifestId } = await this.call('send.createManifest', { mappings }, caller);
    return this.call('send.waitForManifest', { manifestId }, caller);
  }

  /** Makes a transfer of one file to a destination, which is made as well. */
  async transfer(
    params: Partial<ParamsInput<'send.createTransfer'>> & { address?: string; size?: number } = {},
    caller = this.caller(),
  ): Promise<TransferStructure> {
    const { address = 'receiver01', size = 1000, ...rest } = params;
    const manifestId = rest.manifestId ?? (await this.manifest(size, caller)).manifestId;
    const destination = { destinationAddress: address };
    const { destinationId } = await this.call('send.createDestination', destination, caller);
    return this.call('send.createTransfer', { destinationId, ...rest, manifestId }, caller);
  }

  /** A transfer as the API shows it. */
  show(transferId: string, caller = this.caller()): Promise<TransferStructure> {
    return this.call('send.getTransfer', { transferId }, caller);
  }

  /** Answers for another server by this domain itself, as one of its users. */
  remoteBy(caller: Caller): RemoteControl {
    return {
      ownAddress: '192.0.2.1',
      call: (method, params) => this.call(method as DomainMethod, params as never, caller),
    };
  }

  /** Collects garbage in the domain, with the settings that a server has at first. */
  collect(options: { force?: boolean; dryRun?: boolean } = {}): Promise<GarbageCounts> {
    const { clock, database, events } = this;
    const collector = new GarbageCollector({
      kinds: this.#domain?.garbage ?? [],
      store: new SqliteSettingStore(database.db, this.#commits),
      events,
      clock,
      logger: silentLogger,
    });
    return collector.collect({ force: false, dryRun: false, by: null, ...options });
  }

  /** Waits for an attempt to begin. */
  async sent(transferId: string, attempts = 1): Promise<void> {
    const count = (): number =>
      this.planes
        .flatMap((plane) => plane.orders)
        .filter((order) => order.transferId === transferId).length;
    await until(`attempt ${attempts} of ${transferId}`, () => count() >= attempts);
  }

  /** Events of a name, oldest first. */
  async eventsOf(name: string): Promise<StoredEvent[]> {
    await this.settled();
    const all = await this.events.read({ afterSeq: 0, limit: 10_000 });
    return all.filter((event) => event.name === name);
  }
}
