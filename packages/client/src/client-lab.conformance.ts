/** What the client's tests share: fake servers and clients that are cleaned up after each test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from '@jetstream/contract';
import { afterEach, beforeAll } from 'vitest';
import type { Api, JetStreamOptions } from './api.js';
import {
  type FakeIdentity,
  type FakeMethod,
  FakeServer,
  makeIdentity,
} from './fake-server.conformance.js';
import { JetStream } from './jetstream.js';
import { MemoryKnownServers } from './known-servers.js';

/** Identities of the server and of one in its place; set before the first test. */
export const identities = {} as { own: FakeIdentity; stranger: FakeIdentity };

const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  identities.own = await makeIdentity();
  identities.stranger = await makeIdentity();
});
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

/** Starts a server under the usual identity. */
export const startServer = async (
  methods: Record<string, FakeMethod> = {},
  port = 0,
): Promise<FakeServer> => {
  const server = await FakeServer.start({ identity: identities.own, methods, port });
  cleanUp.push(() => server.stop());
  return server;
};

/** Starts a server under another identity. */
export const startImpostor = async (port: number): Promise<FakeServer> => {
  const server = await FakeServer.start({ identity: identities.stranger, port });
  cleanUp.push(() => server.stop());
  return server;
};

/** A client that reconnects fast and leaves no trace in the user's files. */
export const apiOf = (port: number, options: JetStreamOptions = {}): Api => {
  const api = new JetStream({
    knownServers: new MemoryKnownServers(),
    localKeyFile: false,
    reconnect: { initialMs: 1, delayMsMax: 5 },
    ...options,
  }).api('127.0.0.1', port);
  cleanUp.push(() => api.close());
  return api;
};

/** A connected client that has logged in by password. */
export const loggedIn = async (
  server: FakeServer,
  options: JetStreamOptions = {},
): Promise<Api> => {
  const api = apiOf(server.port, {
    credentials: { userName: 'jsmith', password: 'secret' },
    ...options,
  });
  await api.connect();
  return api;
};

/** The error that work fails with. */
export const failure = async (work: Promise<unknown>): Promise<CommandError> => {
  const error = await work.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (error instanceof CommandError) return error;
  throw error;
};

/** A directory that vanishes after the test. */
export const temporary = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'jetstream-client-'));
  cleanUp.push(() => rmSync(directory, { recursive: true }));
  return directory;
};
