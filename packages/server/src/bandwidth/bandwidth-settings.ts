/**
 * The rules of the bandwidth limits: what a change makes of them, which of them the command line
 * has locked, and what they mean for the data plane.
 */
import { CommandError, type ParamsInput, type ServerInformation } from '@jetstream/contract';
import { z } from 'zod';
import type { ServerConfig } from '../config/server-options.js';
import type { BandwidthLimits } from '../data/data-plane.js';

/** All limits by the API's names; a rate or number is null until it is set. */
export const bandwidthSettings = z.object({
  incomingLimitActive: z.boolean(),
  incomingRateLimit: z.number().positive().nullable(),
  incomingMaxConnections: z.int().min(0).nullable(),
  borrowOutgoing: z.boolean(),
  outgoingLimitActive: z.boolean(),
  outgoingRateLimit: z.number().positive().nullable(),
  borrowIncoming: z.boolean(),
});
export type BandwidthSettings = z.infer<typeof bandwidthSettings>;
export type BandwidthChange = ParamsInput<'updateBandwidthLimits'>;
type Limit = keyof BandwidthSettings;

/** Before anything is set: nothing is limited. */
export const NO_LIMITS: BandwidthSettings = {
  incomingLimitActive: false,
  incomingRateLimit: null,
  incomingMaxConnections: null,
  borrowOutgoing: false,
  outgoingLimitActive: false,
  outgoingRateLimit: null,
  borrowIncoming: false,
};

/** Limits that the command line fixes, with the flag that does. */
export interface LockedLimits {
  readonly values: Partial<BandwidthSettings>;
  readonly flags: ReadonlyMap<Limit, string>;
}

type LockingOptions = Pick<
  ServerConfig,
  | 'incomingRateLimit'
  | 'outgoingRateLimit'
  | 'incomingMaxConnections'
  | 'borrowIncomingRate'
  | 'borrowOutgoingRate'
>;

/** What the options fix. A rate on the command line also fixes that it applies. */
export const lockedBy = (config: LockingOptions): LockedLimits => {
  const values: { -readonly [K in Limit]?: BandwidthSettings[K] } = {};
  const flags = new Map<Limit, string>();
  const lock = <K extends Limit>(limit: K, value: BandwidthSettings[K], flag: string): void => {
    values[limit] = value;
    flags.set(limit, flag);
  };
  if (config.incomingRateLimit !== null) {
    lock('incomingRateLimit', config.incomingRateLimit, '--incoming-rate-limit');
    lock('incomingLimitActive', true, '--incoming-rate-limit');
  }
  if (config.outgoingRateLimit !== null) {
    lock('outgoingRateLimit', config.outgoingRateLimit, '--outgoing-rate-limit');
    lock('outgoingLimitActive', true, '--outgoing-rate-limit');
  }
  if (config.incomingMaxConnections !== null) {
    lock('incomingMaxConnections', config.incomingMaxConnections, '--incoming-max-connections');
  }
  if (config.borrowIncomingRate !== null) {
    lock('borrowIncoming', config.borrowIncomingRate, '--borrow-incoming-rate');
  }
  if (config.borrowOutgoingRate !== null) {
    lock('borrowOutgoing', config.borrowOutgoingRate, '--borrow-outgoing-rate');
  }
  return { values, flags };
};

const lockedError = (limit: Limit, flag: string): CommandError =>
  new CommandError(
    'conflict',
    `Cannot set "${limit}": it is locked by ${flag} on the server's command line, expected a limit that is not`,
    { details: { parameter: limit, flag } },
  );

const needsRate = (active: Limit, rate: Limit): CommandError =>
  new CommandError(
    'invalid_params',
    `Cannot set "${active}" to true: "${rate}" was never set, expected it in the same call or before`,
    { details: { parameter: active, expected: rate } },
  );

const given = (change: BandwidthChange): Partial<BandwidthSettings> =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value != null));

/**
 * The limits after a change.
 *
 * @throws {CommandError} `conflict` for a locked limit, `invalid_params` for an active one without
 * a rate.
 */
export const changedSettings = (
  current: BandwidthSettings,
  change: BandwidthChange,
  locked: LockedLimits,
): BandwidthSettings => {
  const wanted = given(change);
  for (const limit of Object.keys(wanted) as Limit[]) {
    const flag = locked.flags.get(limit);
    if (flag !== undefined) throw lockedError(limit, flag);
  }
  const next: BandwidthSettings = { ...current, ...wanted };
  if (next.incomingLimitActive && next.incomingRateLimit === null) {
    throw needsRate('incomingLimitActive', 'incomingRateLimit');
  }
  if (next.outgoingLimitActive && next.outgoingRateLimit === null) {
    throw needsRate('outgoingLimitActive', 'outgoingRateLimit');
  }
  return next;
};

/** What the data plane has to do. */
export const dataPlaneLimits = (settings: BandwidthSettings): BandwidthLimits => ({
  incomingKbps: settings.incomingLimitActive ? settings.incomingRateLimit : null,
  outgoingKbps: settings.outgoingLimitActive ? settings.outgoingRateLimit : null,
  incomingConnectionsMax: settings.incomingMaxConnections,
  borrowIncoming: settings.borrowIncoming,
  borrowOutgoing: settings.borrowOutgoing,
});

/** The limits as server info shows them. */
export const describeLimits = (
  settings: BandwidthSettings,
  locked: LockedLimits,
): ServerInformation['bandwidthLimits'] => ({
  ...settings,
  locked: locked.flags.size > 0,
  lockedLimits: [...locked.flags.keys()].sort(),
});
