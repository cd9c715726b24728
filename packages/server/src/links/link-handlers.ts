/** The send interface as far as shared tokens have a part in it. */
import { CommandError, DEFAULT_PRIORITY, type MethodName } from '@jetstream/contract';
import { callerOf, type Handlers } from '../control/handler.js';
import type { Caller } from '../sessions/caller.js';
import type { LinkService } from './link-service.js';

/** Methods of shared tokens. */
export type LinkMethod = Extract<MethodName, `send.${string}SharedToken${string}`>;
/** Methods of others that a login by shared token narrows. */
type Narrowed = 'send.createDestination' | 'send.createTransfer';

const isLink = (caller: Caller): boolean => caller.token?.manifestId !== undefined;

const refuse = (parameter: string, wanted: string): CommandError =>
  new CommandError(
    'permission_denied',
    `Cannot use "${parameter}" with a shared token: expected ${wanted}`,
    { details: { parameter } },
  );

/**
 * @param others Handlers that make destinations and transfers. With a shared token they may do it,
 * but push aside nobody who has an account here.
 */
export const linkHandlers = (
  links: LinkService,
  others: Handlers<Narrowed>,
): Handlers<LinkMethod | Narrowed> => ({
  'send.createSharedToken': (params, call) => links.create(callerOf(call), params),
  'send.getSharedToken': ({ token }, call) => links.get(callerOf(call), token),
  'send.getSharedTokens': (params, call) => links.list(callerOf(call), params),
  'send.updateSharedToken': (params, call) => links.update(callerOf(call), params),
  'send.deleteSharedToken': ({ token }, call) => links.remove(callerOf(call), token),
  'send.createDestination': (params, call) => {
    const policy = params.rateControlMethod ?? 'fair';
    if (isLink(callerOf(call)) && policy !== 'fair' && policy !== 'background') {
      throw refuse('rateControlMethod', '"fair" or "background"');
    }
    return others['send.createDestination'](params, call);
  },
  'send.createTransfer': async (params, call) => {
    const caller = callerOf(call);
    const priority = params.priority ?? DEFAULT_PRIORITY;
    if (isLink(caller) && priority < DEFAULT_PRIORITY) {
      throw refuse('priority', `${DEFAULT_PRIORITY} or more`);
    }
    return links.redeem(caller, async () => others['send.createTransfer'](params, call));
  },
});
