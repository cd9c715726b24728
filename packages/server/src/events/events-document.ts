/** docs/EVENTS.md, made from the table of events. */
import type { EventDefinition } from './event-fields.js';
import { EVENTS } from './event-names.js';

const HEAD = `# Events

The event log says what has happened on a server: who logged in, what was made, sent, received, changed
and deleted. \`getEventLog\` returns it, and the topic \`events\` of \`subscribe\` tells of events as they
happen. This page is made from the table in \`packages/server/src/events/event-names.ts\`.

Every entry has three fields beside its own:

| Field | Type | Meaning |
| --- | --- | --- |
| \`_event\` | text | name of the event |
| \`_timestamp\` | integer | microseconds since the epoch, UTC |
| \`_eventSeq\` | integer | position in the log, rising by one from 1 |

**Who sees what.** Wranglers and superusers see all entries. Users see those with their name in \`owner\`.
A login by API token sees those of its own token session, by \`ownerToken\` and \`ownerTokenSession\`.

**Order.** \`getEventLog\` goes by \`_timestamp\`; \`_eventSeq\` is the order in which entries became durable.
After the clock of the machine was set back the two differ.

**Going on.** After a break, \`subscribe\` with \`afterEventSeq\` set to the last \`_eventSeq\` that has
arrived leaves no gap and repeats nothing. The TypeScript client does that by itself.

**No way back.** An entry is never changed or deleted; garbage collection leaves the log alone. Each
entry carries the SHA-256 of the one before and of its own content, so an edited or missing entry shows:
\`jetstream events verify\` names the first. It prints the number and hash of the last entry; noted
elsewhere and given back as \`--noted\`, they also uncover a log that was written anew as a whole.

No entry holds a secret. Ids of discoveries, passwords and secrets of tokens never come into the log.
`;

const fieldRows = ({ fields }: EventDefinition): string =>
  Object.entries(fields)
    .map(([name, { type, doc }]) => `| \`${name}\` | ${type} | ${doc} |`)
    .join('\n');

const section = (name: string, definition: EventDefinition): string =>
  `### ${name}\n\n${definition.summary}.\n\n| Field | Type | Meaning |\n| --- | --- | --- |\n${fieldRows(definition)}\n`;

/** Text of the document. */
export const eventsDocument = (): string => {
  const events: [string, EventDefinition][] = Object.entries(EVENTS);
  const groups = [...new Set(events.map(([, { group }]) => group))];
  const parts = groups.map((group) => {
    const own = events.filter(([, definition]) => definition.group === group);
    const sections = own.map(([name, definition]) => section(name, definition));
    return `## ${group}\n\n${sections.join('\n')}`;
  });
  return `${HEAD}\n${parts.join('\n')}`;
};
