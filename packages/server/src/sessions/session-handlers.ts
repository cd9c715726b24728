/** Methods that log in and elevate. */
import { CommandError } from '@jetstream/contract';
import { type CallContext, callerOf, type Handlers } from '../control/handler.js';
import type { Elevated, Elevation } from '../wranglers/elevation.js';
import type { LoginService, TokenCredentials } from './login-service.js';
import type { Session } from './session.js';

export type SessionMethod = 'auth' | 'authAsync' | 'authToken' | 'wrangler' | 'superuser';

const sessionOf = (call: CallContext, method: string): Session => {
  if (call.session !== null) return call.session;
  throw new CommandError(
    'invalid_request',
    `Cannot call "${method}" over HTTP: there is no session, expected a WebSocket connection (over HTTP, each call carries an Authorization header)`,
  );
};

const tokenCredentials = (params: {
  readonly token: string;
  readonly password?: string | null | undefined;
  readonly tokenSession?: string | null | undefined;
}): TokenCredentials => ({
  token: params.token,
  password: params.password ?? null,
  tokenSession: params.tokenSession ?? null,
});

const wrongParams = (message: string, parameter: string): CommandError =>
  new CommandError('invalid_params', `Cannot call "authAsync": ${message}`, {
    details: { parameter },
  });

const elevate = async (elevation: Elevation, level: Elevated, call: CallContext): Promise<null> => {
  const session = sessionOf(call, level);
  const { login } = session;
  await elevation.elevate(callerOf(call), level, (caller) => {
    // Revoked, or replaced by another login, while the call was on its way.
    if (login === null || session.login !== login) {
      throw new CommandError('not_authenticated', 'Cannot elevate: the login has changed');
    }
    session.setLogin({ ...login, caller });
  });
  return null;
};

/** Handlers over logins and elevation. */
export const sessionHandlers = (
  logins: LoginService,
  elevation: Elevation,
): Handlers<SessionMethod> => ({
  auth: async ({ userName, password }, call) => {
    const session = sessionOf(call, 'auth');
    session.setLogin(await logins.byPassword(userName, password, session.address));
    return null;
  },

  authToken: async (params, call) => {
    const session = sessionOf(call, 'authToken');
    session.setLogin(await logins.byToken(tokenCredentials(params), session.address));
    return null;
  },

  // A failed login fails at once: without a caller there is nobody who could own the request.
  authAsync: async ({ userName, password, token, tokenSession }, call) => {
    const session = sessionOf(call, 'authAsync');
    if (token != null) {
      if (userName != null)
        throw wrongParams('both "userName" and "token" are given, expected one of them', 'token');
      const credentials = tokenCredentials({ token, password, tokenSession });
      session.setLogin(await logins.byToken(credentials, session.address));
    } else {
      if (userName == null)
        throw wrongParams(
          'neither "userName" nor "token" is given, expected one of them',
          'userName',
        );
      if (password == null) throw wrongParams('"password" is absent', 'password');
      if (tokenSession != null) throw wrongParams('"tokenSession" needs "token"', 'tokenSession');
      session.setLogin(await logins.byPassword(userName, password, session.address));
    }
    return call.submit('authAsync', () => Promise.resolve(null));
  },

  wrangler: (_params, call) => elevate(elevation, 'wrangler', call),
  superuser: (_params, call) => elevate(elevation, 'superuser', call),
});
