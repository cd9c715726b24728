/** Methods of the event log. */
import { z } from 'zod';
import { method } from '../method.js';
import { eventEntry } from '../server-structures.js';

const timeUs = z.int().min(0);

export const eventMethods = {
  getEventLog: method({
    params: {
      eventName: z.string().max(128).nullish(),
      before: timeUs.nullish(),
      after: timeUs.nullish(),
      limit: z.int().min(1).max(2_147_483_647).nullish(),
    },
    required: [],
    result: z.object({ eventLog: z.array(eventEntry) }),
    access: 'user',
    since: '1.0.0',
    summary: 'Returns the event log, oldest first: own events, all of them for a wrangler.',
    paramDocs: {
      eventName: 'Only events of this name; all when absent',
      before: 'Only events before this time, microseconds, exclusive; to the end when absent',
      after: 'Only events after this time, microseconds, exclusive; from the start when absent',
      limit: 'Most entries, of which the oldest are kept; all when absent',
    },
  }),
} as const;
