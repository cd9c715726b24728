// Runs a monitor over a "server" that was taken over: hostile-server.mjs, with what it finds out on
// standard output. Arguments: state directory, account that logs in, account that does not.

import { fileURLToPath } from 'node:url';
import { runMonitor } from '../../packages/server/dist/monitor/index.js';

const [stateDir, user, other] = process.argv.slice(2);
process.exitCode = await runMonitor({
  environment: process.env,
  program: fileURLToPath(new URL('./hostile-server.mjs', import.meta.url)),
  args: [
    `--persistent-state-dir=${stateDir}`,
    '--server-account=jstroot-server',
    '--pam-service=jstroot',
    `--user=${user}`,
    `--other=${other}`,
  ],
});
process.exit();
