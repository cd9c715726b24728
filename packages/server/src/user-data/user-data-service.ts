/**
 * User data: free facts that users attach to their objects. Each kind of object keeps its own; here
 * are the rules that all share, and the way from a kind to its keeper.
 */
import { CommandError, type Params, type UserData } from '@jetstream/contract';
import { ownedBy } from '../events/event-fields.js';
import type { EventLog } from '../events/event-log.js';
import type { Caller, Ownership } from '../sessions/caller.js';
import { tokenIdOf } from '../tokens/token-text.js';

/** Most keys of one object. */
export const USER_DATA_KEYS_MAX = 100;
/** Most bytes of the user data of one object, as JSON. */
export const USER_DATA_BYTES_MAX = 65_536;

export type UserDataObject = Params<'send.updateObjectUserData'>['objectType'];

/** Makes new user data of the present ones. */
export type UserDataEdit = (userData: UserData) => UserData;

/** Who keeps the user data of one kind of object. */
export interface UserDataKeeper {
  /**
   * Changes the user data of an object; resolves when that is durable.
   *
   * @throws {CommandError} `not_found`, also when the caller may not see the object.
   */
  edit(
    caller: Caller,
    objectId: string,
    edit: UserDataEdit,
  ): Promise<{ readonly userData: UserData; readonly ownership: Ownership }>;
}

export interface UserDataServiceOptions {
  readonly keepers: Readonly<Record<UserDataObject, UserDataKeeper>>;
  readonly events: EventLog;
}

/** @see the head of this file */
export class UserDataService {
  readonly #options: UserDataServiceOptions;

  constructor(options: UserDataServiceOptions) {
    this.#options = options;
  }

  /** Sets some keys. @returns All user data of the object. */
  update(caller: Caller, params: Params<'send.updateObjectUserData'>): Promise<UserData> {
    const { userData } = params;
    const edit: UserDataEdit = (present) => checked({ ...present, ...userData });
    return this.#edit(caller, params, { edit, keys: Object.keys(userData) });
  }

  /** Removes one key. @returns What is left. */
  remove(caller: Caller, params: Params<'send.deleteObjectUserData'>): Promise<UserData> {
    const { key } = params;
    const edit: UserDataEdit = (present) =>
      Object.fromEntries(Object.entries(present).filter(([name]) => name !== key));
    return this.#edit(caller, params, { edit, keys: [key] });
  }

  async #edit(
    caller: Caller,
    object: { readonly objectType: UserDataObject; readonly objectId: string },
    { edit, keys }: { readonly edit: UserDataEdit; readonly keys: readonly string[] },
  ): Promise<UserData> {
    const { keepers, events } = this.#options;
    const { objectType, objectId } = object;
    const { userData, ownership } = await keepers[objectType].edit(caller, objectId, edit);
    await events.append('userDataChanged', {
      // A shared token may be named by its whole text, whose secret is for nobody to read.
      ...{ objectType, objectId: tokenIdOf(objectId), keys: [...keys], by: caller.userName },
      ...ownedBy(ownership),
    });
    return userData;
  }
}

/** @throws {CommandError} `conflict` if it is too much. */
const checked = (userData: UserData): UserData => {
  const keys = Object.keys(userData).length;
  const bytes = Buffer.byteLength(JSON.stringify(userData));
  if (keys <= USER_DATA_KEYS_MAX && bytes <= USER_DATA_BYTES_MAX) return userData;
  throw new CommandError(
    'conflict',
    `Cannot set user data: the object would have ${keys} keys and ${bytes} bytes, expected at most ${USER_DATA_KEYS_MAX} and ${USER_DATA_BYTES_MAX}`,
    { details: { keys, bytes } },
  );
};
