import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerRange } from './byte-range.js';

const file = { size: 100, etag: '"tag"', lastModified: 'Wed, 25 Nov 2026 04:29:43 GMT' };
const of = (range: string, more = {}) => answerRange({ range, ...more }, file);

describe('answerRange', () => {
  it.each([
    ['bytes=0-', { status: 206, start: 0, end: 100 }],
    ['bytes=10-19', { status: 206, start: 10, end: 20 }],
    ['bytes=90-500', { status: 206, start: 90, end: 100 }],
    ['bytes=-1', { status: 206, start: 99, end: 100 }],
    ['bytes=-500', { status: 206, start: 0, end: 100 }],
    ['bytes=100-', { status: 416 }],
    ['bytes=-0', { status: 416 }],
    ['bytes=-', { status: 200 }],
    ['bytes=5-4', { status: 200 }],
    ['bytes=0-1,5-6', { status: 200 }],
    ['lines=0-1', { status: 200 }],
  ])('%s', (range, expected) => {
    expect(of(range)).toEqual(expected);
  });

  it('goes on only with the same file', () => {
    expect(of('bytes=10-', { ifRange: '"tag"' }).status).toBe(206);
    expect(of('bytes=10-', { ifRange: file.lastModified }).status).toBe(206);
    expect(of('bytes=10-', { ifRange: '"other"' }).status).toBe(200);
    expect(of('bytes=10-', { ifRange: 'W/"tag"' }).status).toBe(200);
  });

  it('holds to the other conditions first', () => {
    expect(answerRange({ ifNoneMatch: 'W/"tag"' }, file).status).toBe(304);
    expect(answerRange({ ifNoneMatch: '"a", "b"' }, file).status).toBe(200);
    expect(answerRange({ ifMatch: '"other"', range: 'bytes=0-' }, file).status).toBe(412);
    expect(answerRange({ ifMatch: '*' }, file).status).toBe(200);
  });

  it('has no range of nothing', () => {
    expect(answerRange({ range: 'bytes=0-' }, { ...file, size: 0 }).status).toBe(416);
  });

  it('property: a part lies within the file and is never empty', () => {
    const header = fc.oneof(
      fc.string(),
      fc.tuple(fc.string(), fc.string()).map(([a, b]) => `bytes=${a}-${b}`),
      fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `bytes=${a}-${b}`),
      fc.bigInt().map((n) => `bytes=${n}-`),
    );
    fc.assert(
      fc.property(header, fc.nat(), (range, size) => {
        const answer = answerRange({ range }, { ...file, size });
        if (answer.status !== 206) return;
        expect(answer.start).toBeGreaterThanOrEqual(0);
        expect(answer.end).toBeGreaterThan(answer.start);
        expect(answer.end).toBeLessThanOrEqual(size);
      }),
    );
  });
});
