/** What a path below `/d/` asks for. Only what has a form here exists. */

/** Where the pages of links are. */
export const LINK_PREFIX = '/d/';

export type LinkTarget =
  | { readonly kind: 'page'; readonly token: string; readonly number: number }
  | { readonly kind: 'file'; readonly token: string; readonly index: number }
  | { readonly kind: 'archive'; readonly token: string };

const PATH =
  /^\/d\/(js1\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{27})(?:\/(?:page\/(\d{1,6})|file\/(\d{1,8})|(archive))?)?$/;

/** Parses the path of a request, query and all; null for what is nothing. */
export const parseLinkTarget = (url: string): LinkTarget | null => {
  const [, token, page, file, archive] = PATH.exec(url.split('?', 1)[0] ?? '') ?? [];
  if (token === undefined) return null;
  if (file !== undefined) return { kind: 'file', token, index: Number(file) };
  if (archive !== undefined) return { kind: 'archive', token };
  return { kind: 'page', token, number: page === undefined ? 1 : Math.max(1, Number(page)) };
};
