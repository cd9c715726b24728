/** Methods of the garbage collection. */
import { z } from 'zod';
import { method } from '../method.js';
import { garbageCollectCounts, garbageCollectStructure } from '../server-structures.js';

const INT32_MAX = 2_147_483_647;

export const collectionMethods = {
  garbageCollect: method({
    params: { force: z.boolean().nullish(), dryRun: z.boolean().nullish() },
    required: [],
    result: garbageCollectCounts,
    access: 'superuser',
    since: '1.8.0',
    summary: 'Collects garbage now and returns what was removed, per kind.',
    paramDocs: {
      force: 'True disregards the grace period',
      dryRun: 'Ours: true only counts what would be removed',
    },
    mutates: true,
  }),
  getGarbageCollectSettings: method({
    params: {},
    required: [],
    result: garbageCollectStructure,
    access: 'superuser',
    since: '1.8.0',
    summary: 'Returns the settings of the garbage collection.',
  }),
  updateGarbageCollectSettings: method({
    params: {
      intervalSeconds: z.int().min(60).max(INT32_MAX).nullish(),
      timeLimitSeconds: z.int().min(0).max(INT32_MAX).nullish(),
    },
    required: [],
    result: garbageCollectStructure,
    access: 'superuser',
    since: '1.8.0',
    summary: 'Changes the settings of the garbage collection; absent ones stay as they are.',
    paramDocs: {
      intervalSeconds: 'Seconds between two collections, 60 to 2,147,483,647',
      timeLimitSeconds: 'Grace period in seconds, 0 (at once) to 2,147,483,647',
    },
    mutates: true,
  }),
} as const;
