/** Methods that set what the whole server goes by: bandwidth, address, licence. */
import { z } from 'zod';
import { method } from '../method.js';
import { bandwidthTimetable, timetableEntry } from '../server-structures.js';

/** Most entries of the bandwidth timetable. */
export const TIMETABLE_ENTRIES_MAX = 100;

const nothing = z.null();
/** Kilobits per second; below 8 not even acknowledgements would pass. */
const rateLimit = z.number().min(8).max(1e9);

export const settingsMethods = {
  updateBandwidthLimits: method({
    params: {
      incomingLimitActive: z.boolean().nullish(),
      incomingRateLimit: rateLimit.nullish(),
      incomingMaxConnections: z.int().min(0).max(1_000_000).nullish(),
      borrowOutgoing: z.boolean().nullish(),
      outgoingLimitActive: z.boolean().nullish(),
      outgoingRateLimit: rateLimit.nullish(),
      borrowIncoming: z.boolean().nullish(),
    },
    required: [],
    result: nothing,
    access: 'superuser',
    errors: ['conflict'],
    since: '1.6.0',
    summary: 'Sets limits of incoming and outgoing bandwidth; absent ones stay as they are.',
    paramDocs: {
      incomingLimitActive: 'Whether `incomingRateLimit` applies; needs one',
      incomingRateLimit: 'Most that is received, kbit/s, 8 to 1,000,000,000',
      incomingMaxConnections: 'Most incoming connections, 0 to 1,000,000; further ones are refused',
      borrowOutgoing: 'Unused outgoing bandwidth, if limited, is added to the incoming limit',
      outgoingLimitActive: 'Whether `outgoingRateLimit` applies; needs one',
      outgoingRateLimit: 'Most that is sent, kbit/s, 8 to 1,000,000,000',
      borrowIncoming: 'Unused incoming bandwidth, if limited, is added to the outgoing limit',
    },
    mutates: true,
  }),
  setBandwidthTimetable: method({
    params: {
      entries: z.array(timetableEntry).max(TIMETABLE_ENTRIES_MAX),
      timeZone: z.string().min(1).max(64).nullish(),
    },
    required: ['entries'],
    result: bandwidthTimetable,
    access: 'superuser',
    errors: ['conflict'],
    since: 'ours',
    summary:
      'Sets limits of the bandwidth by time of the week; the first entry that fits applies, no entries end it.',
    paramDocs: {
      entries:
        'Each `{days, from, to}` with `incomingRateLimit`, `outgoingRateLimit` (kbit/s) or `incomingMaxConnections`; null is no limit, absent is as set by `updateBandwidthLimits`',
      timeZone: 'IANA name such as `Europe/Zurich`; that of the server when absent',
    },
    mutates: true,
  }),
  getBandwidthTimetable: method({
    params: {},
    required: [],
    result: bandwidthTimetable,
    access: 'superuser',
    since: 'ours',
    summary: 'Returns the timetable of the bandwidth limits, and what applies now.',
  }),
  setExternalAddress: method({
    params: { address: z.string().min(1).max(262) },
    required: ['address'],
    result: nothing,
    access: 'superuser',
    since: '2.6.3',
    summary: 'Sets the address under which others reach the server; shown in server info.',
    paramDocs: { address: 'Host name or IP address, with `:port` where that is not the usual one' },
    mutates: true,
  }),
  setLicenseKeyAsync: method({
    params: { key: z.string().min(1).max(8192), validate: z.boolean().nullish() },
    required: ['key'],
    result: nothing,
    access: 'superuser',
    errors: ['conflict'],
    since: '2.1.0',
    summary: 'Sets the licence key; complete when it returns.',
    paramDocs: {
      key: 'The key, see docs/LICENCE-KEYS.md',
      validate: 'True checks signature and dates first and refuses a bad key',
    },
    mutates: true,
  }),
  getThirdPartyLicenses: method({
    params: {},
    required: [],
    result: z.record(z.string(), z.string()),
    access: 'user',
    since: '1.0.0',
    summary: 'Returns the licences of third-party components, by name.',
  }),
} as const;
