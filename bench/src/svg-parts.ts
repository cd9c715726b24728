/** What all pictures of the benchmarks are made of. */

const FONT = 'font-family="system-ui, sans-serif"';

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Where a text stands, and how it looks. */
export interface TextPlace {
  readonly x: number;
  readonly y: number;
  readonly style?: string;
}

export const textAt = ({ x, y, style = '' }: TextPlace, text: string): string =>
  `<text x="${x}" y="${y}"${style === '' ? '' : ` ${style}`}>${escaped(text)}</text>`;

/** The first lines of a picture; `</svg>` ends it. */
export const openSvg = (picture: { width: number; height: number; title: string }): string[] => {
  const { width, height, title } = picture;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ${FONT} font-size="12" fill="#1c2329">`,
    `<title>${escaped(title)}</title>`,
  ];
};
