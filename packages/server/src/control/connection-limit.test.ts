import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limitConnections } from './connection-limit.js';

const MAX = 3;

/** A connection from any address. */
class Connection extends EventEmitter {
  readonly remoteAddress: string | undefined;
  open = true;

  constructor(remoteAddress: string | undefined) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    if (!this.open) return;
    this.open = false;
    this.emit('close');
  }
}

describe('limitConnections: by address', () => {
  let server: EventEmitter;
  let admitted: Connection[];
  let refused: string[];
  const arrive = (address: string | undefined): Connection => {
    const connection = new Connection(address);
    server.emit('connection', connection);
    return connection;
  };

  beforeEach(() => {
    server = new EventEmitter();
    admitted = [];
    refused = [];
    server.on('connection', (connection: Connection) => admitted.push(connection));
    limitConnections(server as Server, {
      perClientMax: MAX,
      onRefused: (client) => refused.push(client),
    });
  });

  it('a client with as many as it may have gets no further one, others do', () => {
    const held = Array.from({ length: MAX + 2 }, () => arrive('192.0.2.1'));
    expect(held.map(({ open }) => open)).toEqual([true, true, true, false, false]);
    expect(refused).toEqual(['192.0.2.1', '192.0.2.1']);
    expect(arrive('192.0.2.2').open).toBe(true);
    expect(admitted).toHaveLength(MAX + 1);
  });

  it('each one that ends makes room for one, and a refused one for none', () => {
    const held = Array.from({ length: MAX }, () => arrive('192.0.2.1'));
    expect(arrive('192.0.2.1').open).toBe(false);
    expect(arrive('192.0.2.1').open).toBe(false);
    held[0]?.destroy();
    expect(arrive('192.0.2.1').open).toBe(true);
    expect(arrive('192.0.2.1').open).toBe(false);
  });

  it('mapped IPv4 addresses and the addresses of one IPv6 network are one client', () => {
    for (const address of ['192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1']) arrive(address);
    expect(arrive('::ffff:192.0.2.1').open).toBe(false);
    for (const end of ['1', '2:3', 'ffff:0:1']) arrive(`2001:db8:1:2::${end}`);
    expect(arrive('2001:db8:1:2:aaaa::').open).toBe(false);
    expect(arrive('2001:db8:1:3::1').open).toBe(true);
  });

  it('a connection that has no address any more is closed and counts for nobody', () => {
    expect(arrive(undefined).open).toBe(false);
    expect([admitted, refused]).toEqual([[], []]);
  });
});

describe('limitConnections: sockets', () => {
  const open: Socket[] = [];
  let server: Server;
  const dial = (): Socket => {
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    open.push(socket);
    return socket;
  };
  const listen = async (): Promise<void> => {
    limitConnections(server, { perClientMax: 1, onRefused: () => undefined });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  };

  afterEach(() => {
    for (const socket of open.splice(0)) socket.destroy();
    server.close();
  });

  it('one that says nothing counts, and gives its place back when its client goes', async () => {
    server = createServer();
    await listen();
    const accepted = once(server, 'connection');
    const first = dial();
    const [taken] = (await accepted) as [Socket];
    const second = dial();
    second.resume();
    await once(second, 'close');
    first.destroy();
    taken.resume();
    await once(taken, 'close');
    const third = dial();
    await once(server, 'connection');
    expect(third.destroyed).toBe(false);
  });

  it('so does one that TLS has taken over', async () => {
    const secure = tls.createServer({});
    secure.on('tlsClientError', () => undefined);
    server = secure;
    await listen();
    const accepted = once(server, 'connection');
    const first = dial();
    const [taken] = (await accepted) as [Socket];
    first.write('this is no TLS');
    await once(taken, 'close');
    dial();
    const [next] = (await once(server, 'connection')) as [Socket];
    expect(next.destroyed).toBe(false);
  });
});
