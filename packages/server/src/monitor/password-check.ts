/**
 * One question to PAM, in a process of its own: modules block for seconds, may crash, and keep what
 * they were told. Reads one JSON object from standard input, writes the number of PAM's answer.
 */
import { readFileSync, writeSync } from 'node:fs';
import { nativeProcesses } from '../adapters/agents/message-socket.js';

interface Question {
  readonly service: string;
  readonly user: string;
  readonly password: string | null;
  readonly host: string;
}

const native = nativeProcesses();
native.hideMemory();
const { service, user, password, host } = JSON.parse(readFileSync(0, 'utf8')) as Question;
writeSync(1, `${native.pamCheck(service, user, password, host)}\n`);
// Modules may have left threads behind.
process.exit();
