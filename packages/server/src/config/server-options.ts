/**
 * The options of `jetstream server` as one table. The parser, the command-line flags and the manual
 * derive from it. Options are parsed once at start; none of these changes at run time.
 */
import { z } from 'zod';
import { parseExternalAddress } from '../server-info/external-address.js';

/** What the manual says about an option beside its type. */
interface OptionText {
  /** A bare flag means true although there is no default; false when absent. */
  readonly bare?: boolean;
  /** What one unit of the value is, or `` when the value has none. */
  readonly unit: string;
  /** Values that are accepted, in words. */
  readonly range: string;
  readonly doc: string;
}

/** One row of the table. */
export interface OptionDefinition extends OptionText {
  readonly schema: z.ZodType;
}

const define = <S extends z.ZodType>(schema: S, text: OptionText) => ({ schema, ...text });

/** Numbers arrive as text from a command line. */
const integer = (least: number, most: number) =>
  z
    .union([
      z.int(),
      z
        .string()
        .regex(/^-?\d{1,15}$/)
        .transform(Number),
    ])
    .pipe(z.int().min(least).max(most));

const flag = () =>
  z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);

/** One name, or several; on a command line the flag is repeated or holds commas. */
const nameList = () =>
  z
    .union([z.string(), z.array(z.string())])
    .transform((given) =>
      (typeof given === 'string' ? [given] : given)
        .flatMap((entry) => entry.split(','))
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    )
    .pipe(z.array(z.string().max(256)).max(1000));

/** A rate in kbit/s; what is not given is not limited. */
const rate = () =>
  z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,10}(\.\d{1,6})?$/)
        .transform(Number),
    ])
    .pipe(z.number().min(8).max(1e9))
    .nullable()
    .default(null);

const text = () => z.string().min(1).max(4096);
const noFraction = 'true or false';

export const OPTION_TABLE = {
  apiPort: define(integer(0, 65_535).default(8886), {
    unit: 'TCP port',
    range: '0 to 65535; 0 lets the system choose',
    doc: 'Port of the control API (TLS: WebSocket, JSON-RPC, HTTP).',
  }),
  apiHost: define(text().default('::'), {
    unit: 'address',
    range: 'an address of this machine; :: is all interfaces',
    doc: 'Address that the control API listens on.',
  }),
  apiAllowRemoteControl: define(flag().default(true), {
    unit: '',
    range: noFraction,
    doc: 'False makes the control API listen on the loopback interface only.',
  }),
  recvPort: define(integer(0, 65_535).default(8886), {
    unit: 'UDP port',
    range: '0 to 65535; 0 lets the system choose',
    doc: 'Port that file data is received on and sent from.',
  }),
  recvHost: define(text().default('::'), {
    unit: 'address',
    range: 'an address of this machine; :: is all interfaces',
    doc: 'Address that the data port is bound to.',
  }),
  persistentStateDir: define(text().nullable().default(null), {
    unit: 'directory',
    range: 'an absolute or relative path; made when missing',
    doc: 'Where the server keeps its identity, database and journals. When absent: /var/lib/jetstream/state as root, $XDG_STATE_HOME/jetstream (~/.local/state/jetstream) otherwise.',
  }),
  persistentTransfers: define(flag().default(true), {
    unit: '',
    range: noFraction,
    doc: 'False forgets all transfers of the sending side when the server starts.',
  }),
  persistentDestinations: define(flag().default(true), {
    unit: '',
    range: noFraction,
    doc: 'False forgets all destinations when the server starts; transfers to them end with an error.',
  }),
  serverName: define(text().max(256).nullable().default(null), {
    unit: '',
    range: 'up to 256 characters',
    doc: 'Friendly name shown in server info; the host name when absent.',
  }),
  superuser: define(nameList().default([]), {
    unit: 'user names',
    range: 'up to 1,000 names; repeat the flag or separate by commas',
    doc: 'Users who may call superuser(), beside the account that runs the server.',
  }),
  supergroup: define(nameList().default([]), {
    unit: 'group names',
    range: 'up to 1,000 names; repeat the flag or separate by commas',
    doc: 'Groups of the operating system whose members may call superuser(). Membership is read from /etc/group and /etc/passwd by user name.',
  }),
  externalAddress: define(
    text()
      .max(262)
      .refine((address) => parseExternalAddress(address) !== null)
      .nullable()
      .default(null),
    {
      unit: 'host name or IP address',
      range: 'a host name or an IP address, with :port if needed',
      doc: 'Address under which others reach this server, shown in server info. setExternalAddress replaces it.',
    },
  ),
  incomingRateLimit: define(rate(), {
    unit: 'kbit/s',
    range: '8 to 1000000000',
    doc: 'Most file data that is received; unlimited when absent. Locks the limit against the API.',
  }),
  outgoingRateLimit: define(rate(), {
    unit: 'kbit/s',
    range: '8 to 1000000000',
    doc: 'Most file data that is sent; unlimited when absent. Locks the limit against the API.',
  }),
  borrowIncomingRate: define(flag().nullable().default(null), {
    bare: true,
    unit: '',
    range: noFraction,
    doc: 'Unused incoming bandwidth may be used for sending. Locks that setting against the API.',
  }),
  borrowOutgoingRate: define(flag().nullable().default(null), {
    bare: true,
    unit: '',
    range: noFraction,
    doc: 'Unused outgoing bandwidth may be used for receiving. Locks that setting against the API.',
  }),
  incomingMaxConnections: define(integer(0, 1_000_000).nullable().default(null), {
    unit: 'connections',
    range: '0 to 1000000',
    doc: 'Most senders that may be connected at a time; further ones are refused. Locks the limit against the API.',
  }),
  licensePublicKey: define(text().nullable().default(null), {
    unit: 'PEM file',
    range: 'one or more Ed25519 public keys',
    doc: 'Whose licence keys are accepted when setLicenseKeyAsync validates.',
  }),
  requestTimeLimit: define(integer(1, 2_147_483_647).default(86_400), {
    unit: 'seconds',
    range: '1 to 2147483647',
    doc: 'How long the result of a request is kept after its end.',
  }),
  sessionIdleLimit: define(integer(60, 2_147_483).default(43_200), {
    unit: 'seconds',
    range: '60 to 2147483',
    doc: 'How long a session with a login may call nothing, without an open call or a subscription, before it is closed.',
  }),
  sessionTimeLimit: define(integer(60, 2_147_483).default(604_800), {
    unit: 'seconds',
    range: '60 to 2147483',
    doc: 'How long after its login a session is closed, whatever it does; its client has to log in again.',
  }),
  logLevel: define(z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'), {
    unit: '',
    range: 'debug, info, warn, error or silent',
    doc: 'Least level that is written to the log (JSON lines on standard error).',
  }),
  metricsTokenFile: define(text().nullable().default(null), {
    unit: 'file',
    range: 'a file whose first line is a token of 16 to 512 characters',
    doc: 'Who gives this token as Authorization: Bearer may read GET /metrics; without it only superusers may.',
  }),
  dataPath: define(z.enum(['auto', 'native', 'dgram']).default('auto'), {
    unit: '',
    range: 'auto, native or dgram',
    doc: 'What moves packets: the native addon, without which the server does not start then, plain Node.js sockets, or the best that works.',
  }),
  fixedLossMax: define(integer(1, 100).default(50), {
    unit: 'percent of the packets',
    range: '1 to 100',
    doc: 'A transfer with the policy "fixed" gives up its rate, and shares the path like others, while more than this is lost.',
  }),
  tcpFallback: define(flag().default(true), {
    unit: '',
    range: noFraction,
    doc: 'False never sends file data over TCP where UDP does not pass, and takes none over TCP.',
  }),
  apiTlsCert: define(text().nullable().default(null), {
    unit: 'PEM file',
    range: 'a certificate chain; needs --api-tls-key',
    doc: 'Certificate of the control API in place of the self-signed one.',
  }),
  apiTlsKey: define(text().nullable().default(null), {
    unit: 'PEM file',
    range: 'the private key of --api-tls-cert',
    doc: 'Private key of the certificate given with --api-tls-cert.',
  }),
  apiDisableApiTokens: define(flag().default(false), {
    unit: '',
    range: noFraction,
    doc: 'True refuses to make API tokens and to log in with them.',
  }),
  apiDisableSharedTokens: define(flag().default(false), {
    unit: '',
    range: noFraction,
    doc: 'True refuses to make shared tokens (download links), to log in with them and to serve their pages.',
  }),
  singleProcess: define(flag().default(false), {
    unit: '',
    range: noFraction,
    doc: 'Started as root, true makes one process serve everybody as root, without monitor and file agents; the environment JETSTREAM_SINGLE_PROCESS=1 does the same. Without meaning for other accounts.',
  }),
  serverAccount: define(text().max(64).default('jetstream'), {
    unit: 'user name',
    range: 'an unprivileged account',
    doc: 'Started as root: account that the server proper runs as.',
  }),
  filesAccount: define(z.string().max(64).default('jetstream-files'), {
    unit: 'user name',
    range: 'an unprivileged account other than that of --server-account; empty for none',
    doc: 'Started as root: account whose files built-in users without an account of the machine work with, in their sandboxes. The one of the default name may be missing; then they reach no files.',
  }),
  pamService: define(
    z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,32}$/)
      .default('jetstream'),
    {
      unit: 'name',
      range: 'the name of a file in /etc/pam.d',
      doc: 'Started as root: PAM profile that passwords and accounts are checked by.',
    },
  ),
  osUserMinUid: define(integer(1, 4_294_967_294).default(1000), {
    unit: 'user id',
    range: '1 to 4294967294',
    doc: 'Started as root: accounts of the operating system below this user id cannot log in.',
  }),
  allowRootLogin: define(flag().default(false), {
    unit: '',
    range: noFraction,
    doc: 'Started as root: true lets root log in, with all rights of root on files.',
  }),
  agentsMax: define(integer(1, 1000).default(64), {
    unit: 'processes',
    range: '1 to 1000',
    doc: 'Started as root: most file agents, and so most accounts whose files are in use at a time.',
  }),
  agentIdleSeconds: define(integer(1, 86_400).default(60), {
    unit: 'seconds',
    range: '1 to 86400',
    doc: 'Started as root: how long a file agent lives without work.',
  }),
  allowNoCipher: define(flag().default(false), {
    unit: '',
    range: noFraction,
    doc: 'True allows transfers without encryption and authentication (minimum cipher 0).',
  }),
  triggerDir: define(text().nullable().default(null), {
    unit: 'directory',
    range: 'an absolute or relative path; it need not exist',
    doc: 'Where the executables are that the server runs for events, see docs/TRIGGERS.md. When absent: /var/lib/jetstream/triggers when root starts it, the directory triggers in the state directory otherwise.',
  }),
  triggerLog: define(flag().default(false), {
    bare: true,
    unit: '',
    range: noFraction,
    doc: 'True logs what triggers write, and that they have run.',
  }),
  triggerTimeLimit: define(integer(1, 86_400).default(60), {
    unit: 'seconds',
    range: '1 to 86400',
    doc: 'How long a trigger may run before it is ended.',
  }),
  webhookAllowPrivate: define(flag().default(false), {
    bare: true,
    unit: '',
    range: noFraction,
    doc: 'True lets webhooks go to loopback, link-local and private addresses, see docs/WEBHOOKS.md.',
  }),
  allowTestTransfers: define(flag().default(false), {
    unit: '',
    range: noFraction,
    doc: 'True takes performance tests of other servers: transfers that send zeros in place of files, or whose data is discarded.',
  }),
  sandboxDir: define(text().nullable().default(null), {
    unit: 'directory',
    range: 'an absolute path; %u is the user name, %% a percent sign',
    doc: 'Directory that confines every user without a sandbox mapping of their own; the same as the system sandbox mapping {"": directory}, which then cannot be changed. When absent, every user, built-in users included, sees the whole file system with the rights of the account that runs the server.',
  }),
} as const;

export type OptionName = keyof typeof OPTION_TABLE;

/** Parsed options, frozen. */
export type ServerConfig = {
  readonly [K in OptionName]: z.output<(typeof OPTION_TABLE)[K]['schema']>;
};

/** Options as a caller may give them; numbers and booleans also as text. */
export type ServerOptionsInput = {
  readonly [K in OptionName]?: z.input<(typeof OPTION_TABLE)[K]['schema']> | undefined;
};
