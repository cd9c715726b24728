/** Who a server runs as, and whether it can work for the accounts of the machine. */
import { type Finding, failing, fine, warning } from './finding.js';

/** What is known of a server that root would start with its monitor. */
export interface RootFacts {
  /** Account of the server proper. */
  readonly serverAccount: string;
  /** Its user id; null when there is no such account. */
  readonly serverUid: number | null;
  readonly hasAddon: boolean;
  /** Why the account for files cannot be used; null when it can. */
  readonly filesAccountFault: string | null;
  /** Account of built-in users without one of the machine; null for none. */
  readonly filesAccount: string | null;
}

/** How a server would run: as whom, and with which processes. */
export type RunsAs =
  | { readonly kind: 'ordinary user' }
  | { readonly kind: 'root alone' }
  | { readonly kind: 'monitor'; readonly facts: RootFacts };

export const checkAccount = (runsAs: RunsAs): Finding => {
  if (runsAs.kind === 'ordinary user') {
    return fine('account', 'an ordinary user: only this user and built-in users can log in');
  }
  if (runsAs.kind === 'root alone') {
    return warning(
      'account',
      'root by itself (--single-process): every user of the server acts on disk with the rights of root',
      'Leave --single-process and JETSTREAM_SINGLE_PROCESS away: then each user acts as an account of the machine',
    );
  }
  const { serverAccount, serverUid, hasAddon } = runsAs.facts;
  if (serverUid === null) {
    return failing(
      'account',
      `there is no account "${serverAccount}" for the server to run as`,
      'systemd-sysusers with packaging/sysusers.conf, or: useradd --system --user-group --home-dir /var/lib/jetstream --shell /usr/sbin/nologin jetstream',
    );
  }
  if (serverUid === 0) {
    return failing(
      'account',
      `--server-account "${serverAccount}" is the superuser`,
      'Name an unprivileged account of its own',
    );
  }
  if (!hasAddon) {
    return failing(
      'account',
      'root, and the native addon is not built: without it there are no file agents',
      'Run "npm ci" with a C++ compiler, make and python3',
    );
  }
  return fine(
    'account',
    `root: a monitor stays root, the server runs as "${serverAccount}", files are used as their users`,
  );
};

/** The account of built-in users without one of the machine. */
export const checkFilesAccount = ({ filesAccount, filesAccountFault }: RootFacts): Finding => {
  const name = 'account for files';
  if (filesAccountFault !== null) {
    return failing(
      name,
      filesAccountFault,
      'Name an unprivileged account of its own with --files-account, or none with --files-account=',
    );
  }
  if (filesAccount !== null) return fine(name, `"${filesAccount}", for users in a sandbox`);
  return fine(name, 'none: built-in users without --os-user reach no files');
};

export interface PamFacts {
  readonly service: string;
  /** Whether there is a profile of that name. */
  readonly hasProfile: boolean;
  /** Whether PAM answers questions at all. */
  readonly answers: boolean;
}

export const checkPam = ({ service, hasProfile, answers }: PamFacts): Finding => {
  if (!answers) {
    return failing(
      'PAM',
      'it answers nothing, so no account of the machine can log in',
      'Install libpam.so.0 (Debian: libpam0g) and the modules that the profile names',
    );
  }
  if (hasProfile) return fine('PAM', `/etc/pam.d/${service}`);
  return warning(
    'PAM',
    `there is no profile "${service}", so the one of other services counts, which mostly refuses`,
    `install -m 0644 packaging/pam-jetstream /etc/pam.d/${service}`,
  );
};

/** @param fault Why the directory is not run from; null when it is, or is not there. */
export const checkTriggerDir = (directory: string, fault: string | null): Finding =>
  fault === null
    ? fine('triggers', directory)
    : warning(
        'triggers',
        `none runs as the account of an owner: ${fault}`,
        `chown root: ${directory} and what lies above it, and chmod go-w`,
      );
