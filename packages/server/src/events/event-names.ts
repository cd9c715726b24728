/**
 * Every event that is ever logged, with its structure. Whatever code appends must be in this table,
 * field by field; docs/EVENTS.md is made from it.
 *
 * Names are facts in the past. An event is owned when it has the field `owner`: then its owner sees
 * it, too, and the token session that the object belongs to. No field ever holds a secret.
 */
import {
  BY,
  type EventDefinition,
  type FieldValues,
  flag,
  integer,
  integerOrNull,
  json,
  numberOrNull,
  OWNED,
  text,
  textOrNull,
} from './event-fields.js';

const in_ =
  (group: string) =>
  <const F extends EventDefinition['fields']>(summary: string, fields: F) => ({
    group,
    summary,
    fields,
  });

const server = in_('Server');
const login = in_('Logins and elevation');
const user = in_('Built-in users');
const token = in_('API tokens');
const right = in_('Sandboxes and wranglers');
const setting = in_('Settings');
const file = in_('File operations');
const manifest = in_('Manifests');
const link = in_('Shared tokens');
const destination = in_('Destinations');
const transfer = in_('Transfers');
const receive = in_('Receiving');
const discovery = in_('Discovery');
const trigger = in_('Triggers');
const webhook = in_('Webhooks');

const manifestId = text('The manifest');
const destinationId = text('The destination');
const transferId = text('The transfer');
const tokenId = text('Id of the token, without its secret');
const tokenOwner = text('User who made the token and whom it acts as');
const address = text('Address of the client');
const path = text('The path as the caller wrote it');
const errorCode = text('Code of the error, see ERRORS.md');
const errorCodeOrNull = textOrNull('Code of the error, see ERRORS.md; null when all went well');
const errorMessage = text('The error in words, empty when all went well');
const userName = text('The user');
const totalFiles = integer('Files and empty directories');
const totalBytes = integer('Bytes of all files');
const triggerName = text('Name of the trigger');
const durationMs = integer('How long it took, milliseconds');
const webhookId = text('The webhook');
const clientPublicKey = text('Identity key of the sending server, base64');

export const EVENTS = {
  serverStarted: server('The server is ready', {
    serverId: text('Id of this run of the server'),
    serverName: text('Name of the server'),
    version: text('Version of the program'),
    recvPort: integer('UDP port of the data'),
  }),
  serverStopped: server('The server stops in good order', {
    serverId: text('Id of this run of the server'),
  }),

  terminateRequested: server('A superuser has asked the server to stop', { ...BY }),

  loginSucceeded: login('A user, a token or the local key has logged in', {
    userName,
    address,
    ...OWNED,
  }),
  loginFailed: login('A login was refused because of a wrong name, password or token', {
    userName: text('Account as it was given, `token <id>` for a token; it need not exist'),
    address,
  }),
  loginLocked: login('Logins are refused for a while after too many failures', {
    userName: text('Account of the last failure, as it was given'),
    address: text('Address of the last failure'),
    scope: text('What is locked: `account` or `address`'),
    lockSeconds: integer('For how long'),
  }),
  elevationGranted: login('A session has become wrangler or superuser', {
    userName,
    level: text('`wrangler` or `superuser`'),
    address,
    ...OWNED,
  }),
  elevationRefused: login('A session has asked for rights that its user does not have', {
    userName,
    level: text('`wrangler` or `superuser`'),
    address,
    ...OWNED,
  }),

  userAdded: user('A built-in user was added', { userName }),
  userPasswordChanged: user('The password of a built-in user was changed', { userName }),
  userLocked: user('A built-in user was locked out', { userName }),
  userUnlocked: user('A built-in user was let in again', { userName }),
  userRemoved: user('A built-in user and its API tokens were removed', { userName }),

  tokenCreated: token('An API token was created', {
    tokenId,
    description: text('What it is for'),
    path: textOrNull('The only directory that it reaches; null for all of them'),
    permissions: integer('Sum of permission bits'),
    expiryTime: integerOrNull('When it expires, microseconds; null for never'),
    owner: tokenOwner,
  }),
  tokenUpdated: token('Expiry or description of an API token was changed', {
    tokenId,
    description: text('What it is for, now'),
    expiryTime: integerOrNull('When it expires, microseconds; null for never'),
    ...BY,
    owner: tokenOwner,
  }),
  tokenDeleted: token('An API token was deleted', { tokenId, ...BY, owner: tokenOwner }),
  tokenExpired: token('An expired API token was removed', { tokenId, owner: tokenOwner }),

  sandboxMappingSet: right('The sandbox mapping of a user was set', {
    userName: text('The user; empty for the system sandbox'),
    sandboxRoots: json('Sandbox name to directory, or false for no sandbox'),
    ...BY,
  }),
  sandboxMappingDeleted: right('The sandbox mapping of a user was deleted', {
    userName: text('The user; empty for the system sandbox'),
    ...BY,
  }),
  wranglerAdded: right('A user or group was given wrangler rights', {
    kind: text('`user` or `group`'),
    id: text('User id or group id'),
    name: text('Name that it was given by'),
    ...BY,
  }),
  wranglerDeleted: right('Wrangler rights were taken from a user or group', {
    kind: text('`user` or `group`'),
    id: text('User id or group id'),
    name: text('Name that it was given by'),
    ...BY,
  }),

  bandwidthLimitsUpdated: setting('The limits of the bandwidth were changed', {
    incomingLimitActive: flag('Whether incoming data is limited'),
    incomingRateLimit: numberOrNull('Most that is received, kbit/s'),
    incomingMaxConnections: integerOrNull('Most incoming connections'),
    borrowOutgoing: flag('Receiving may use what sending leaves'),
    outgoingLimitActive: flag('Whether outgoing data is limited'),
    outgoingRateLimit: numberOrNull('Most that is sent, kbit/s'),
    borrowIncoming: flag('Sending may use what receiving leaves'),
    ...BY,
  }),
  bandwidthTimetableSet: setting('The timetable of the bandwidth limits was changed', {
    entries: json('The entries, see BANDWIDTH.md'),
    timeZone: text('IANA name of the zone that they are meant in'),
    ...BY,
  }),
  bandwidthTimetableApplied: setting('The timetable has changed the limits of the bandwidth', {
    activeEntry: integerOrNull('Index of the entry that applies now; null for none'),
    incomingRateLimit: numberOrNull('Most that is received now, kbit/s; null for no limit'),
    outgoingRateLimit: numberOrNull('Most that is sent now, kbit/s; null for no limit'),
    incomingMaxConnections: integerOrNull('Most incoming connections now; null for no limit'),
  }),
  externalAddressSet: setting('The external address was set', {
    address: text('The new address'),
    ...BY,
  }),
  licenseKeySet: setting('A licence key was set', {
    status: text('What the server makes of it'),
    ...BY,
  }),
  garbageCollectSettingsUpdated: setting('The settings of the garbage collection were changed', {
    intervalSeconds: integer('Seconds between two collections'),
    timeLimitSeconds: integer('Grace period in seconds'),
    ...BY,
  }),
  garbageCollected: setting('A garbage collection has removed something, or was asked for', {
    force: flag('Whether the grace period was ignored'),
    counts: json('How many were removed, by kind'),
    ...BY,
  }),

  userDataChanged: in_('User data')('User data of an object were changed', {
    objectType: text('Kind of the object'),
    objectId: text('Id of the object'),
    keys: json('Names of what was set or removed'),
    ...BY,
    ...OWNED,
  }),

  directoryCreated: file('A directory was asked for by `mkdirAsync`', {
    path,
    errorCode: errorCodeOrNull,
    ...OWNED,
  }),
  fileCreated: file('A file was asked for by `mkFileAsync`', {
    path,
    size: integer('Bytes'),
    errorCode: errorCodeOrNull,
    ...OWNED,
  }),
  pathMoved: file('A path was moved by `mvAsync`', {
    path,
    newPath: text('The new path as the caller wrote it'),
    errorCode: errorCodeOrNull,
    ...OWNED,
  }),
  pathRemoved: file('A path was removed by `rmAsync`; after an error only a part of it may be', {
    path,
    errorCode: errorCodeOrNull,
    ...OWNED,
  }),

  manifestCreated: manifest('A manifest was asked for', { manifestId, ...OWNED }),
  manifestComplete: manifest('The file list of a manifest is complete', {
    manifestId,
    totalFiles,
    totalSize: totalBytes,
    skippedCount: integer('Files that were left out'),
    skipped: json('The first of them: `path` and `reason` of each'),
    ...OWNED,
  }),
  manifestFailed: manifest('The file list of a manifest could not be made', {
    manifestId,
    errorCode,
    errorMessage,
    ...OWNED,
  }),
  manifestDeleted: manifest('A manifest was deleted', { manifestId, ...BY, ...OWNED }),

  sharedTokenCreated: link('A shared token, which is a download link, was created', {
    tokenId,
    manifestId,
    description: text('What it is for'),
    expiryTime: integerOrNull('When it expires, microseconds; null for never'),
    downloadLimit: integerOrNull('Downloads after which it is used up; null for no limit'),
    passwordRequired: flag('Whether a password is asked for'),
    ...OWNED,
  }),
  sharedTokenUpdated: link('A shared token was changed', {
    tokenId,
    manifestId,
    description: text('What it is for, now'),
    expiryTime: integerOrNull('When it expires, microseconds; null for never'),
    downloadLimit: integerOrNull('Downloads after which it is used up; null for no limit'),
    passwordRequired: flag('Whether a password is asked for'),
    ...BY,
    ...OWNED,
  }),
  sharedTokenDeleted: link('A shared token was deleted', { tokenId, manifestId, ...BY, ...OWNED }),
  sharedTokenExpired: link('An expired shared token was removed', {
    tokenId,
    manifestId,
    ...OWNED,
  }),
  downloadStarted: link('Somebody begins to download with a shared token', {
    tokenId,
    manifestId,
    kind: text('`transfer` to a server, or `file` or `archive` by HTTPS'),
    destPath: textOrNull('The file, for `file`'),
    transferId: textOrNull('The transfer, for `transfer`'),
    counted: flag('Whether it counts as a download, or goes on with one that did'),
    address,
    ...OWNED,
  }),
  downloadFinished: link('A download by HTTPS has ended', {
    tokenId,
    manifestId,
    kind: text('`file` or `archive`'),
    destPath: textOrNull('The file, for `file`'),
    bytes: integer('Bytes that were handed to the network'),
    complete: flag('Whether that was all of it'),
    errorCode: errorCodeOrNull,
    address,
    ...OWNED,
  }),

  destinationCreated: destination('A destination was created', { destinationId, ...OWNED }),
  destinationUpdated: destination('The key of a destination was pinned at its first contact', {
    destinationId,
    destinationPublicKey: text('The key, base64'),
    ...OWNED,
  }),
  destinationChanged: destination('A user has changed ceiling, policy or token of a destination', {
    destinationId,
    sendRateMax: numberOrNull('The ceiling, kbit/s; null for none'),
    rateControlMethod: text('The policy'),
    ...BY,
    ...OWNED,
  }),
  destinationDeleted: destination('A destination was deleted', {
    destinationId,
    ...BY,
    ...OWNED,
  }),

  transferCreated: transfer('A transfer was asked for', {
    transferId,
    manifestId,
    destinationId,
    totalFiles,
    totalBytes,
    ...OWNED,
  }),
  transferUpdated: transfer('A transfer has changed its state', {
    transferId,
    status: text('The new state'),
    errorCode: errorCodeOrNull,
    errorMessage,
    ...OWNED,
  }),
  transferChanged: transfer('A user has changed priority, ceiling or policy of a transfer', {
    transferId,
    priority: integer('Lower is sent first'),
    sendRateMax: numberOrNull('Its own ceiling, kbit/s; null for none'),
    rateControlMethod: textOrNull('Its own policy; null for that of the destination'),
    ...BY,
    ...OWNED,
  }),
  transferDeleted: transfer('The record of a transfer was deleted', {
    transferId,
    ...BY,
    ...OWNED,
  }),

  receiveStarted: receive('Another server begins to send', {
    transferId,
    sourceIP: text('Address of the sender'),
    sourcePublicKey: text('Identity key of the sender, base64'),
    destinationPath: text('Where to, as the sender wrote it'),
    totalFiles,
    totalBytes,
    ...OWNED,
  }),
  receiveComplete: receive('Everything has arrived', {
    transferId,
    totalFiles,
    totalBytes,
    receiptPath: textOrNull('Where this server keeps the receipt'),
    ...OWNED,
  }),
  receiveFailed: receive('A transfer to this server has failed', {
    transferId,
    errorCode: errorCodeOrNull,
    errorMessage,
    ...OWNED,
  }),
  receiveDeleted: receive('The record of a received transfer was deleted', {
    transferId,
    ...BY,
    ...OWNED,
  }),
  authorizedClientAdded: receive('A sending server was given the right to store files here', {
    clientPublicKey,
    ...BY,
  }),
  authorizedClientRemoved: receive('That right was taken back', { clientPublicKey, ...BY }),

  onlyAuthorizedClientsSet: receive('It was decided whether unlisted servers may send here', {
    onlyAuthorizedClientsAllowed: flag('Whether only those listed may'),
    ...BY,
  }),
  transferRequested: receive('Another server was asked to send files here', {
    remoteAddress: text('Address of the other server'),
    transferId: text('The transfer there'),
    ...OWNED,
  }),

  discoverPacketReceived: discovery('An expected discovery packet has come in', {
    address: text('Where it came from'),
    port: integer('The UDP port there'),
    ...OWNED,
  }),
  discoverPacketSent: discovery('Discovery packets were sent', {
    address: text('Where to, as the caller wrote it'),
    port: integer('The UDP port there'),
    ...OWNED,
  }),

  triggerFinished: trigger('A trigger has run and ended well', {
    trigger: triggerName,
    durationMs,
  }),
  triggerFailed: trigger('A trigger was refused, could not be run, or has ended badly', {
    trigger: triggerName,
    reason: text('What was wrong'),
    exitCode: integerOrNull('Its exit code; null when it has none'),
    durationMs,
  }),

  webhookCreated: webhook('A webhook was created', {
    webhookId,
    url: text('Where it is sent to'),
    events: json('Names of the events that it tells of'),
    ...BY,
  }),
  webhookDeleted: webhook('A webhook was deleted', { webhookId, ...BY }),
  webhookGivenUp: webhook('An event could not be delivered and is not tried again', {
    webhookId,
    eventSeq: integer('Place of the event in this log'),
    attempts: integer('How often it was tried'),
    errorMessage: text('What went wrong the last time'),
  }),
} as const satisfies Readonly<Record<string, EventDefinition>>;

/** Name of an event. */
export type EventName = keyof typeof EVENTS;

/** Fields of an event by its name. */
export type EventFieldsOf<N extends EventName> = FieldValues<(typeof EVENTS)[N]['fields']>;
