/** `bench/RESULTS.md` and the charts beside it: each script writes its own section. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../scripts/dist/server-process.js';
import { commitName, machineLine, today } from './machine.js';
import { mannersSvg } from './manners-chart.js';
import {
  parseResults,
  renderResults,
  type StoredSection,
  type Verdict,
  withSection,
} from './results-text.js';
import { type ChartGroup, chartSvg, mergeGroups } from './wan-chart.js';

export type { Verdict } from './results-text.js';

/** What a script writes. */
export interface Section {
  /** Place among the others, and the key that a later run replaces it by. */
  readonly id: string;
  readonly title: string;
  /** Command line and conditions. */
  readonly settings: string;
  readonly verdicts: readonly Verdict[];
  /** What the section adds to the chart. */
  readonly chart?: ChartGroup;
  /** Markdown below. */
  readonly body: string;
}

const RESULTS_FILE = 'RESULTS.md';
const CHART_FILE = 'wan.svg';
const MANNERS_FILE = 'manners.svg';

/** Draws the charts anew from the figures that are there. */
export function drawCharts(sections: readonly StoredSection[] = storedSections()): void {
  const groups = sections.flatMap(({ chart }) => (chart === undefined ? [] : [chart]));
  if (groups.length > 0) writeFileSync(beside(CHART_FILE), chartSvg(mergeGroups(groups)));
  const manners = mannersSvg(sections.flatMap(({ verdicts }) => verdicts));
  if (manners !== null) writeFileSync(beside(MANNERS_FILE), manners);
}

const beside = (file: string): string => join(repositoryRoot(), 'bench', file);

function storedSections(): StoredSection[] {
  const path = beside(RESULTS_FILE);
  return existsSync(path) ? parseResults(readFileSync(path, 'utf8')) : [];
}

/** Writes a section, the summary and the charts. */
export function recordSection(section: Section): void {
  const { title, settings, body, ...facts } = section;
  const commit = commitName();
  const text = [
    `## ${title}`,
    '',
    `${today()}, commit ${commit}, ${machineLine()}.  `,
    settings,
    '',
    body,
  ].join('\n');
  const sections = withSection(storedSections(), { ...facts, commit, text });
  writeFileSync(
    beside(RESULTS_FILE),
    renderResults(sections, { wan: CHART_FILE, manners: MANNERS_FILE }),
  );
  drawCharts(sections);
}
