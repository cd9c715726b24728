import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diceOf } from './dice.conformance.js';
import { STREAM_WINDOW_BYTES, StreamReceiver, StreamSender } from './reliable-stream.js';

const concat = (pieces: readonly Uint8Array[]): Uint8Array => Buffer.concat(pieces);

describe('StreamSender and StreamReceiver', () => {
  it('deliver exactly the bytes, in order, over any loss, repetition and order', () => {
    const writes = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 40 });
    fc.assert(
      fc.property(writes, fc.integer(), (pieces, seed) => {
        const dice = diceOf(seed);
        const sender = new StreamSender();
        const receiver = new StreamReceiver();
        const delivered: Uint8Array[] = [];
        const flying: { start: number; end: number; bytes: Uint8Array; lost: boolean }[] = [];
        let next = 0;
        for (let tick = 0; tick < 20_000 && (next < pieces.length || !sender.idle); tick += 1) {
          if (next < pieces.length && tick % 3 === 0) {
            sender.write(pieces[next] as Uint8Array);
            next += 1;
          }
          const range = sender.nextRange(10 + dice(90));
          if (range !== null) {
            const bytes = new Uint8Array(range.end - range.start);
            sender.copy(range, bytes, 0);
            flying.push({ ...range, bytes, lost: dice(3) === 0 });
            if (dice(4) === 0) flying.push({ ...range, bytes, lost: false });
          }
          if (flying.length <= 8 && range !== null) continue;
          const packet = flying.splice(dice(flying.length || 1), 1)[0];
          if (packet === undefined) continue;
          if (packet.lost) {
            sender.lost(packet.start, packet.end);
          } else {
            const ok = receiver.receive(packet.start, packet.bytes, (piece) =>
              delivered.push(piece),
            );
            expect(ok).toBe(true);
            sender.acked(packet.start, packet.end);
          }
        }
        expect(sender.idle).toBe(true);
        expect(Buffer.compare(concat(delivered), concat(pieces))).toBe(0);
        expect(sender.backlogBytes).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it('the sender stops at the limit until it is raised', () => {
    const sender = new StreamSender();
    sender.write(new Uint8Array(STREAM_WINDOW_BYTES + 500));
    let sent = 0;
    for (let range = sender.nextRange(100_000); range !== null; ) {
      sent = range.end;
      range = sender.nextRange(100_000);
    }
    expect(sent).toBe(STREAM_WINDOW_BYTES);
    expect(sender.ready).toBe(false);
    sender.raiseLimit(STREAM_WINDOW_BYTES + 200);
    expect(sender.nextRange(100_000)?.end).toBe(STREAM_WINDOW_BYTES + 200);
    sender.raiseLimit(5);
    expect(sender.ready).toBe(false);
  });

  it('an absurd limit is not believed', () => {
    const sender = new StreamSender();
    sender.raiseLimit(Number.MAX_SAFE_INTEGER);
    sender.write(new Uint8Array(STREAM_WINDOW_BYTES + 1));
    while (sender.nextRange(1_000_000) !== null);
    expect(sender.backlogBytes).toBe(1);
  });

  it('the receiver refuses what goes beyond its limit', () => {
    const receiver = new StreamReceiver();
    const deliver = () => undefined;
    expect(receiver.receive(STREAM_WINDOW_BYTES, new Uint8Array(1), deliver)).toBe(false);
    expect(receiver.receive(STREAM_WINDOW_BYTES - 1, new Uint8Array(1), deliver)).toBe(true);
  });

  it('hostile ranges never deliver a byte twice or out of place', () => {
    const frames = fc.array(fc.tuple(fc.nat(400), fc.nat(120)), { maxLength: 80 });
    const whole = Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff);
    fc.assert(
      fc.property(frames, (list) => {
        const receiver = new StreamReceiver();
        const delivered: Uint8Array[] = [];
        for (const [start, length] of list) {
          const bytes = whole.subarray(start, start + length);
          receiver.receive(start, bytes, (piece) => delivered.push(piece));
        }
        const all = concat(delivered);
        expect(receiver.consumed).toBe(all.length);
        expect(Buffer.compare(all, whole.subarray(0, all.length))).toBe(0);
      }),
    );
  });
});
