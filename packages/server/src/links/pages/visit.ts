/** A request that has shown a valid secret, and the form of its answer. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { StoredLink } from '../link-store.js';
import type { LinkTarget } from './link-target.js';

export interface Visit {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly target: LinkTarget;
  readonly link: StoredLink;
  /** Path of the link's own page. */
  readonly path: string;
  readonly address: string;
  /** Names the browser; a new one when it came without. */
  readonly key: string;
}

/** Answers with a page. */
export const sendPage = (reply: FastifyReply, status: number, page: string): FastifyReply =>
  reply.code(status).header('content-type', 'text/html; charset=utf-8').send(page);
