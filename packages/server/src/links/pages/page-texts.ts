/** What the pages say. */
import type { ListedEntry, ListedPage } from '../content/content-messages.js';
import { LINK_LIMITS } from '../limits.js';
import type { StoredLink } from '../link-store.js';
import { documentOf, type Html, html } from './page-frame.js';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `1.4 GB`, in powers of 1,000. */
export const sizeText = (bytes: number): string => {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
};

const countText = (count: number, one: string): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : `${one}s`}`;

const timeText = (timeUs: number): string =>
  `${new Date(timeUs / 1000).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

const messagePage = (title: string, text: string, more: Html | '' = ''): string =>
  documentOf(title, html`<h1>${title}</h1><p>${text}</p>${more}`);

const back = (path: string): Html =>
  html`<p><a class="button" href="${path}">Back to the files</a></p>`;

/** For everything that is no link: nothing tells a wrong secret from one that never was. */
export const unknownPage = (): string =>
  messagePage(
    'There is nothing here',
    'This link does not exist, or it has been withdrawn. Check that it was copied whole, or ask whoever sent it for a new one.',
  );

export const expiredPage = (): string =>
  messagePage('This link has expired', 'Ask whoever sent it for a new one.');

export const usedUpPage = (): string =>
  messagePage(
    'This link has been used up',
    'The files have been downloaded as often as the link allows. Ask whoever sent it for a new one.',
  );

/** A file is no longer what was shared. */
export const changedPage = (path: string, destPath: string | null): string =>
  messagePage(
    'This file is not what it was',
    `${destPath === null ? 'A file' : `“${destPath.replace(/^\/+/, '')}”`} has been changed, moved or removed since the link was made, so it cannot be downloaded. Ask whoever sent the link for a new one.`,
    back(path),
  );

export const failedPage = (path: string): string =>
  messagePage(
    'This does not work now',
    'The server cannot read the files. Try again later.',
    back(path),
  );

export const busyPage = (): string =>
  messagePage('Too many downloads', 'The server has its hands full. Try again in a minute.');

export const lockedPage = (seconds: number): string =>
  messagePage(
    'Too many attempts',
    `There were too many attempts from your address. Try again in ${countText(Math.ceil(seconds / 60), 'minute')}.`,
  );

export const methodPage = (): string =>
  messagePage('This is for reading only', 'Open the link in a browser, or download with GET.');

export const passwordPage = (path: string, isWrong: boolean): string =>
  documentOf(
    'A password is needed',
    html`<h1>A password is needed</h1>
<p class="soft">Whoever sent you this link knows it.</p>
${isWrong ? html`<p class="bad" id="wrong" role="alert">That was not the password.</p>` : ''}
<form method="post" action="${path}"><label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="off" required autofocus maxlength="1024"${
      isWrong ? html` aria-invalid="true" aria-describedby="wrong"` : ''
    }>
<button class="button main" type="submit">Show the files</button></form>`,
  );

const nameOf = (entry: ListedEntry): string => entry.destPath.replace(/^\/+/, '') || '/';

const row = (path: string, entry: ListedEntry): Html => {
  const name = nameOf(entry);
  if (entry.kind !== 'file') {
    const kind = entry.kind === 'directory' ? 'Empty folder' : 'Link, left out';
    return html`<li><div class="name"><bdi>${name}</bdi><span class="soft">${kind}</span></div></li>`;
  }
  return html`<li><div class="name"><bdi>${name}</bdi><span class="soft">${sizeText(entry.size)}</span></div>
<a class="button" href="${path}/file/${entry.index}" download aria-label="Download ${name}">Download</a></li>`;
};

const pageLinks = (path: string, number: number, last: number): Html | '' => {
  if (last <= 1) return '';
  const link = (to: number, text: string): Html | '' =>
    to < 1 || to > last ? '' : html`<a class="button" href="${path}/page/${to}">${text}</a>`;
  return html`<nav aria-label="Pages">${link(number - 1, 'Previous')}<span class="soft">Page ${number} of ${last}</span>${link(number + 1, 'Next')}</nav>`;
};

const untilText = ({ expiryTimeUs, downloadLimit, downloadCount }: StoredLink): string => {
  const parts = [
    ...(expiryTimeUs === null ? [] : [`until ${timeText(expiryTimeUs)}`]),
    ...(downloadLimit === null
      ? []
      : [`${countText(Math.max(0, downloadLimit - downloadCount), 'download')} left`]),
  ];
  return parts.length === 0 ? '' : ` · ${parts.join(' · ')}`;
};

export interface FilesPage {
  /** Path of the link. */
  readonly path: string;
  readonly link: StoredLink;
  readonly list: ListedPage;
  readonly number: number;
}

/** The list of the files, with a button for each and one for all of them. */
export const filesPage = ({ path, link, list, number }: FilesPage): string => {
  const title = link.description === '' ? 'Files for you' : link.description;
  const { entries, totalEntries, totalFiles, totalBytes } = list;
  const last = Math.ceil(totalEntries / LINK_LIMITS.pageEntries);
  const summary = `${countText(totalFiles, 'file')}, ${sizeText(totalBytes)}${untilText(link)}`;
  const all =
    totalFiles < 2
      ? ''
      : html`<p><a class="button main" href="${path}/archive" download>Download all as zip</a></p>`;
  return documentOf(
    title,
    html`<h1><bdi>${title}</bdi></h1><p class="soft">${summary}</p>
${all}<ul aria-label="Files">${entries.map((entry) => row(path, entry))}</ul>${pageLinks(path, number, last)}`,
  );
};
