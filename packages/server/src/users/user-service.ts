/**
 * Built-in users: accounts of this server that need none of the operating system. They act with
 * the rights of the account that runs the server, inside their sandbox.
 */
import { CommandError } from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import type { EventLog } from '../events/event-log.js';
import { hashPassword } from './password-hash.js';
import { checkUserName } from './user-name.js';
import type { UserChange, UserStore } from './user-store.js';

export const PASSWORD_CHARACTERS_MIN = 8;
export const PASSWORD_CHARACTERS_MAX = 1024;

export interface UserEntry {
  readonly name: string;
  readonly locked: boolean;
  /** Account of the operating system that it works as; null for none. */
  readonly osUser: string | null;
  readonly creationTimeUs: number;
}

const checkPassword = (password: string): void => {
  const { length } = password;
  if (length >= PASSWORD_CHARACTERS_MIN && length <= PASSWORD_CHARACTERS_MAX) return;
  throw new CommandError(
    'invalid_params',
    `Cannot use the password: ${length} characters, expected ${PASSWORD_CHARACTERS_MIN} to ${PASSWORD_CHARACTERS_MAX}`,
    { details: { parameter: 'password' } },
  );
};

const noSuchUser = (name: string): CommandError =>
  new CommandError('not_found', `Cannot change user ${JSON.stringify(name)}: no such user`);

export interface UserServiceOptions {
  readonly store: UserStore;
  readonly events: EventLog;
  readonly clock: Clock;
}

export class UserService {
  readonly #store: UserStore;
  readonly #events: EventLog;
  readonly #clock: Clock;

  constructor(options: UserServiceOptions) {
    this.#store = options.store;
    this.#events = options.events;
    this.#clock = options.clock;
  }

  /** @throws {CommandError} `invalid_params`, `already_exists`. */
  async add(name: string, password: string, osUser: string | null = null): Promise<void> {
    checkUserName(name);
    checkPassword(password);
    const nowUs = this.#clock.nowUs();
    const added = await this.#store.insert({
      name,
      passwordHash: await hashPassword(password),
      locked: false,
      osUser,
      version: nowUs,
      creationTimeUs: nowUs,
    });
    if (!added) {
      throw new CommandError(
        'already_exists',
        `Cannot add user ${JSON.stringify(name)}: the name is taken (names that differ in case only are the same)`,
      );
    }
    await this.#events.append('userAdded', { userName: name });
  }

  /**
   * Sets a new password; open logins of the user end.
   *
   * @throws {CommandError} `invalid_params`, `not_found`.
   */
  async setPassword(name: string, password: string): Promise<void> {
    checkPassword(password);
    await this.#change(name, { passwordHash: await hashPassword(password) });
    await this.#events.append('userPasswordChanged', { userName: name });
  }

  /** Locks a user out, tokens and open logins included, or lets it in again. */
  async setLocked(name: string, locked: boolean): Promise<void> {
    await this.#change(name, { locked });
    await this.#events.append(locked ? 'userLocked' : 'userUnlocked', { userName: name });
  }

  /**
   * Sets the account of the operating system that a user works as, null for the one of all users
   * without; it counts where the server runs as root. Open logins of the user end.
   */
  async setOsUser(name: string, osUser: string | null): Promise<void> {
    await this.#change(name, { osUser });
  }

  /** Removes a user together with its API tokens. */
  async remove(name: string): Promise<void> {
    if (!(await this.#store.remove(name))) throw noSuchUser(name);
    await this.#events.append('userRemoved', { userName: name });
  }

  async list(): Promise<UserEntry[]> {
    const users = await this.#store.list();
    return users.map(({ name, locked, osUser, creationTimeUs }) => {
      return { name, locked, osUser, creationTimeUs };
    });
  }

  async #change(name: string, change: UserChange): Promise<void> {
    const user = await this.#store.find(name);
    if (user === null) throw noSuchUser(name);
    const version = Math.max(user.version + 1, this.#clock.nowUs());
    if (!(await this.#store.update(name, { ...change, version }))) throw noSuchUser(name);
  }
}
