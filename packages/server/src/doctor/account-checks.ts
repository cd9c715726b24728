/** Who a server runs as, and what it needs to log users of the operating system in. */
import { type Finding, failing, fine, warning } from './finding.js';

export interface AccountFacts {
  readonly isRoot: boolean;
  /** Text of /etc/pam.d/jetstream, null without one. */
  readonly pamService: string | null;
  /** Text of /etc/passwd. */
  readonly passwd: string;
}

/** Account that the server proper runs as when root starts it. */
export const SERVER_ACCOUNT = 'jetstream';

export const checkAccounts = ({ isRoot, pamService, passwd }: AccountFacts): readonly Finding[] => {
  if (!isRoot) {
    return [fine('account', 'an ordinary user: only this user and built-in users can log in')];
  }
  const hasAccount = passwd.split('\n').some((line) => line.startsWith(`${SERVER_ACCOUNT}:`));
  return [
    hasAccount
      ? fine('account', `root, with the account "${SERVER_ACCOUNT}" for the server itself`)
      : failing(
          'account',
          `root, but there is no account "${SERVER_ACCOUNT}" for the server itself`,
          `useradd --system --home-dir /var/lib/jetstream --shell /usr/sbin/nologin ${SERVER_ACCOUNT}`,
        ),
    pamOf(pamService),
  ];
};

const pamOf = (service: string | null): Finding => {
  if (service === null) {
    return warning(
      'pam',
      'there is no service "jetstream": users of the operating system cannot log in',
      'Install the example of docs/INSTALL.md as /etc/pam.d/jetstream',
    );
  }
  const lacks = ['auth', 'account'].filter((phase) => {
    const isPhase = new RegExp(`^\\s*-?${phase}\\s|^\\s*@include\\s+common-${phase}\\b`, 'm');
    return !isPhase.test(service);
  });
  if (lacks.length === 0) return fine('pam', 'the service "jetstream" has auth and account rules');
  return failing(
    'pam',
    `/etc/pam.d/jetstream has no rules for ${lacks.join(' and ')}`,
    'Locked and expired accounts are found by the account phase: see docs/INSTALL.md',
  );
};
