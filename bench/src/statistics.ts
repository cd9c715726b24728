/** Medians, and tables of numbers in Markdown. */

/** Middle value; the mean of both middle ones when their number is even. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  if (!Number.isInteger(middle)) return upper;
  return ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Median of the values that are there; null when none is. */
export function medianOf(values: readonly (number | null)[]): number | null {
  const present = values.filter((value) => value !== null);
  return present.length === 0 ? null : median(present);
}

/** A number with few digits; a dash when there is none. */
export function format(value: number | null, decimals = 0): string {
  return value === null || !Number.isFinite(value) ? '-' : value.toFixed(decimals);
}

/** A column of a table: heading, and the text of a row's cell. */
export type Column<Row> = readonly [heading: string, cell: (row: Row) => string];

/** A Markdown table; the first column is left-aligned, the others right. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(columns.map(([heading]) => heading)),
    line(columns.map((_, index) => (index === 0 ? '---' : '---:'))),
    ...rows.map((row) => line(columns.map(([, cell]) => cell(row)))),
  ].join('\n');
}
