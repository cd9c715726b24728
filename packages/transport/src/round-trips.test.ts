import { describe, expect, it } from 'vitest';
import { RoundTrips } from './round-trips.js';

describe('RoundTrips', () => {
  it('believes the first measured one more than that of the handshake', () => {
    const trips = new RoundTrips(300, 0);
    trips.note(100, 1);
    expect([trips.shortest, trips.smoothed, trips.shortestAt]).toEqual([100, 100, 1]);
    trips.note(180, 2);
    expect([trips.shortest, trips.smoothed, trips.shortestAt]).toEqual([100, 110, 1]);
  });

  it('one hardly longer confirms the shortest', () => {
    const trips = new RoundTrips(100, 0);
    trips.note(102, 5);
    expect([trips.shortest, trips.shortestAt]).toEqual([100, 5]);
    trips.note(104, 6);
    expect(trips.shortestAt).toBe(5);
  });

  it('knows the shortest and the longest of a round', () => {
    const trips = new RoundTrips(100, 0);
    expect(trips.roundShortest).toBe(Infinity);
    for (const rtt of [120, 110, 150]) trips.note(rtt, 1);
    expect([trips.roundShortest, trips.roundLongest]).toEqual([110, 150]);
    trips.endRound();
    expect([trips.roundShortest, trips.roundLongest]).toEqual([Infinity, 0]);
  });

  it('a path that has become longer is found out by looking anew', () => {
    const trips = new RoundTrips(100, 0);
    trips.note(100, 1);
    trips.seek();
    for (let i = 0; i < 50; i += 1) trips.note(200, 2);
    trips.renew(3);
    expect(trips.shortest).toBeGreaterThan(190);
    expect(trips.shortestAt).toBe(3);
  });
});
