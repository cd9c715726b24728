/**
 * `bench/RESULTS.md`: sections between markers, each written by the script that measured it, and a
 * summary of all of them. The markers carry what the summary needs, so that a script touches its own
 * section only.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../scripts/dist/server-process.js';
import { commitName, machineLine, today } from './machine.js';
import { table } from './statistics.js';

/** A figure that a target exists for. */
export interface Verdict {
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly met: boolean;
}

/** What a script writes. */
export interface Section {
  /** Place among the others, and the key that a later run replaces it by. */
  readonly id: string;
  readonly title: string;
  /** Command line and conditions. */
  readonly settings: string;
  readonly verdicts: readonly Verdict[];
  /** Markdown below. */
  readonly body: string;
}

interface Stored {
  readonly id: string;
  readonly commit: string;
  readonly verdicts: readonly Verdict[];
  readonly text: string;
}

const BLOCK = /<!-- begin (\{.*\}) -->\n([\s\S]*?)\n<!-- end -->/g;

const PREAMBLE = `# Measured figures

Written by the scripts of this directory (\`README.md\` says how to run them); do not edit by hand.
Each section names the commit, the machine and all runs. "+changes" after a commit means that the
source differed from it. \`other CPU\` is what programs that took no part used of the whole machine
during the run: where it is more than a few percent, the figure is too low.
`;

function parse(text: string): Stored[] {
  return [...text.matchAll(BLOCK)].map(([, facts = '{}', body = '']) => ({
    ...(JSON.parse(facts) as Omit<Stored, 'text'>),
    text: body,
  }));
}

function render(sections: readonly Stored[]): string {
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
  return `${PREAMBLE}\n## Targets\n\n${summary}\n\n${blocks.join('\n')}`;
}

/** Writes a section and the summary. */
export function recordSection(section: Section): void {
  const path = join(repositoryRoot(), 'bench/RESULTS.md');
  const { id, title, settings, verdicts, body } = section;
  const commit = commitName();
  const text = [
    `## ${title}`,
    '',
    `${today()}, commit ${commit}, ${machineLine()}.  `,
    settings,
    '',
    body,
  ].join('\n');
  const others = existsSync(path) ? parse(readFileSync(path, 'utf8')) : [];
  const sections = [...others.filter((other) => other.id !== id), { id, commit, verdicts, text }];
  sections.sort((left, right) => (left.id < right.id ? -1 : 1));
  writeFileSync(path, render(sections));
}
