/**
 * The half of a control door that runs inside a network namespace: joins each connection to a Unix
 * socket to one to a loopback TCP port there. Unix sockets belong to the file system, so the outside
 * reaches this one although it shares no network with the namespace.
 *
 * Usage: node tests/wan/dist/door-process.js SOCKET PORT
 *
 * Prints `open` when it listens and ends when its standard input closes, hence with its parent.
 */
import { connect, createServer } from 'node:net';
import { LOOPBACK } from '../../../scripts/dist/server-process.js';

const [path = '', port = ''] = process.argv.slice(2);
const server = createServer((outside) => {
  const inside = connect({ host: LOOPBACK, port: Number(port), noDelay: true });
  outside.pipe(inside).pipe(outside);
  outside.on('error', () => inside.destroy());
  inside.on('error', () => outside.destroy());
});
server.listen(path, () => process.stdout.write('open\n'));
process.stdin.resume().on('close', () => process.exit(0));
