/**
 * Bars for the figures of `bench/manners`, as a picture: one panel per queue, one bar per figure beside
 * its target. Shares to be kept and costs to be held down have bars of their own kinds.
 */
import { openSvg, textAt } from './svg-parts.js';

/** A figure as RESULTS.md keeps it. */
export interface MannersFigure {
  /** "queue 10 ms: fair beside TCP cubic: TCP's share of the link". */
  readonly what: string;
  /** ">= 20 %", "<= 5 %" or "within 3 %". */
  readonly target: string;
  /** "32 %". */
  readonly measured: string;
  readonly met: boolean;
}

interface Bar {
  readonly label: string;
  readonly kind: 'kept' | 'cost';
  readonly measured: string;
  readonly target: string;
  /** Percent; a deviation counts by its size. */
  readonly value: number;
  readonly bound: number;
  readonly met: boolean;
}

const WIDTH = 928;
const MARGIN = 16;
const HEAD_HEIGHT = 66;
const TITLE_HEIGHT = 22;
const ROW_HEIGHT = 18;
const BAR_HEIGHT = 12;
const PANEL_GAP = 20;
const LABEL_WIDTH = 430;
const FIGURE_WIDTH = 150;
const BAR_WIDTH = WIDTH - 2 * MARGIN - LABEL_WIDTH - FIGURE_WIDTH;
/** Fills that stay apart in grey and for those who see few colours. */
const FILL = { kept: '#0b6e6e', cost: '#b9c0c7' } as const;
const LEGEND = {
  kept: 'to be kept, of 100 %',
  cost: 'to be held down, of twice the target',
} as const;
const TITLE = 'What others keep beside our flows, and what ours cost';
const TARGET_STROKE = 'stroke="#a03020" stroke-dasharray="4 3"';
const QUEUE = /^queue (\d+) ms: (.*)$/;
const PERCENT = /-?\d+(?:\.\d+)?/;

const percentIn = (text: string): number => Math.abs(Number(PERCENT.exec(text)?.[0] ?? Number.NaN));

/** Figures by queue, in the order in which they come. */
function panelsOf(figures: readonly MannersFigure[]): Map<string, Bar[]> {
  const panels = new Map<string, Bar[]>();
  for (const { what, target, measured, met } of figures) {
    const [, queueMs, label] = QUEUE.exec(what) ?? [];
    if (queueMs === undefined || label === undefined) continue;
    const bar: Bar = {
      label,
      kind: target.startsWith('>=') ? 'kept' : 'cost',
      measured,
      target,
      value: percentIn(measured),
      bound: percentIn(target),
      met,
    };
    const name = `queue of ${queueMs} ms`;
    panels.set(name, [...(panels.get(name) ?? []), bar]);
  }
  return panels;
}

const lengthOf = (share: number): number =>
  Math.round(Math.min(1, Math.max(0, share)) * BAR_WIDTH * 10) / 10;

function row(bar: Bar, top: number): string[] {
  const { label, kind, measured, target, value, bound, met } = bar;
  const zero = MARGIN + LABEL_WIDTH;
  const whole = kind === 'kept' ? 100 : 2 * bound;
  const tick = Math.round((zero + lengthOf(bound / whole)) * 10) / 10;
  const baseline = top + BAR_HEIGHT - 2;
  const text = `${measured} (${target})`;
  const style = met ? '' : 'font-weight="600" fill="#a03020"';
  return [
    textAt({ x: zero - 8, y: baseline, style: 'text-anchor="end"' }, label),
    `<rect x="${zero}" y="${top}" width="${lengthOf(value / whole)}" height="${BAR_HEIGHT}" fill="${FILL[kind]}"/>`,
    `<path d="M${tick} ${top - 3}V${top + BAR_HEIGHT + 3}" ${TARGET_STROKE}/>`,
    textAt({ x: zero + BAR_WIDTH + 10, y: baseline, style }, text),
  ];
}

function head(): string[] {
  const second = MARGIN + 180;
  const third = second + 250;
  const legend = (x: number, kind: Bar['kind']): string[] => [
    `<rect x="${x}" y="38" width="12" height="12" fill="${FILL[kind]}"/>`,
    textAt({ x: x + 18, y: 48 }, LEGEND[kind]),
  ];
  return [
    `<rect width="${WIDTH}" height="100%" fill="#ffffff"/>`,
    textAt({ x: MARGIN, y: 22, style: 'font-size="15" font-weight="600"' }, TITLE),
    ...legend(MARGIN, 'kept'),
    ...legend(second, 'cost'),
    `<path d="M${third} 44H${third + 22}" ${TARGET_STROKE}/>`,
    textAt({ x: third + 28, y: 48 }, 'target'),
  ];
}

/** The picture as SVG text; null where no figure belongs into it. */
export function mannersSvg(figures: readonly MannersFigure[]): string | null {
  const panels = panelsOf(figures);
  if (panels.size === 0) return null;
  const body: string[] = [];
  let top = HEAD_HEIGHT;
  for (const [name, bars] of panels) {
    body.push(textAt({ x: MARGIN, y: top + 12, style: 'font-weight="600"' }, name));
    bars.forEach((bar, at) => {
      body.push(...row(bar, top + TITLE_HEIGHT + at * ROW_HEIGHT));
    });
    top += TITLE_HEIGHT + bars.length * ROW_HEIGHT + PANEL_GAP;
  }
  const picture = { width: WIDTH, height: top, title: TITLE };
  return [...openSvg(picture), ...head(), ...body, '</svg>', ''].join('\n');
}
