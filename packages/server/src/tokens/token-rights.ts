/**
 * What a login by API token may call: the one table from method to the permission that it needs.
 * Methods of administration are never open to tokens, whatever their owner may do.
 */
import { CommandError, type MethodName, PERMISSIONS } from '@jetstream/contract';
import type { CallerToken } from '../sessions/caller.js';

type Permission = keyof typeof PERMISSIONS;

/** `free`: needs no permission. `never`: closed to tokens. */
type TokenRule = Permission | 'free' | 'never';

const RULES: Readonly<Record<MethodName, TokenRule>> = {
  getServerInfo: 'free',
  echo: 'free',
  sleep: 'free',
  auth: 'free',
  authAsync: 'free',
  authToken: 'free',
  createAPIToken: 'never',
  getAPIToken: 'never',
  getAPITokens: 'never',
  updateAPIToken: 'never',
  deleteAPIToken: 'never',
  getRequestStatus: 'free',
  getRequestResult: 'free',
  cancelRequest: 'free',
  lsAsync: 'LIST',
  lsListAsync: 'LIST',
  lsRootsAsync: 'LIST',
  duAsync: 'LIST',
  mkdirAsync: 'MODIFY',
  mkFileAsync: 'MODIFY',
  mvAsync: 'MODIFY',
  rmAsync: 'MODIFY',
  wrangler: 'never',
  superuser: 'never',
  addWranglerAsync: 'never',
  deleteWrangler: 'never',
  getWranglers: 'never',
  setSandboxMapping: 'never',
  getSandboxMappings: 'never',
  deleteSandboxMapping: 'never',
  terminate: 'never',
  updateBandwidthLimits: 'never',
  setBandwidthTimetable: 'never',
  getBandwidthTimetable: 'never',
  setExternalAddress: 'never',
  setLicenseKeyAsync: 'never',
  getThirdPartyLicenses: 'free',
  // Telling where packets come from helps only who may send or receive.
  recvDiscoverPacketAsync: 'UPLOAD',
  sendDiscoverPacketAsync: 'DOWNLOAD',
  // What can be seen is what the token session has made.
  getEventLog: 'free',
  garbageCollect: 'never',
  getGarbageCollectSettings: 'never',
  updateGarbageCollectSettings: 'never',
  createWebhook: 'never',
  getWebhooks: 'never',
  deleteWebhook: 'never',
  getWebhookDeliveries: 'never',
  testWebhook: 'never',
  subscribe: 'free',
  unsubscribe: 'free',
  'send.createManifest': 'DOWNLOAD',
  'send.getManifest': 'DOWNLOAD',
  'send.getManifests': 'DOWNLOAD',
  'send.waitForManifest': 'DOWNLOAD',
  'send.getManifestFiles': 'DOWNLOAD',
  'send.deleteManifest': 'DOWNLOAD',
  'send.createDestination': 'DOWNLOAD',
  'send.getDestination': 'DOWNLOAD',
  'send.getDestinations': 'DOWNLOAD',
  'send.updateDestination': 'DOWNLOAD',
  'send.deleteDestination': 'DOWNLOAD',
  'send.getConnection': 'DOWNLOAD',
  'send.getConnections': 'DOWNLOAD',
  'send.updateObjectUserData': 'DOWNLOAD',
  'send.deleteObjectUserData': 'DOWNLOAD',
  'send.createTransfer': 'DOWNLOAD',
  'send.getTransfer': 'DOWNLOAD',
  'send.getTransfers': 'DOWNLOAD',
  'send.waitForTransfer': 'DOWNLOAD',
  'send.getReceipt': 'DOWNLOAD',
  'send.updateTransfer': 'DOWNLOAD',
  'send.setSendRateAsync': 'DOWNLOAD',
  'send.suspendTransfer': 'DOWNLOAD',
  'send.resumeTransfer': 'DOWNLOAD',
  'send.retryTransfer': 'DOWNLOAD',
  'send.failTransfer': 'DOWNLOAD',
  'send.cancelTransfer': 'DOWNLOAD',
  'send.deleteTransfer': 'DOWNLOAD',
  'send.createSharedToken': 'CREATE_LINK',
  'send.getSharedToken': 'CREATE_LINK',
  'send.getSharedTokens': 'CREATE_LINK',
  'send.updateSharedToken': 'CREATE_LINK',
  'send.deleteSharedToken': 'CREATE_LINK',
  'recv.getSourcesAsync': 'UPLOAD',
  'recv.getTransfersAsync': 'UPLOAD',
  'recv.getReceiptAsync': 'UPLOAD',
  'recv.addAuthorizedClientAsync': 'never',
  'recv.removeAuthorizedClientAsync': 'never',
  'recv.getAuthorizedClientsAsync': 'never',
  'recv.allowOnlyAuthorizedClientsAsync': 'never',
  // It makes a token.
  'recv.requestTransferAsync': 'never',
};

/**
 * All that a login by shared token may call: to read its manifest, to make a transfer of it, and to
 * follow that transfer. What is not in this list is closed, whatever its rule above.
 */
const SHARED_TOKEN_METHODS: ReadonlySet<MethodName> = new Set<MethodName>([
  'getServerInfo',
  'echo',
  'auth',
  'authAsync',
  'authToken',
  'getRequestStatus',
  'getRequestResult',
  'send.getSharedToken',
  'send.getManifest',
  'send.waitForManifest',
  'send.getManifestFiles',
  'send.createDestination',
  'send.getDestination',
  'send.deleteDestination',
  'send.createTransfer',
  'send.getTransfer',
  'send.waitForTransfer',
  'send.cancelTransfer',
]);

/** Whether a token has a permission. */
export const tokenPermits = (token: CallerToken, permission: Permission): boolean =>
  (token.permissions & PERMISSIONS[permission]) !== 0;

/**
 * Refuses a call that a token has no right to.
 *
 * @throws {CommandError} `permission_denied`
 */
export const checkTokenRight = (token: CallerToken, method: MethodName): void => {
  if (token.manifestId !== undefined) {
    if (SHARED_TOKEN_METHODS.has(method)) return;
    throw new CommandError(
      'permission_denied',
      `Cannot call "${method}": this session is logged in by shared token, which is for downloads only`,
    );
  }
  const rule = RULES[method];
  if (rule === 'free') return;
  if (rule === 'never') {
    throw new CommandError(
      'permission_denied',
      `Cannot call "${method}": this session is logged in by API token, expected a user`,
    );
  }
  if (!tokenPermits(token, rule)) {
    throw new CommandError(
      'permission_denied',
      `Cannot call "${method}": the API token lacks the permission ${rule}`,
      { details: { permission: rule } },
    );
  }
};
