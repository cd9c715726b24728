import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEDGER_PACKETS, type PacketContent, PacketLedger } from './packet-ledger.js';

/** A bitmap that names these numbers below `top`. */
const bitmapOf = (top: number, numbers: Iterable<number>): Uint8Array => {
  const bytes = new Uint8Array(64);
  for (const number of numbers) {
    const i = top - number;
    if (i >= 0 && i < bytes.length * 8) {
      bytes[i >> 3] = (bytes[i >> 3] as number) | (1 << (i & 7));
    }
  }
  return bytes;
};

const ackOf = (numbers: readonly number[], delayUs = 0) => {
  const top = Math.max(...numbers);
  const bytes = bitmapOf(top, numbers);
  return { top, bitmap: { bytes, start: 0, end: bytes.length, delayUs } };
};

interface Note {
  readonly what: 'acked' | 'late' | 'lost';
  readonly ref: number;
}

const newLedger = () => {
  const notes: Note[] = [];
  const ledger = new PacketLedger({
    acked: (content, late) => notes.push({ what: late ? 'late' : 'acked', ref: content.ref }),
    lost: (content) => notes.push({ what: 'lost', ref: content.ref }),
  });
  const send = (now: number, bytes = 100): number => {
    const content: PacketContent = { kind: 1, ref: ledger.next, serial: 2, index: 3 };
    return ledger.record(content, { bytes, now, calm: true });
  };
  const ack = (numbers: readonly number[], now: number, delayUs = 0) => {
    const { top, bitmap } = ackOf(numbers, delayUs);
    return ledger.acknowledge(top, bitmap, now);
  };
  return { ledger, notes, send, ack };
};

const actions = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), bytes: fc.nat(2000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('skip' as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('ack' as const),
        back: fc.nat(20),
        bits: fc.uint8Array({ minLength: 1, maxLength: 6 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('detect' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('loseAll' as const) }) },
  ),
  { maxLength: 150 },
);

describe('PacketLedger', () => {
  it('agrees with a map of packets on every count, and resolves each packet once', () => {
    fc.assert(
      fc.property(actions, (list) => {
        const model = new Map<number, { bytes: number; state: 'flying' | 'lost' | 'acked' }>();
        const ledger = new PacketLedger({
          acked: (content, late) => {
            const packet = model.get(content.ref);
            expect(packet?.state).toBe(late ? 'lost' : 'flying');
            if (packet !== undefined) packet.state = 'acked';
          },
          lost: (content) => {
            const packet = model.get(content.ref);
            expect(packet?.state).toBe('flying');
            if (packet !== undefined) packet.state = 'lost';
          },
        });
        let now = 0;
        for (const action of list) {
          now += 500;
          if (action.do === 'send') {
            const content = { kind: 1, ref: ledger.next, serial: 0, index: 0 };
            const number = ledger.record(content, { bytes: action.bytes, now, calm: false });
            model.set(number, { bytes: action.bytes, state: 'flying' });
          } else if (action.do === 'skip') {
            ledger.takeUnrecorded();
          } else if (action.do === 'loseAll') {
            ledger.loseAll();
          } else if (action.do === 'detect') {
            const bitmap = { bytes: new Uint8Array(1), start: 0, end: 1, delayUs: 0 };
            const summary = ledger.next > 0 ? ledger.acknowledge(0, bitmap, now) : null;
            if (summary !== null) ledger.detectLost(1000, summary);
          } else if (ledger.next > 0) {
            const top = Math.max(0, ledger.next - 1 - action.back);
            const { bits } = action;
            const summary = ledger.acknowledge(
              top,
              { bytes: bits, start: 0, end: bits.length, delayUs: 0 },
              now,
            );
            expect(summary).not.toBeNull();
            for (let i = 0; i < bits.length * 8; i += 1) {
              if (((bits[i >> 3] as number) & (1 << (i & 7))) === 0) continue;
              const packet = model.get(top - i);
              if (packet !== undefined) expect(packet.state).toBe('acked');
            }
          }
          const flying = [...model].filter(([, packet]) => packet.state === 'flying');
          expect(ledger.packetsInFlight).toBe(flying.length);
          expect(ledger.bytesInFlight).toBe(flying.reduce((sum, [, p]) => sum + p.bytes, 0));
          expect(ledger.floor).toBe(flying[0]?.[0] ?? ledger.next);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('acknowledge: refuses what was never sent', () => {
    const { send, ack } = newLedger();
    send(0);
    expect(ack([1], 10)).toBeNull();
    expect(ack([0], 10)).not.toBeNull();
  });

  it('acknowledge: takes the delay at the receiver off the round trip', () => {
    const { send, ack } = newLedger();
    send(1000);
    expect(ack([0], 51_000, 8000)?.rttUs).toBe(42_000);
  });

  it('acknowledge: a repeated ack says nothing new', () => {
    const { notes, send, ack } = newLedger();
    send(0);
    expect(ack([0], 10)?.ackedPackets).toBe(1);
    expect(ack([0], 20)).toMatchObject({ ackedPackets: 0, rttUs: 0, deliveryRate: 0 });
    expect(notes).toEqual([{ what: 'acked', ref: 0 }]);
  });

  it('detectLost: waits for three later packets and for the time of reordering', () => {
    const { ledger, notes, send, ack } = newLedger();
    for (let i = 0; i < 5; i += 1) send(i * 100);
    const early = ack([4], 50_000);
    ledger.detectLost(50_000, early as NonNullable<typeof early>);
    expect(notes.filter((note) => note.what === 'lost')).toEqual([]);
    for (let i = 5; i < 8; i += 1) send(20_000);
    const later = ack([7], 70_000);
    ledger.detectLost(50_000, later as NonNullable<typeof later>);
    const lost = notes.filter((note) => note.what === 'lost').map((note) => note.ref);
    expect(lost).toEqual([0, 1, 2, 3]);
  });

  it('detectLost: a loss that proves spurious widens the tolerance', () => {
    const { ledger, notes, send, ack } = newLedger();
    const lose = (base: number) => {
      send(base);
      for (let i = 0; i < 4; i += 1) send(base + 4000);
      const first = ledger.next - 5;
      const rest = [1, 2, 3, 4].map((i) => first + i);
      const summary = ack(rest, base + 54_000);
      ledger.detectLost(10_000, summary as NonNullable<typeof summary>);
      return first;
    };
    const first = lose(0);
    expect(notes.at(-1)).toEqual({ what: 'lost', ref: first });
    for (let i = 0; i < 3; i += 1) {
      const summary = ack([lose(100_000 * (i + 1))], 100_000 * (i + 1) + 60_000);
      ledger.detectLost(10_000, summary as NonNullable<typeof summary>);
    }
    const before = notes.length;
    lose(900_000);
    expect(notes.slice(before).filter((note) => note.what === 'lost')).toEqual([]);
  });

  it('full: holds as many packets as the ring, not more', () => {
    const { ledger, send } = newLedger();
    for (let i = 1; i < LEDGER_PACKETS; i += 1) send(i);
    expect(ledger.full).toBe(false);
    send(LEDGER_PACKETS);
    expect(ledger.full).toBe(true);
    ledger.loseAll();
    expect(ledger.full).toBe(false);
    expect(ledger.bytesInFlight).toBe(0);
  });

  it('deliveryRate: is what came through per time, not faster than it was sent', () => {
    const { send, ack } = newLedger();
    for (let i = 0; i < 100; i += 1) send(i * 1000, 1000);
    ack([0], 50_000);
    for (let i = 1; i < 60; i += 1) ack([i], 50_000 + i * 1000);
    for (let i = 100; i < 200; i += 1) send(i * 1000, 1000);
    // All of the rest acknowledged in one burst: still one byte per microsecond.
    const rest = Array.from({ length: 60 }, (_, i) => 60 + i);
    const summary = ack(rest, 170_000);
    expect(summary?.deliveryRate).toBeGreaterThan(0.8);
    expect(summary?.deliveryRate).toBeLessThan(1.1);
  });
});
