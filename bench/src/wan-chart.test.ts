import { describe, expect, it } from 'vitest';
import { type ChartGroup, chartSvg, mergeGroups } from './wan-chart.js';

const group = (changes: Partial<ChartGroup> = {}): ChartGroup => ({
  place: 1,
  name: 'metro',
  link: '500 Mbit/s, 10 ms, 0.01 %',
  limitMbps: 500,
  bars: [
    { name: 'rsync-bbr', kind: 'peer', mbps: 250 },
    { name: 'JetStream', kind: 'first', mbps: 400 },
    { name: 'aria2-bbr', kind: 'peer', mbps: 300 },
  ],
  ...changes,
});

const seen = group({ bars: [{ name: 'JetStream, seen', kind: 'seen', mbps: 450 }] });
const namesOf = (merged: readonly ChartGroup[]): string[] =>
  (merged[0]?.bars ?? []).map(({ name }) => name);
const widthsOf = (svg: string): number[] =>
  [...svg.matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)" height="12" fill="#(?:0b|3f|b9)/g)]
    .map(([, width]) => Number(width))
    .slice(3);

describe('mergeGroups', () => {
  it('joins what was measured over one link: ours, seen, then the best tools', () => {
    const names = ['JetStream', 'JetStream, seen', 'aria2-bbr', 'rsync-bbr'];
    expect(namesOf(mergeGroups([group(), seen]))).toEqual(names);
    expect(namesOf(mergeGroups([seen, group()]))).toEqual(names);
  });

  it('puts links in their order', () => {
    const groups = mergeGroups([group({ place: 7, name: 'far' }), group()]);
    expect(groups.map(({ name }) => name)).toEqual(['metro', 'far']);
  });
});

describe('chartSvg', () => {
  it('draws each bar as long as its share of what the link allows', () => {
    const [first = 0, ...others] = widthsOf(chartSvg(mergeGroups([group()])));
    expect(others.map((width) => Math.round((width / first) * 400))).toEqual([300, 250]);
  });

  it('never draws beyond the limit', () => {
    const bars = [
      { name: 'at the limit', kind: 'peer', mbps: 500 },
      { name: 'above', kind: 'peer', mbps: 900 },
    ] as const;
    const [limit, above] = widthsOf(chartSvg([group({ bars })]));
    expect(above).toBe(limit);
  });

  it('shows every figure and the limit as text', () => {
    const svg = chartSvg(mergeGroups([group(), seen]));
    for (const text of ['metro', '400', '450', '300', '250', '500']) {
      expect(svg).toContain(`>${text}<`);
    }
  });

  it('gives the same bytes for the same figures, in whatever order they come', () => {
    expect(chartSvg(mergeGroups([group(), seen]))).toBe(chartSvg(mergeGroups([seen, group()])));
  });

  it('escapes names', () => {
    expect(chartSvg([group({ name: 'a<b & c>d' })])).toContain('>a&lt;b &amp; c&gt;d<');
  });
});
