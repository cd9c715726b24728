/**
 * `GET /metrics`: figures for monitoring. They tell what a server does and for how many, so they are
 * not for everybody: for the bearer of the token in `--metrics-token-file`, and for superusers.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { CommandError } from '@jetstream/contract';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Metrics } from '../adapters/metrics/metrics.js';
import { addressOf, type HttpLogin, sendError } from './http-calls.js';

export interface MetricsRouteOptions {
  readonly metrics: Metrics;
  /** Null lets nobody in but superusers. */
  readonly token: string | null;
  readonly httpLogin: HttpLogin;
}

const BEARER = /^Bearer (.+)$/;
const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** @throws {CommandError} `not_authenticated`, `permission_denied`, or what the login raises. */
const checkReader = async (
  request: FastifyRequest,
  { token, httpLogin }: MetricsRouteOptions,
): Promise<void> => {
  const given = BEARER.exec(request.headers.authorization ?? '')?.[1];
  if (token !== null && given !== undefined && timingSafeEqual(hashOf(given), hashOf(token))) {
    return;
  }
  const caller = await httpLogin.login(request.headers, addressOf(request));
  if (caller?.level === 'superuser') return;
  throw caller === null
    ? new CommandError(
        'not_authenticated',
        'Cannot read the metrics: nobody is logged in, expected the token of --metrics-token-file or a superuser',
      )
    : new CommandError(
        'permission_denied',
        `Cannot read the metrics: the level is "${caller.level}", expected "superuser" (X-JetStream-Level)`,
      );
};

/** Adds the route. */
export const addMetrics = (server: FastifyInstance, options: MetricsRouteOptions): void => {
  server.get('/metrics', async (request, reply) => {
    try {
      await checkReader(request, options);
    } catch (error) {
      if (error instanceof CommandError) return sendError(reply, error);
      throw error;
    }
    const { contentType, text } = await options.metrics.read();
    return reply.header('content-type', contentType).header('cache-control', 'no-store').send(text);
  });
};
