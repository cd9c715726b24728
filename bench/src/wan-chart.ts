/**
 * Bars of goodput for each emulated link, as a picture. Bars are as long as the share of what their
 * link allows, so that links of different speed can be shown side by side; the figure stands beside.
 */
import { openSvg, textAt } from './svg-parts.js';

/** One bar. */
export interface ChartBar {
  readonly name: string;
  /** Ours without and with memory of the peer, or another tool. */
  readonly kind: 'first' | 'seen' | 'peer';
  readonly mbps: number;
}

/** One link. */
export interface ChartGroup {
  /** Place among the links, from 0. */
  readonly place: number;
  readonly name: string;
  /** Round trip and loss, in a few words. */
  readonly link: string;
  /** Goodput that the link allows, Mbit/s. */
  readonly limitMbps: number;
  readonly bars: readonly ChartBar[];
}

const COLUMNS = 2;
const COLUMN_WIDTH = 440;
const MARGIN = 16;
const HEAD_HEIGHT = 56;
const TITLE_HEIGHT = 24;
const ROW_HEIGHT = 18;
const BAR_HEIGHT = 12;
const PANEL_GAP = 22;
const LABEL_WIDTH = 132;
const FIGURE_WIDTH = 44;
const BAR_WIDTH = COLUMN_WIDTH - LABEL_WIDTH - FIGURE_WIDTH;
/** Fills that stay apart in grey and for those who see few colours. */
const FILL = { first: '#0b6e6e', seen: '#3fb0a3', peer: '#b9c0c7' } as const;
const KIND_ORDER = { first: 0, seen: 1, peer: 2 } as const;
const LEGEND = { first: 'first contact', seen: 'peer seen before', peer: 'other tools' } as const;
const TITLE = 'Goodput of one large file over emulated links, Mbit/s';

/** Groups of one link joined, in the order of the links: ours first, then what was best. */
export function mergeGroups(groups: readonly ChartGroup[]): ChartGroup[] {
  const merged = new Map<string, ChartGroup>();
  for (const group of groups) {
    const bars = [...(merged.get(group.name)?.bars ?? []), ...group.bars];
    bars.sort((a, b) => KIND_ORDER[a.kind] - KIND_ORDER[b.kind] || b.mbps - a.mbps);
    merged.set(group.name, { ...group, bars });
  }
  return [...merged.values()].sort((a, b) => a.place - b.place);
}

const panelHeight = ({ bars }: ChartGroup): number => TITLE_HEIGHT + bars.length * ROW_HEIGHT + 8;

function panel(group: ChartGroup, left: number, top: number): string[] {
  const zero = left + LABEL_WIDTH;
  const end = zero + BAR_WIDTH;
  const lines = [
    textAt({ x: left, y: top + 12, style: 'font-weight="600"' }, group.name),
    textAt({ x: zero, y: top + 12, style: 'fill="#5a646e"' }, group.link),
    textAt(
      { x: end, y: top + 12, style: 'text-anchor="middle" fill="#a03020"' },
      `${group.limitMbps}`,
    ),
  ];
  group.bars.forEach(({ name, kind, mbps }, row) => {
    const y = top + TITLE_HEIGHT + row * ROW_HEIGHT;
    const share = Math.min(1, Math.max(0, mbps / group.limitMbps));
    const width = Math.round(share * BAR_WIDTH * 10) / 10;
    const baseline = y + BAR_HEIGHT - 2;
    lines.push(
      textAt({ x: zero - 8, y: baseline, style: 'text-anchor="end"' }, name),
      `<rect x="${zero}" y="${y}" width="${width}" height="${BAR_HEIGHT}" fill="${FILL[kind]}"/>`,
      textAt({ x: end + FIGURE_WIDTH - 6, y: baseline, style: 'text-anchor="end"' }, `${mbps}`),
    );
  });
  const bottom = top + panelHeight(group) - 8;
  lines.push(
    `<path d="M${zero} ${top + 18}V${bottom}" stroke="#8a949e"/>`,
    `<path d="M${end} ${top + 18}V${bottom}" stroke="#a03020" stroke-dasharray="4 3"/>`,
  );
  return lines;
}

function head(width: number): string[] {
  const kinds = ['first', 'seen', 'peer'] as const;
  const entries = kinds.flatMap((kind, index) => {
    const x = MARGIN + index * 140;
    const swatch = `<rect x="${x}" y="34" width="12" height="12" fill="${FILL[kind]}"/>`;
    return [swatch, textAt({ x: x + 18, y: 44 }, LEGEND[kind])];
  });
  const limitX = MARGIN + kinds.length * 140;
  return [
    `<rect width="${width}" height="100%" fill="#ffffff"/>`,
    textAt({ x: MARGIN, y: 22, style: 'font-size="15" font-weight="600"' }, TITLE),
    ...entries,
    `<path d="M${limitX} 40H${limitX + 22}" stroke="#a03020" stroke-dasharray="4 3"/>`,
    textAt({ x: limitX + 28, y: 44 }, 'what the link allows after headers and loss'),
  ];
}

/** The picture as SVG text; the same groups give the same bytes. */
export function chartSvg(groups: readonly ChartGroup[]): string {
  const width = COLUMNS * (COLUMN_WIDTH + MARGIN) + MARGIN;
  const body: string[] = [];
  let top = HEAD_HEIGHT + PANEL_GAP / 2;
  for (let at = 0; at < groups.length; at += COLUMNS) {
    const row = groups.slice(at, at + COLUMNS);
    row.forEach((group, column) => {
      body.push(...panel(group, MARGIN + column * (COLUMN_WIDTH + MARGIN), top));
    });
    top += Math.max(...row.map(panelHeight)) + PANEL_GAP;
  }
  const height = top;
  return [...openSvg({ width, height, title: TITLE }), ...head(width), ...body, '</svg>', ''].join(
    '\n',
  );
}
