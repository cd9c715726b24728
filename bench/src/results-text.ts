/**
 * The text of `RESULTS.md`: sections between markers, and before them a summary of all. The markers
 * carry what summary and chart are made of, so that a script touches its own section only.
 */
import { table } from './statistics.js';
import type { ChartGroup } from './wan-chart.js';

/** A figure that a target exists for. */
export interface Verdict {
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly met: boolean;
}

/** A section as it stands in the file. */
export interface StoredSection {
  /** Place among the others, and the key that a later run replaces it by. */
  readonly id: string;
  /** What was measured; "+changes" at its end when the source differed from it. */
  readonly commit: string;
  readonly verdicts: readonly Verdict[];
  /** What the section adds to the chart. */
  readonly chart?: ChartGroup;
  /** Markdown. */
  readonly text: string;
}

const BLOCK = /<!-- begin (\{.*\}) -->\n([\s\S]*?)\n<!-- end -->/g;
const CHANGED = '+changes';

const PREAMBLE = `# Measured figures

Written by the scripts of this directory (\`README.md\` says how to run them); do not edit by hand.
Each section names the commit, the machine and all runs. "+changes" after a commit means that the
source differed from it. \`other CPU\` is what programs that took no part used of the whole machine
during the run: where it is more than a few percent, the figure is too low.
`;

/** The sections of a file. */
export function parseResults(text: string): StoredSection[] {
  return [...text.matchAll(BLOCK)].map(([, facts = '{}', body = '']) => ({
    ...(JSON.parse(facts) as Omit<StoredSection, 'text'>),
    text: body,
  }));
}

/**
 * The sections with one more, in order. It takes the place of that with its id, and of those that
 * were measured on changed source and have no figure which it has not.
 */
export function withSection(
  sections: readonly StoredSection[],
  added: StoredSection,
): StoredSection[] {
  const figures = new Set(added.verdicts.map(({ what }) => what));
  const isReplaced = ({ id, commit, verdicts }: StoredSection): boolean =>
    id === added.id ||
    (commit.endsWith(CHANGED) &&
      verdicts.length > 0 &&
      verdicts.every(({ what }) => figures.has(what)));
  const kept = sections.filter((section) => !isReplaced(section));
  return [...kept, added].sort((left, right) => (left.id < right.id ? -1 : 1));
}

/** Names of the pictures beside the file. */
export interface ChartFiles {
  readonly wan: string;
  readonly manners: string;
}

const isOfManners = ({ id }: StoredSection): boolean => id.startsWith('4 manners');

/** The whole file, with the pictures that some section has figures for. */
export function renderResults(sections: readonly StoredSection[], charts: ChartFiles): string {
  const rows = sections.flatMap(({ commit, verdicts }) =>
    verdicts.map((verdict) => ({ ...verdict, commit })),
  );
  const summary = table(
    [
      ['figure', (row) => row.what],
      ['target', (row) => row.target],
      ['measured', (row) => row.measured],
      ['', (row) => (row.met ? 'met' : '**missed**')],
      ['commit', (row) => row.commit],
    ],
    rows,
  );
  const blocks = sections.map(
    ({ text, ...facts }) => `<!-- begin ${JSON.stringify(facts)} -->\n${text}\n<!-- end -->\n`,
  );
  const pictures = [
    sections.some(({ chart }) => chart !== undefined)
      ? `## Over long distances\n\n![Goodput of each tool over each link, as a share of what the link allows](${charts.wan})\n\n`
      : '',
    sections.some(isOfManners)
      ? `## Beside others\n\n![What others keep beside our flows, and what ours cost, beside the targets](${charts.manners})\n\n`
      : '',
  ].join('');
  return `${PREAMBLE}\n${pictures}## Targets\n\n${summary}\n\n${blocks.join('\n')}`;
}
