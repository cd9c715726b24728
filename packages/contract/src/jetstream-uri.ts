/**
 * `jetstream://` URIs, as programs and people hand them on, and the links for browsers beside them.
 *
 *     jetstream://host[:port]/connect
 *     jetstream://host[:port]/download?token=…
 *     jetstream:///                            the client itself
 *     https://host[:port]/d/…                  the page of a download
 *
 * The user part is ignored, like the fragment and parameters that are not known. Actions need a host.
 */
import { DEFAULT_API_PORT } from './constants.js';
import { CommandError } from './errors.js';

/** A server as a URI names it; IPv6 without brackets. */
export interface UriPlace {
  readonly host: string;
  /** TCP port of the control API. */
  readonly port: number;
}

export type JetStreamUri =
  | { readonly action: 'client' }
  | ({ readonly action: 'connect' } & UriPlace)
  | ({ readonly action: 'download'; readonly token: string } & UriPlace);

/** What redeems a shared token. */
export type DownloadLink = UriPlace & { readonly token: string };

const HTTPS_PORT = 443;
const SHOWN_CHARACTERS_MAX = 40;
const URI = /^jetstream:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?$/is;
const PAGE = /^https:\/\/([^/?#]*)\/d\/([A-Za-z0-9._-]{1,512})\/?(?:[?#].*)?$/is;
const AUTHORITY = /^(?:[^@]*@)?(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::(\d{0,5}))?$/i;

/** The text may hold a secret, so an error shows no more than its beginning. */
const unusable = (text: string, actual: string, wanted: string): CommandError => {
  const beginning = text.slice(0, SHOWN_CHARACTERS_MAX).replace(/\/(d|download)\b.*$/is, '/$1…');
  return new CommandError(
    'invalid_params',
    `Cannot use the link ${JSON.stringify(beginning)}: ${actual}, expected ${wanted}`,
  );
};

const parsePlace = (text: string, authority: string, defaultPort: number): UriPlace => {
  const [, host, digits = ''] = AUTHORITY.exec(authority) ?? [];
  if (host === undefined) throw unusable(text, 'it names no host', '"host" or "host:port"');
  const port = digits === '' ? defaultPort : Number(digits);
  if (port < 1 || port > 65_535) throw unusable(text, `its port is ${port}`, '1 to 65535');
  return { host: host.replace(/^\[(.*)\]$/, '$1').toLowerCase(), port };
};

const decoded = (value: string): string => {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    return value;
  }
};

/** Values of a query parameter, decoded. */
const valuesOf = (query: string, name: string): string[] =>
  query
    .split('&')
    .map((pair) => pair.split(/=(.*)/s, 2) as [string, string?])
    .filter(([key]) => decoded(key) === name)
    .map(([, value = '']) => decoded(value));

/**
 * Parses a `jetstream://` URI.
 *
 * @throws {CommandError} `invalid_params`
 */
export const parseJetStreamUri = (text: string): JetStreamUri => {
  const [, authority = '', path, query = ''] = URI.exec(text.trim()) ?? [];
  if (path === undefined) throw unusable(text, 'it is no JetStream URI', '"jetstream://host/…"');
  const action = path.replace(/^\//, '').replace(/\/$/, '').toLowerCase();
  if (authority === '' && action === '') return { action: 'client' };
  const place = parsePlace(text, authority, DEFAULT_API_PORT);
  if (action === 'connect') return { action, ...place };
  if (action !== 'download') {
    throw unusable(text, `its action is "${action.slice(0, 20)}"`, '"connect" or "download"');
  }
  const [token, ...more] = valuesOf(query, 'token');
  if (token === undefined || token === '' || more.length > 0) {
    const count = token === undefined ? 'no' : token === '' ? 'an empty' : 'more than one';
    throw unusable(text, `it has ${count} token`, '"download?token=…"');
  }
  return { action, ...place, token };
};

/**
 * Parses a link that redeems a shared token: a download URI, or the address of its page.
 *
 * @throws {CommandError} `invalid_params`
 */
export const parseDownloadLink = (text: string): DownloadLink => {
  const [, authority = '', token] = PAGE.exec(text.trim()) ?? [];
  if (token !== undefined) return { ...parsePlace(text, authority, HTTPS_PORT), token };
  if (/^https:/i.test(text.trim())) {
    throw unusable(text, 'it is no page of a download', '"https://host:port/d/…"');
  }
  const uri = parseJetStreamUri(text);
  if (uri.action !== 'download') {
    throw unusable(text, 'it is not for a download', '"jetstream://host/download?token=…"');
  }
  const { host, port } = uri;
  return { host, port, token: uri.token };
};

const authorityOf = ({ host, port }: UriPlace, defaultPort: number): string =>
  (host.includes(':') ? `[${host}]` : host) + (port === defaultPort ? '' : `:${port}`);

/** The URI that programs take, and the address of the page that browsers take. */
export const formatDownloadLink = (link: DownloadLink): { uri: string; url: string } => ({
  uri: `jetstream://${authorityOf(link, DEFAULT_API_PORT)}/download?token=${encodeURIComponent(link.token)}`,
  url: `https://${authorityOf(link, HTTPS_PORT)}/d/${link.token}`,
});
