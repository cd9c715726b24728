/**
 * Download links in a plain browser: `GET /d/<token>` and what is below it. Nothing here needs a
 * login of the API, so everything is refused that has no form in `link-target.ts`, and whoever has
 * no valid token sees one and the same page.
 *
 * The path holds the secret. It is never logged, no page tells it to another site, and what is
 * answered may not be kept.
 */
import { CommandError } from '@jetstream/contract';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../adapters/clock/clock.js';
import type { Logger } from '../../adapters/log/logger.js';
import { addressOf } from '../../control/http-calls.js';
import type { ManifestStore } from '../../manifests/manifest-store.js';
import type { ContentPlace } from '../content/content-messages.js';
import type { ContentReader } from '../content/content-reader.js';
import { LINK_LIMITS } from '../limits.js';
import type { LinkGate } from '../link-gate.js';
import type { StoredLink } from '../link-store.js';
import { newRedemptionKey, PasswordCookies, redemptionCookie, redemptionKeyOf } from './cookies.js';
import type { DownloadDesk } from './download-desk.js';
import { serveDownload } from './file-answer.js';
import { LINK_PREFIX, parseLinkTarget } from './link-target.js';
import { PAGE_HEADERS } from './page-frame.js';
import {
  expiredPage,
  failedPage,
  filesPage,
  lockedPage,
  methodPage,
  passwordPage,
  unknownPage,
  usedUpPage,
} from './page-texts.js';
import { sendPage, type Visit } from './visit.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Pages that anybody may point at: what they do does not rest on who is logged in. */
    readonly servesAnySite?: boolean;
  }
}

export interface LinkPagesOptions {
  readonly gate: Pick<LinkGate, 'checkPassword' | 'find' | 'guessed'>;
  readonly desk: DownloadDesk;
  readonly content: Pick<ContentReader, 'list' | 'open'>;
  readonly manifests: Pick<ManifestStore, 'find'>;
  /** Where the files of a link are, and what its owner sees now. */
  readonly placeOf: (link: StoredLink) => Promise<ContentPlace>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Password of `Authorization: Basic`, whatever the name; for clients without forms. */
const basicPassword = (request: FastifyRequest): string | null => {
  const encoded = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  return text.slice(text.indexOf(':') + 1);
};

const formPassword = (request: FastifyRequest): string | null => {
  const text = typeof request.body === 'string' ? request.body : '';
  return new URLSearchParams(text).get('password');
};

/** @see the head of this file */
export class LinkPages {
  readonly #options: LinkPagesOptions;
  readonly #passwords = new PasswordCookies();

  constructor(options: LinkPagesOptions) {
    this.#options = options;
  }

  /** Adds the routes, with a form parser of their own. */
  async addTo(server: FastifyInstance): Promise<void> {
    await server.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser(
        '*',
        { parseAs: 'string', bodyLimit: LINK_LIMITS.formBytesMax },
        (_request, body, done) => done(null, body),
      );
      scope.setErrorHandler<Error & { statusCode?: number }>((error, _request, reply) => {
        const status = error.statusCode ?? 500;
        if (status >= 500) this.#options.log.error({ err: error }, 'a page failed unexpectedly');
        return sendPage(reply, status, failedPage(''));
      });
      scope.addHook('onRequest', async (_request, reply) => {
        void reply.headers(PAGE_HEADERS);
      });
      scope.route({
        method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
        url: `${LINK_PREFIX}*`,
        config: { servesAnySite: true },
        handler: (request, reply) => this.#answer(request, reply),
      });
    });
  }

  async #answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { method } = request;
    const target = parseLinkTarget(request.url);
    const isForm = method === 'POST' && (target === null || target.kind === 'page');
    if (method !== 'GET' && method !== 'HEAD' && !isForm) {
      void reply.header('allow', 'GET, HEAD, POST');
      return sendPage(reply, 405, methodPage());
    }
    const address = addressOf(request);
    const found = target === null ? null : await this.#options.gate.find(target.token);
    if (target === null || found === null) return this.#unknown(reply, address);
    const { link, state } = found;
    if ((await this.#options.manifests.find(link.manifestId)) === null) {
      return sendPage(reply, 404, unknownPage());
    }
    if (state === 'expired') return sendPage(reply, 410, expiredPage());
    const given = redemptionKeyOf(request.headers.cookie);
    const path = `${LINK_PREFIX}${target.token}`;
    const visit = { request, reply, target, link, path, address, key: given ?? newRedemptionKey() };
    const isRedeeming = given !== null && (await this.#options.desk.isRedeeming(link, given));
    // A download that has begun goes on, and its address may be all that tells of it.
    const mayGoOn = isRedeeming || (target.kind !== 'page' && request.headers.range !== undefined);
    if (state === 'used up' && !mayGoOn) return sendPage(reply, 410, usedUpPage());
    if (!isRedeeming) {
      const refusal = await this.#askPassword(visit);
      if (refusal !== null) return refusal;
    }
    if (isForm) return reply.code(303).header('location', path).send();
    if (given === null) void reply.header('set-cookie', redemptionCookie(visit.key, path));
    return this.#serve(visit);
  }

  /** The page of a link, or a download. */
  async #serve(visit: Visit): Promise<FastifyReply> {
    const { reply, target, link, path } = visit;
    const place = await this.#options.placeOf(link);
    if (target.kind !== 'page') {
      return serveDownload(visit, { ...this.#options, place, target });
    }
    const offset = (target.number - 1) * LINK_LIMITS.pageEntries;
    try {
      const page = { offset, limit: LINK_LIMITS.pageEntries };
      const list = await this.#options.content.list(place, page);
      return sendPage(reply, 200, filesPage({ path, link, list, number: target.number }));
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      if (error.code === 'not_found') return sendPage(reply, 404, unknownPage());
      this.#options.log.warn({ tokenId: link.id, err: error }, 'the files of a link are not there');
      return sendPage(reply, 503, failedPage(path));
    }
  }

  async #unknown(reply: FastifyReply, address: string): Promise<FastifyReply> {
    try {
      return await this.#options.gate.guessed(address);
    } catch (error) {
      return this.#refuse(reply, error, () => sendPage(reply, 404, unknownPage()));
    }
  }

  /** @returns Null when the password was given, or is not asked for. */
  async #askPassword(visit: Visit): Promise<FastifyReply | null> {
    const { request, reply, link, path, address } = visit;
    const { gate, clock } = this.#options;
    if (link.passwordHash === null) return null;
    const { cookie } = request.headers;
    if (this.#passwords.isValid(cookie, link, clock.nowUs())) return null;
    const given = request.method === 'POST' ? formPassword(request) : basicPassword(request);
    if (given === null || given === '') return sendPage(reply, 403, passwordPage(path, false));
    try {
      await gate.checkPassword(link, given, address);
    } catch (error) {
      return this.#refuse(reply, error, () => sendPage(reply, 403, passwordPage(path, true)));
    }
    void reply.header('set-cookie', this.#passwords.make(link, clock.nowUs(), path));
    return null;
  }

  #refuse(reply: FastifyReply, error: unknown, otherwise: () => FastifyReply): FastifyReply {
    if (!(error instanceof CommandError)) throw error;
    if (error.code !== 'auth_locked') return otherwise();
    const seconds = Number(error.details.retryAfterSeconds ?? 1);
    void reply.header('retry-after', String(seconds));
    return sendPage(reply, 429, lockedPage(seconds));
  }
}
