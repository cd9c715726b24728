/** Methods that set what the whole server goes by. */
import { callerOf, type Handlers } from '../control/handler.js';
import type { ServerSettings } from './server-settings.js';
import { thirdPartyLicenses } from './third-party-licenses.js';

export type SettingsMethod =
  | 'updateBandwidthLimits'
  | 'setBandwidthTimetable'
  | 'getBandwidthTimetable'
  | 'setExternalAddress'
  | 'setLicenseKeyAsync'
  | 'getThirdPartyLicenses';

/** Handlers over the settings. */
export const settingsHandlers = (settings: ServerSettings): Handlers<SettingsMethod> => ({
  updateBandwidthLimits: async (change, call) => {
    await settings.bandwidth.update(callerOf(call), change);
    return null;
  },
  setBandwidthTimetable: (params, call) => settings.timetable.set(callerOf(call), params),
  getBandwidthTimetable: () => settings.timetable.describe(),
  setExternalAddress: async ({ address }, call) => {
    await settings.externalAddress.set(callerOf(call), address);
    return null;
  },
  setLicenseKeyAsync: async ({ key, validate }, call) => {
    await settings.licence.set(callerOf(call), { key, validate: validate === true });
    return null;
  },
  getThirdPartyLicenses: () => thirdPartyLicenses(),
});
