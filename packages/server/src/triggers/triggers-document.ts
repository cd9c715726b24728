/** docs/TRIGGERS.md, made from the table of events. */
import { EVENTS, type EventName } from '../events/event-names.js';
import { argumentNamesOf, triggerNameOf } from './trigger-calls.js';

const HEAD = `# Triggers

For what happens, the server runs an executable of your own: a file in \`--trigger-dir\` whose name is
that of the trigger. Arguments are positional; an absent value is an empty argument, an object is JSON.
This page is made from the table in \`packages/server/src/events/event-names.ts\`.

\`\`\`sh
#!/bin/sh
# /var/lib/jetstream/triggers/recv.transferComplete
echo "transfer $1: $2 files, $3 bytes, receipt $4" >>/var/log/arrivals
\`\`\`

| Option | Default | Meaning |
| --- | --- | --- |
| \`--trigger-dir\` | \`/var/lib/jetstream/triggers\` as root, \`triggers\` in the state directory otherwise | where the files are; one that is named here and cannot be read is warned of at the start |
| \`--trigger-log\` | off | log what triggers write (64 KiB of each) and that they have run |
| \`--trigger-time-limit\` | 60 | seconds until a trigger gets SIGTERM, and SIGKILL 5 s later |

**How it runs.** Without a shell, in the trigger directory, with standard input closed, no descriptor of
the server, and these variables only: \`PATH\`, \`LANG\`, \`JETSTREAM_EVENT\` (the name), \`JETSTREAM_EVENT_SEQ\`
(its place in the event log, see [EVENTS.md](EVENTS.md)), \`JETSTREAM_OWNER\`. It runs as the account of the
server; where root has started that, the trigger of an event that somebody owns runs as the owner's account of
the machine, with its groups, and that of an owner without such an account is not run. At most four run at a time; later ones wait, in the order of the event log.

**What is run.** A regular, executable file that belongs to root or to the account of the server, in a
directory that does so, too, and neither may be written by its group or by everybody. Anything else is
not run; the log and \`triggerFailed\` say why. Before it runs as an owner's account the root monitor looks
for itself: file, directory and all directories above belong to root, and nobody else may write them.

**When.** After the event and the state that it tells of are durable. A trigger that fails, hangs or ends
the wrong way changes nothing else; \`triggerFinished\` and \`triggerFailed\` in the event log tell how each
ended. Each event of the log calls its trigger at least once: the server keeps how far it is, goes on there
after a restart, and after a kill calls again what had not ended, with the same JETSTREAM_EVENT_SEQ. What runs
when a server is stopped is ended and not called again. \`launch\` is called once at each start.

**Arguments come from others.** Paths, descriptions and error texts may hold what a user or another
server has written. Quote them.

| Trigger | Arguments | When |
| --- | --- | --- |
| \`launch\` | API port | The server is up and listens |
`;

const row = (event: EventName): string[] => {
  const name = triggerNameOf(event);
  if (name === null) return [];
  const args = argumentNamesOf(event).join(', ');
  const rows = [`| \`${name}\` | ${args} | ${EVENTS[event].summary} |`];
  if (event !== 'transferUpdated') return rows;
  const ends = [
    ['Complete', 'Everything that could be sent was delivered'],
    ['Failed', 'A transfer has ended with an error'],
    ['Cancelled', 'A transfer was cancelled'],
  ];
  return [...rows, ...ends.map(([end, when]) => `| \`send.transfer${end}\` | ${args} | ${when} |`)];
};

/** Text of the document. */
export const triggersDocument = (): string =>
  `${HEAD}${(Object.keys(EVENTS) as EventName[]).flatMap(row).join('\n')}\n`;
