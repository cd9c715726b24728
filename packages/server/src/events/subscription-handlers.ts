/** `subscribe` and `unsubscribe`: what a session wants to hear about without asking. */
import { CommandError } from '@jetstream/contract';
import type { CallContext, Handlers } from '../control/handler.js';
import type { Session } from '../sessions/session.js';
import type { EventFeed } from './event-feed.js';

export type SubscriptionMethod = 'subscribe' | 'unsubscribe';

const sessionOf = (call: CallContext, method: string): Session => {
  if (call.session !== null) return call.session;
  throw new CommandError(
    'invalid_request',
    `Cannot call "${method}" over HTTP: there is no session, expected a WebSocket connection`,
  );
};

/** Handlers over the sessions themselves and the feed of events. */
export const subscriptionHandlers = (
  feed: Pick<EventFeed, 'follow'>,
): Handlers<SubscriptionMethod> => ({
  subscribe: async ({ topics, afterEventSeq }, call) => {
    const session = sessionOf(call, 'subscribe');
    const wantsEvents = topics.includes('events');
    if (afterEventSeq != null && !wantsEvents) {
      throw new CommandError(
        'invalid_params',
        'Cannot subscribe: "afterEventSeq" is given without the topic "events"',
        { details: { parameter: 'afterEventSeq' } },
      );
    }
    session.subscribe(topics);
    return wantsEvents ? { eventSeq: await feed.follow(session, afterEventSeq ?? null) } : null;
  },

  unsubscribe: ({ topics }, call) => {
    sessionOf(call, 'unsubscribe').unsubscribe(topics);
    return null;
  },
});
