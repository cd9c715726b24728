/** What superusers set for the whole server: bandwidth limits, external address, licence. */
import { SqliteSettingStore } from '../adapters/database/settings.js';
import { BandwidthService } from '../bandwidth/bandwidth-service.js';
import { lockedBy } from '../bandwidth/bandwidth-settings.js';
import { TimetableService } from '../bandwidth/timetable-service.js';
import type { EventLog } from '../events/event-log.js';
import type { Foundation } from '../foundation.js';
import { LicenceService, trustedLicenceKeys } from '../licence/licence-service.js';
import { ExternalAddressService } from './external-address-service.js';

export interface ServerSettings {
  readonly bandwidth: BandwidthService;
  readonly timetable: TimetableService;
  readonly externalAddress: ExternalAddressService;
  readonly licence: LicenceService;
}

/**
 * Opens the settings as they were left.
 *
 * @throws {ConfigError} If `--license-public-key` cannot be used.
 */
export const openServerSettings = async (
  foundation: Foundation,
  events: EventLog,
): Promise<ServerSettings> => {
  const { config, db, commits, clock, logger, serverUid } = foundation;
  const store = new SqliteSettingStore(db, commits);
  const locked = lockedBy(config);
  const bandwidth = new BandwidthService({ store, events, locked });
  const settings = {
    bandwidth,
    timetable: new TimetableService({ store, events, clock, log: logger, bandwidth, locked }),
    externalAddress: new ExternalAddressService({ store, events, flag: config.externalAddress }),
    licence: new LicenceService({
      store,
      events,
      clock,
      trustedKeys: trustedLicenceKeys(config.licensePublicKey),
      serverUid,
    }),
  };
  for (const service of Object.values(settings)) await service.load();
  return settings;
};
