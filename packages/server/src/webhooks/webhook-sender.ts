/**
 * One attempt to deliver: a POST to an address that was checked, no redirect, no proxy, a limit in
 * time, and nothing read of the answer but its status.
 */
import dns from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { BUILD_VERSION, CommandError } from '@jetstream/contract';
import { isPublicAddress } from './address-guard.js';

/** Milliseconds for one attempt from the look-up of the name to the status. */
export const WEBHOOK_ATTEMPT_MS = 15_000;
/** Bytes of the headers of an answer. */
const ANSWER_HEADER_BYTES_MAX = 16_384;

/** How an attempt ended. */
export interface AttemptEnd {
  readonly httpStatus: number | null;
  /** Null when it was delivered. */
  readonly error: string | null;
}

export interface Attempt {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly allowPrivate: boolean;
  readonly signal: AbortSignal;
}

const refusal = (host: string): string =>
  `"${host}" is a loopback, link-local or private address, expected a public one (--webhook-allow-private)`;

/**
 * Parses the URL of a webhook.
 *
 * @throws {CommandError} `invalid_params` if it is none that may ever be used.
 */
export const parseWebhookUrl = (text: string, allowPrivate: boolean): URL => {
  const refuse = (why: string): CommandError =>
    new CommandError('invalid_params', `Cannot use "url": ${why}`, {
      details: { parameter: 'url' },
    });
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw refuse('expected an absolute URL of https or http');
  }
  if (url.username !== '' || url.password !== '') throw refuse('it holds a user, expected none');
  if (url.hash !== '') throw refuse('it holds a fragment, expected none');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (!allowPrivate && isIP(host) !== 0 && !isPublicAddress(host)) throw refuse(refusal(host));
  return url;
};

/** Resolves a name and refuses it as a whole if any of its addresses is not public. */
const guardedLookup: LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const wrong = (addresses ?? []).find(({ address }) => !isPublicAddress(address));
    const [first] = addresses ?? [];
    if (error !== null) callback(error, '', 0);
    else if (wrong !== undefined || first === undefined) {
      callback(new Error(refusal(`${hostname} (${wrong?.address ?? 'no address'})`)), '', 0);
    } else if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

/** Makes one attempt; never rejects. */
export const sendWebhook = (attempt: Attempt): Promise<AttemptEnd> =>
  new Promise((resolve) => {
    const { headers, body, allowPrivate } = attempt;
    const fail = (error: unknown): void => {
      const message = error instanceof Error ? error.message : String(error);
      resolve({ httpStatus: null, error: message.slice(0, 500) });
    };
    let url: URL;
    try {
      url = parseWebhookUrl(attempt.url, allowPrivate);
    } catch (error) {
      fail(error);
      return;
    }
    const bytes = Buffer.from(body);
    const limit = AbortSignal.timeout(WEBHOOK_ATTEMPT_MS);
    const { request: open } = url.protocol === 'https:' ? https : http;
    const request = open(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': bytes.length,
        'user-agent': `jetstream/${BUILD_VERSION}`,
        ...headers,
      },
      agent: false,
      maxHeaderSize: ANSWER_HEADER_BYTES_MAX,
      signal: AbortSignal.any([attempt.signal, limit]),
      ...(allowPrivate ? {} : { lookup: guardedLookup }),
    });
    request.on('response', (response) => {
      const httpStatus = response.statusCode ?? 0;
      response.on('error', () => undefined);
      response.destroy();
      const isTaken = httpStatus >= 200 && httpStatus < 300;
      resolve({ httpStatus, error: isTaken ? null : `the receiver has answered ${httpStatus}` });
    });
    request.on('error', (error) => {
      fail(limit.aborted ? `no answer within ${WEBHOOK_ATTEMPT_MS / 1000} s` : error);
    });
    request.end(bytes);
  });
