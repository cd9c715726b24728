/** `bench/RESULTS.md` and the chart beside it: each script writes its own section. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../scripts/dist/server-process.js';
import { commitName, machineLine, today } from './machine.js';
import { parseResults, renderResults, type Verdict, withSection } from './results-text.js';
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

/** Writes a section, the summary and the chart. */
export function recordSection(section: Section): void {
  const directory = join(repositoryRoot(), 'bench');
  const path = join(directory, RESULTS_FILE);
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
  const others = existsSync(path) ? parseResults(readFileSync(path, 'utf8')) : [];
  const sections = withSection(others, { ...facts, commit, text });
  writeFileSync(path, renderResults(sections, CHART_FILE));
  const groups = sections.flatMap(({ chart }) => (chart === undefined ? [] : [chart]));
  if (groups.length > 0) writeFileSync(join(directory, CHART_FILE), chartSvg(mergeGroups(groups)));
}
