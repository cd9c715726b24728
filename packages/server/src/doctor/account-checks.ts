/** Who a server runs as. */
import { type Finding, fine, warning } from './finding.js';

/** All users act on disk as the account that runs the server, so root is the wrong one. */
export const checkAccount = (isRoot: boolean): Finding =>
  isRoot
    ? warning(
        'account',
        'root: every user of the server acts on disk with the rights of root',
        'Run it as an account of its own, such as: useradd --system --home-dir /var/lib/jetstream jetstream',
      )
    : fine('account', 'an ordinary user: only this user and built-in users can log in');
