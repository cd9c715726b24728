/** Structures about the server itself: what it is, its settings, rights, events and webhooks. */
import { z } from 'zod';
import { timestamp } from './structures.js';

/** The licence. Everything works whatever it is; details are null until a key was validated. */
export const licenseStructure = z.object({
  /** `none` without a key, `unverified` for a key that was set without validation. */
  status: z.enum(['none', 'unverified', 'valid', 'notYetValid', 'expired', 'invalid']),
  licenseId: z.string().nullable(),
  licensee: z.string().nullable(),
  /** ISO 8601, as in the key. */
  validFrom: z.string().nullable(),
  validUntil: z.string().nullable(),
});
export type LicenseStructure = z.infer<typeof licenseStructure>;

export const serverInformation = z.object({
  /** False when the API listens on the loopback interface only. */
  allowRemoteControl: z.boolean(),
  apiControlPort: z.int(),
  /** Number of the reference API that this server speaks. */
  apiVersion: z.int(),
  APITokensAvailable: z.boolean(),
  authRequired: z.boolean(),
  bandwidthLimits: z.object({
    incomingLimitActive: z.boolean(),
    incomingRateLimit: z.number().nullable(),
    incomingMaxConnections: z.int().nullable(),
    borrowOutgoing: z.boolean(),
    outgoingLimitActive: z.boolean(),
    outgoingRateLimit: z.number().nullable(),
    borrowIncoming: z.boolean(),
    /** Whether the command line fixes any of them. */
    locked: z.boolean(),
    /** Ours: names of the limits that are fixed. */
    lockedLimits: z.array(z.string()),
  }),
  /** Days until the TLS certificate expires. */
  certificateValidation: z.number(),
  /** Superusers only, null for others. */
  configuration: z.record(z.string(), z.json()).nullable(),
  encryptionAvailable: z.boolean(),
  eventLogAvailable: z.boolean(),
  hostName: z.string(),
  license: licenseStructure,
  /** Least cipher that the server accepts, 0 to 3. */
  minCipher: z.int(),
  /** Whether one port both sends and receives. */
  multiplexAvailable: z.boolean(),
  /** Identity key of the data plane: base64 of the 32-byte Ed25519 public key. */
  publicKey: z.string(),
  /** Where and how this server receives. */
  receiver: z.object({
    port: z.int(),
    path: z.string(),
    pathReason: z.string(),
    /** Whether senders need their key in the list of authorised clients, whatever token they have. */
    onlyAuthorizedClientsAllowed: z.boolean(),
  }),
  revision: z.int(),
  /** Host name or IP address, with `:port` where it was given so; null when unknown. */
  serverExternalAddress: z.string().nullable(),
  /** Differs at each start. */
  serverId: z.string(),
  serverName: z.string(),
  /** Ours: stays the same. */
  serverUid: z.string(),
  sharedTokensAvailable: z.boolean(),
  /** Session of a login by API token, null for others. */
  tokenSession: z.string().nullable(),
  /** Name of the logged-in user, null before. */
  userName: z.string().nullable(),
  /** Ours: whether the login sees less than the whole file system; null before. */
  sandboxed: z.boolean().nullable(),
  version: z.string(),
  /** Ours: names of additions to the reference. */
  features: z.array(z.string()),
});
export type ServerInformation = z.infer<typeof serverInformation>;

/** Address and port of a server as another one sees it. */
export const discoverPacket = z.object({ address: z.string(), port: z.int() });

/** A root of a sandbox: a directory, or the reference's object with a type. */
export const sandboxRoot = z.union([
  z.string().max(8192),
  z.looseObject({ type: z.string().max(64), path: z.string().max(8192).nullish() }),
]);
/** Sandbox names to roots; false for a user who is not sandboxed. */
export const sandboxRoots = z.union([
  z.literal(false),
  z.record(z.string().max(1024), sandboxRoot),
]);
export type SandboxRootsInput = z.infer<typeof sandboxRoots>;
/** Mappings by user name, roots in their short form. */
export const sandboxMappings = z.record(
  z.string(),
  z.union([z.literal(false), z.record(z.string(), z.string())]),
);

/** `id` is a user or group id of the operating system, or `local:n` for a built-in user. */
const wranglerEntry = z.object({ id: z.string(), name: z.string() });
/** Who was given wrangler rights. */
export const wranglerLists = z.object({
  users: z.array(wranglerEntry),
  groups: z.array(wranglerEntry),
});
export type WranglerLists = z.infer<typeof wranglerLists>;

/** An event: `_event` and `_timestamp` always, then fields of its own; see docs/EVENTS.md. */
export const eventEntry = z.looseObject({
  _event: z.string(),
  _timestamp: timestamp,
  /** Ours: position in the log, rising by one from 1. */
  _eventSeq: z.int(),
});
export type EventEntry = z.infer<typeof eventEntry>;

export const garbageCollectStructure = z.object({
  /** Seconds between two collections. */
  intervalSeconds: z.int(),
  /** Grace period in seconds. */
  timeLimitSeconds: z.int(),
});
export type GarbageCollectStructure = z.infer<typeof garbageCollectStructure>;

export const WEEK_DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const timeOfDay = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'a time of day from "00:00" to "24:00"');
const timetableRate = z.number().min(8).max(1e9).nullish();

/** Limits for a part of the week. What is null has no limit then, what is absent stays as set. */
export const timetableEntry = z.strictObject({
  /** Days on which it begins. */
  days: z.array(z.enum(WEEK_DAYS)).min(1).max(7),
  /** `HH:MM`, inclusive. */
  from: timeOfDay,
  /** `HH:MM`, exclusive, `24:00` for midnight; on the next day when not later than `from`. */
  to: timeOfDay,
  /** Most that is received, kbit/s. */
  incomingRateLimit: timetableRate,
  /** Most that is sent, kbit/s. */
  outgoingRateLimit: timetableRate,
  /** Most incoming connections. */
  incomingMaxConnections: z.int().min(0).max(1_000_000).nullish(),
});
export type TimetableEntry = z.infer<typeof timetableEntry>;

/** Ours: limits of the bandwidth by time of the week. */
export const bandwidthTimetable = z.object({
  entries: z.array(timetableEntry),
  /** IANA name of the zone that days and times are meant in. */
  timeZone: z.string(),
  /** Index of the entry that applies now, null for none. */
  activeEntry: z.int().nullable(),
  /** Limits that apply now, whatever sets them; null for no limit. */
  incomingRateLimit: z.number().nullable(),
  outgoingRateLimit: z.number().nullable(),
  incomingMaxConnections: z.int().nullable(),
});
export type BandwidthTimetable = z.infer<typeof bandwidthTimetable>;

/** Ours: what a collection removed, or with `dryRun` would remove, by kind of object. */
export const garbageCollectCounts = z.record(z.string(), z.int());

/** Ours: where events are sent to; never with its secret. */
export const webhookStructure = z.object({
  webhookId: z.string(),
  url: z.string(),
  /** Names of events, or `*`. */
  events: z.array(z.string()),
  description: z.string(),
  creationTime: timestamp,
  /** The last event of the log that it has looked at. */
  lastEventSeq: z.int(),
});
export type WebhookStructure = z.infer<typeof webhookStructure>;

/** Ours: one event on its way to a webhook. */
export const webhookDelivery = z.object({
  /** Rises with each delivery. */
  deliveryId: z.int(),
  eventSeq: z.int(),
  eventName: z.string(),
  status: z.enum(['pending', 'delivered', 'failed']),
  /** How often it was tried. */
  attempts: z.int(),
  /** When it is tried again, null when it is not. */
  nextTime: timestamp.nullable(),
  /** When it was tried last, null before. */
  lastTime: timestamp.nullable(),
  /** What the receiver has answered the last time, null for no answer. */
  httpStatus: z.int().nullable(),
  errorMessage: z.string(),
});
export type WebhookDelivery = z.infer<typeof webhookDelivery>;
