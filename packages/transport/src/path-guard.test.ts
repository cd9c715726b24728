import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHALLENGE_BYTES, PATH_PROOF_US_MAX, PathGuard } from './path-guard.js';

const CHALLENGE = Uint8Array.from({ length: CHALLENGE_BYTES }, (_, i) => i + 1);
const doubted = () => {
  const guard = new PathGuard();
  guard.doubt(CHALLENGE, 0, 100_000);
  return guard;
};

describe('PathGuard', () => {
  it('a flow starts with a proven address and no budget to keep', () => {
    const guard = new PathGuard();
    expect(guard.proven).toBe(true);
    expect(guard.allows(1e12)).toBe(true);
    expect(guard.deadline).toBe(Infinity);
  });

  it('a new address gets at most three times what came from it', () => {
    const packets = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 65_000 })));
    fc.assert(
      fc.property(packets, (steps) => {
        const guard = doubted();
        let [received, sent] = [0, 0];
        for (const [incoming, bytes] of steps) {
          if (incoming) {
            guard.received(bytes);
            received += bytes;
          } else if (guard.allows(bytes)) {
            guard.spend(bytes);
            sent += bytes;
          }
          expect(sent).toBeLessThanOrEqual(3 * received);
        }
      }),
    );
  });

  it('only the right echo proves the address', () => {
    const others = fc.uint8Array({ maxLength: 2 * CHALLENGE_BYTES });
    fc.assert(
      fc.property(others, (bytes) => {
        fc.pre(Buffer.compare(bytes, CHALLENGE) !== 0);
        const guard = doubted();
        guard.prove(bytes);
        expect(guard.proven).toBe(false);
      }),
    );
    const guard = doubted();
    guard.prove(CHALLENGE.slice());
    expect(guard.proven).toBe(true);
    expect(guard.allows(1e12)).toBe(true);
  });

  it('the challenge is repeated with growing pauses until the address is given up', () => {
    const guard = doubted();
    guard.received(1000);
    const sentAt: number[] = [];
    for (let now = 0; !guard.expired(now); now = guard.deadline) {
      if (guard.takeChallenge(now) !== null) sentAt.push(now);
      expect(guard.deadline).toBeGreaterThan(now);
    }
    expect(sentAt).toEqual([0, 150_000, 450_000, 1_050_000, 2_250_000]);
    expect(guard.expired(PATH_PROOF_US_MAX - 1)).toBe(false);
    guard.settle();
    expect(guard.expired(Number.MAX_VALUE)).toBe(false);
  });
});
