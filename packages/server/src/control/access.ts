/** The one check of who may call a method. What it does not grant is refused. */
import { ACCESS_LEVELS, type Access, CommandError, type MethodName } from '@jetstream/contract';
import type { Caller } from '../sessions/caller.js';
import { checkTokenRight } from '../tokens/token-rights.js';

/**
 * Refuses a call that the caller may not make.
 *
 * @throws {CommandError} `not_authenticated` or `permission_denied`.
 */
export const checkAccess = (method: MethodName, access: Access, caller: Caller | null): void => {
  if (access === 'public') return;
  if (caller === null) {
    throw new CommandError(
      'not_authenticated',
      `Cannot call "${method}": nobody is logged in, expected a login by auth(), authToken() or an Authorization header`,
    );
  }
  if (ACCESS_LEVELS.indexOf(caller.level) < ACCESS_LEVELS.indexOf(access)) {
    throw new CommandError(
      'permission_denied',
      `Cannot call "${method}": the session has the level "${caller.level}", expected "${access}"`,
      { details: { level: caller.level, expected: access } },
    );
  }
  if (caller.token !== null) checkTokenRight(caller.token, method);
};
