/**
 * Every HTTP route of a whole server, as the framework knows them, beside the list kept by hand: a route
 * that is added without a line there fails here, whoever may use it.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '@jetstream/server';
import { expect, it } from 'vitest';
import { LOOPBACK } from '../../scripts/server-process.js';
import surface from './surface.json' with { type: 'json' };

interface Route {
  readonly url: string;
  readonly method: string | string[];
}

interface Framework {
  addHook(name: 'onRoute', listener: (route: Route) => void): void;
}

/** Starts a server with every feature that adds routes, and notes those that it adds. */
const routesOfServer = async (): Promise<Record<string, string[]>> => {
  const routes: Record<string, string[]> = {};
  const onFramework = (message: unknown): void => {
    (message as { fastify: Framework }).fastify.addHook('onRoute', ({ url, method }) => {
      routes[url] = [...(routes[url] ?? []), ...[method].flat()];
    });
  };
  const stateDir = mkdtempSync(join(tmpdir(), 'jetstream-routes-'));
  subscribe('fastify.initialization', onFramework);
  try {
    const server = await startServer({
      apiPort: 0,
      recvPort: 0,
      apiHost: LOOPBACK,
      logLevel: 'silent',
      persistentStateDir: stateDir,
      singleProcess: true,
    });
    await server.stop({ drainMs: 0 });
  } finally {
    unsubscribe('fastify.initialization', onFramework);
    rmSync(stateDir, { recursive: true, force: true });
  }
  return routes;
};

it('attack 12, Aspera Faspex CVE-2022-47986: each route of the server is in the list', async () => {
  const found = await routesOfServer();
  const sorted = Object.entries(found).map(([url, methods]) => [url, [...new Set(methods)].sort()]);
  const listed = Object.entries(surface.routes).map(([url, methods]) => [url, [...methods].sort()]);
  expect(Object.fromEntries(sorted)).toEqual(Object.fromEntries(listed));
});
