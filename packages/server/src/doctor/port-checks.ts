/** Whether the ports of a server can be opened, and what would move its packets. */
import { createServer } from 'node:net';
import { openPacketIO } from '@jetstream/udp';
import type { ServerConfig } from '../config/server-options.js';
import { type Finding, failing, fine, warning } from './finding.js';

/** Nothing is sent, but a socket wants one. */
const ARENA_BYTES = 65_536;

type Outcome = { readonly code: string } | { readonly description: string };

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? String(error);

const tryTcp = (host: string, port: number): Promise<Outcome> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve({ code: codeOf(error) }));
    server.listen({ host, port }, () =>
      server.close(() => resolve({ description: `port ${port} is free` })),
    );
  });

const tryUdp = async (config: ServerConfig): Promise<Outcome> => {
  try {
    const io = await openPacketIO({
      address: config.recvHost,
      port: config.recvPort,
      arena: new Uint8Array(ARENA_BYTES),
      ...(config.dataPath === 'dgram' ? { prefer: 'dgram' as const } : {}),
    });
    const { description } = io;
    await io.close();
    return { description };
  } catch (error) {
    return { code: codeOf(error) };
  }
};

/**
 * What a port that did not open is a case of.
 *
 * @param serverPid Process of a server that runs on this state directory, null without one.
 */
export const closedPort = (
  { name, port }: { name: string; port: number },
  code: string,
  serverPid: number | null,
): Finding => {
  if (code === 'EADDRINUSE' && serverPid !== null) {
    return fine(name, `port ${port} is in use, by the server that runs (process ${serverPid})`);
  }
  const flag = name === 'tcp port' ? '--api-port' : '--recv-port';
  if (code === 'EADDRINUSE') {
    return failing(name, `port ${port} is in use`, `End what uses it (ss -lntup), or take ${flag}`);
  }
  if (code === 'EACCES') {
    return failing(name, `port ${port} may not be opened`, `Take a port above 1023 with ${flag}`);
  }
  return failing(name, `port ${port} cannot be opened: ${code}`, 'Check the address to listen on');
};

export const checkTcpPort = async (
  config: ServerConfig,
  serverPid: number | null,
): Promise<Finding> => {
  const outcome = await tryTcp(config.apiHost, config.apiPort);
  return 'code' in outcome
    ? closedPort({ name: 'tcp port', port: config.apiPort }, outcome.code, serverPid)
    : fine('tcp port', outcome.description);
};

/** The UDP port, and the way that packets take: native or not. */
export const checkUdpPort = async (
  config: ServerConfig,
  serverPid: number | null,
): Promise<readonly Finding[]> => {
  const outcome = await tryUdp(config);
  const port =
    'code' in outcome
      ? closedPort({ name: 'udp port', port: config.recvPort }, outcome.code, serverPid)
      : fine('udp port', `port ${config.recvPort} is free`);
  // A port in use says nothing about the addon, so that is tried on any other port.
  const way = 'code' in outcome ? await tryUdp({ ...config, recvPort: 0 }) : outcome;
  return [port, dataPathOf(way, config)];
};

/** The way that packets take; not the native one unless that is wanted is worth a word. */
export const dataPathOf = (way: Outcome, config: Pick<ServerConfig, 'dataPath'>): Finding => {
  if ('code' in way) return failing('data path', `no UDP socket can be opened: ${way.code}`);
  if (way.description.startsWith('native')) return fine('data path', way.description);
  if (config.dataPath === 'dgram') return fine('data path', way.description);
  return warning(
    'data path',
    `${way.description}: several times slower than the native addon`,
    'Install python3, make and g++, then npm rebuild @jetstream/udp',
  );
};
