import { describe, expect, it } from 'vitest';
import {
  parseResults,
  renderResults,
  type StoredSection,
  type Verdict,
  withSection,
} from './results-text.js';

const verdict = (what: string, met = true): Verdict => ({
  what,
  target: '>= 10 Mbit/s',
  measured: '12 Mbit/s',
  met,
});

const section = (id: string, changes: Partial<StoredSection> = {}): StoredSection => ({
  id,
  commit: 'abc1234',
  verdicts: [verdict(`figure of ${id}`)],
  text: `## Section ${id}\n\nbody`,
  ...changes,
});

const charts = { wan: 'wan.svg', manners: 'manners.svg' };

const idsOf = (sections: readonly StoredSection[]): string[] => sections.map(({ id }) => id);

describe('withSection', () => {
  it('replaces the section of the same id, and keeps the order of ids', () => {
    const sections = [section('1 a'), section('3 c', { commit: 'old' })];
    const next = withSection(withSection(sections, section('2 b')), section('3 c'));
    expect(idsOf(next)).toEqual(['1 a', '2 b', '3 c']);
    expect(next.map(({ commit }) => commit)).not.toContain('old');
  });

  it('drops what was measured on changed source once all its figures are measured anew', () => {
    const stale = section('5 x', { commit: 'abc+changes', verdicts: [verdict('rate')] });
    const newer = section('5 x 1500', { verdicts: [verdict('rate'), verdict('delay')] });
    expect(idsOf(withSection([stale], newer))).toEqual(['5 x 1500']);
  });

  it('keeps it while one of its figures is nowhere else, or when its source was clean', () => {
    const verdicts = [verdict('rate'), verdict('memory')];
    const other = section('5 x', { commit: 'abc+changes', verdicts });
    const clean = section('5 y', { verdicts: [verdict('rate')] });
    const bare = section('5 z', { commit: 'abc+changes', verdicts: [] });
    const next = withSection([other, clean, bare], section('6 w', { verdicts: [verdict('rate')] }));
    expect(idsOf(next)).toEqual(['5 x', '5 y', '5 z', '6 w']);
  });
});

describe('renderResults', () => {
  it('is read back as it was written', () => {
    const chart = { place: 0, name: 'lan', link: '1 ms', limitMbps: 9, bars: [] };
    const sections = [section('1 a', { chart }), section('2 b', { verdicts: [] })];
    expect(parseResults(renderResults(sections, charts))).toEqual(sections);
  });

  it('lists every figure, and says which are missed', () => {
    const text = renderResults([section('1 a', { verdicts: [verdict('slow', false)] })], charts);
    expect(text).toContain('| slow | >= 10 Mbit/s | 12 Mbit/s | **missed** | abc1234 |');
  });

  it('links the chart only when a section has a part in it', () => {
    const chart = { place: 0, name: 'lan', link: '1 ms', limitMbps: 9, bars: [] };
    expect(renderResults([section('1 a')], charts)).not.toContain('wan.svg');
    expect(renderResults([section('1 a', { chart })], charts)).toContain('](wan.svg)');
  });

  it('links the chart of manners only where there are figures of it', () => {
    expect(renderResults([section('1 a')], charts)).not.toContain('manners.svg');
    expect(renderResults([section('4 manners 10 native')], charts)).toContain('](manners.svg)');
  });
});
