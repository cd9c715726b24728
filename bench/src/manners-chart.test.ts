import { describe, expect, it } from 'vitest';
import { type MannersFigure, mannersSvg } from './manners-chart.js';

const figure = (changes: Partial<MannersFigure> = {}): MannersFigure => ({
  what: "queue 10 ms: fair beside TCP cubic: TCP's share of the link",
  target: '>= 20 %',
  measured: '50 %',
  met: true,
  ...changes,
});

const widthsOf = (figures: readonly MannersFigure[]): number[] =>
  [...(mannersSvg(figures) ?? '').matchAll(/<rect x="446" y="\d+" width="([\d.]+)"/g)].map(
    ([, width]) => Number(width),
  );

const cost = (measured: string): MannersFigure =>
  figure({ what: 'queue 10 ms: sent, off by', target: 'within 3 %', measured });

describe('mannersSvg', () => {
  it('draws what is kept as its share of the whole', () => {
    const [half = 0, whole = 0] = widthsOf([figure(), figure({ measured: '100 %' })]);
    expect(half).toBeGreaterThan(0);
    expect(whole).toBeCloseTo(2 * half, 0);
  });

  it('draws a cost as a share of twice its target, by its size, and never beyond', () => {
    const [whole, half, below] = widthsOf([cost('9 %'), cost('3.0 %'), cost('-3 %')]);
    expect(whole).toBe(widthsOf([figure({ measured: '100 %' })])[0]);
    expect(half).toBeCloseTo((whole ?? 0) / 2, 0);
    expect(below).toBe(half);
  });

  it('has a panel per queue, and both texts of every figure', () => {
    const other = figure({ what: 'queue 40 ms: one alone: re-sent', measured: '0.13 %' });
    const svg = mannersSvg([figure(), other]) ?? '';
    for (const text of [
      'queue of 10 ms',
      'queue of 40 ms',
      '0.13 % (&gt;= 20 %)',
      'one alone: re-sent',
    ]) {
      expect(svg).toContain(`>${text}<`);
    }
  });

  it('marks a figure that misses its target', () => {
    expect(mannersSvg([figure({ met: false })])).toContain('font-weight="600" fill="#a03020">50 %');
    expect(mannersSvg([figure()])).not.toContain('fill="#a03020">50 %');
  });

  it('draws nothing from figures of other scripts', () => {
    expect(mannersSvg([figure({ what: 'metro, native: one 300 MB file' })])).toBeNull();
  });
});
