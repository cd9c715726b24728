import { describe, expect, it } from 'vitest';
import { LoginState } from './login-state.js';

const item = (seq: number): object => ({ _event: 'serverStarted', _timestamp: 1, _eventSeq: seq });
const subscribed = (state: LoginState): unknown =>
  state.replay().find(({ method }) => method === 'subscribe')?.params;

describe('LoginState: subscriptions', () => {
  it('goes on after the last event that has arrived', () => {
    const state = new LoginState();
    state.record('subscribe', { topics: ['events', 'transfers'] }, { eventSeq: 7 });
    expect(subscribed(state)).toEqual({ topics: ['events', 'transfers'], afterEventSeq: 7 });
    state.notified({ topic: 'events', item: item(9) });
    state.notified({ topic: 'transfers', item: { _eventSeq: 100 } });
    state.notified({ topic: 'events', item: null });
    expect(subscribed(state)).toMatchObject({ afterEventSeq: 9 });
    state.record('subscribe', { topics: ['requests'] }, null);
    expect(subscribed(state)).toMatchObject({ afterEventSeq: 9 });
    state.record('subscribe', { topics: ['events'], afterEventSeq: 2 }, { eventSeq: 2 });
    expect(subscribed(state)).toMatchObject({ afterEventSeq: 2 });
    state.record('unsubscribe', { topics: ['events'] }, null);
    expect(subscribed(state)).toEqual({ topics: ['transfers', 'requests'] });
  });

  it('asks for no place when the server tells none', () => {
    const state = new LoginState();
    state.record('subscribe', { topics: ['events'] }, null);
    state.notified({ topic: 'events', item: item(9) });
    expect(subscribed(state)).toEqual({ topics: ['events'] });
  });
});
