/** The address that this machine sends from, as the routing table of the system has it. */
import { createSocket } from 'node:dgram';
import { isIP } from 'node:net';
import { formatEndpoint } from '../destinations/destination-address.js';

/** What stands for an address that cannot be found out. */
const UNKNOWN = '0.0.0.0';

const splitEndpoint = (endpoint: string): { host: string; port: number } => {
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|(.*)):(\d+)$/.exec(endpoint) ?? [];
  return { host: bracketed ?? plain ?? '', port: Number(port ?? 0) };
};

const localAddress = (host: string, port: number): Promise<string> =>
  new Promise((resolve) => {
    const family = isIP(host);
    // A name would have to be looked up, and may mean another address by then.
    if (family === 0 || port === 0) {
      resolve(UNKNOWN);
      return;
    }
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    const done = (address: string): void => {
      socket.close();
      resolve(address);
    };
    socket.once('error', () => done(UNKNOWN));
    // No packet leaves: the system only chooses a route.
    socket.connect(port, host, () => done(socket.address().address));
  });

/** `ip:port` that data to a destination is sent from. */
export const senderAddress = async (endpoint: string, recvPort: number): Promise<string> => {
  const { host, port } = splitEndpoint(endpoint);
  return formatEndpoint(await localAddress(host, port), recvPort);
};
