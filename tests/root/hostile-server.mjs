// What a server proper could do with its two lines to the monitor if somebody else steered it.
import { randomBytes } from 'node:crypto';
import { closeSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { loadNativeProcesses } from '../../packages/udp/dist/index.js';

const QUESTIONS_FD = 3;
const BROKER_FD = 4;
const WAIT_MS = 10_000;
const NOISE = 200;

const flag = (name) =>
  process.argv.find((arg) => arg.startsWith(`--${name}=`))?.split('=')[1] ?? '';
const user = flag('user');
const other = flag('other');
const password = process.env.JSTROOT_PASSWORD ?? '';
const native = loadNativeProcesses();
const none = new Uint32Array(0);

const bytesOf = (message) =>
  typeof message === 'string' ? Buffer.from(message) : Buffer.from(JSON.stringify(message));

/** Sends a request with a connection, and tells what comes back on it. */
const request = (message) => {
  const [near, far] = native.socketPair();
  native.sendMessage(BROKER_FD, bytesOf(message), new Uint32Array([far]), WAIT_MS);
  closeSync(far);
  const into = new Uint8Array(65_536);
  const length = native.receiveMessage(near, into, new Uint32Array(5), WAIT_MS);
  closeSync(near);
  if (length === 0) return 'closed';
  const answer = JSON.parse(Buffer.from(into.subarray(0, length)).toString());
  return 'refused' in answer ? `refused: ${answer.refused}` : `agent of ${answer.userId}`;
};

const questions = new Socket({ fd: QUESTIONS_FD });
let ids = 0;
const ask = (name, secret) =>
  new Promise((resolve) => {
    ids += 1;
    questions.once('data', (line) => resolve(JSON.parse(line.toString()).verdict));
    questions.write(
      `${JSON.stringify({ id: ids, user: name, password: secret, host: '127.0.0.1' })}\n`,
    );
  });

/** Nonsense on both lines, which must end nothing. */
const makeNoise = () => {
  for (let at = 0; at < NOISE; at += 1) {
    questions.write(Buffer.concat([randomBytes(at), Buffer.from('\n')]));
    native.sendMessage(BROKER_FD, randomBytes(1 + at), none, WAIT_MS);
  }
  questions.write('{"id":1}\n[]\nnull\n{"id":1,"user":"root","password":1,"host":""}\n');
};

const found = {
  uid: process.getuid(),
  beforeLogin: request({ agentOf: user }),
  root: request({ agentOf: 'root' }),
  daemon: request({ agentOf: 'daemon' }),
  server: request({ agentOf: 'jstroot-server' }),
  unknown: request({ agentOf: 'jstroot-nobody' }),
  option: request({ agentOf: '--help' }),
  path: request({ agentOf: '../../etc/passwd' }),
  malformed: [request({ agentOf: user, uid: 0 }), request('no JSON')],
  rootPassword: await ask('root', password),
  wrongPassword: await ask(user, 'wrong'),
  rightPassword: await ask(user, password),
  afterLogin: request({ agentOf: user }),
  otherAccount: request({ agentOf: other }),
};
makeNoise();
found.afterNoise = request({ agentOf: user });
writeSync(1, JSON.stringify(found));
process.exit();
