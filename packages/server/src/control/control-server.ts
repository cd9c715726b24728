/**
 * The TLS port of the control API: WebSocket and JSON-RPC at `/rpc`, plain calls at `/api`, the
 * descriptions at `/openrpc.json` and `/openapi.json`, a life sign at `/healthz`. Only what has a route here exists.
 */
import type { AddressInfo } from 'node:net';
import { fastifyWebsocket } from '@fastify/websocket';
import { CommandError } from '@jetstream/contract';
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import { type Clock, every, type Timer } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import type { Metrics } from '../adapters/metrics/metrics.js';
import { SIGNATURES, type TlsPair } from '../adapters/tls/browser-certificate.js';
import type { IncomingStream } from '../data/data-plane.js';
import type { SessionRegistry } from '../sessions/session-registry.js';
import { limitConnections } from './connection-limit.js';
import type { Dispatcher } from './dispatcher.js';
import { refuseEarly } from './early-refusals.js';
import { addHttpCalls, addressOf, type HttpLogin, sendError } from './http-calls.js';
import { CONTROL_LIMITS } from './limits.js';
import { MessageBudget } from './message-budget.js';
import { addMetrics } from './metrics-route.js';
import { openApiDocument } from './openapi.js';
import { openRpcDocument } from './openrpc.js';
import { isOwnOrigin } from './origin.js';
import { RequestBodies } from './request-bodies.js';
import { sortStreams } from './stream-sorter.js';
import { type SessionLifetimes, WsSession } from './ws-session.js';

export interface ControlServerOptions {
  readonly host: string;
  readonly port: number;
  /** Keys and certificates, the one that clients remember first. */
  readonly tls: readonly TlsPair[];
  /** Whether a host name, lower case, is one of this server, for the check of web pages. */
  isOwnName(name: string): boolean;
  readonly dispatcher: Dispatcher;
  readonly registry: SessionRegistry;
  readonly httpLogin: HttpLogin;
  /** Adds the pages of download links. */
  readonly addPages: (server: FastifyInstance) => Promise<void>;
  /** Takes connections for file data; null serves none. */
  readonly takeStream: ((stream: IncomingStream) => void) | null;
  readonly metrics: Metrics;
  /** May read the metrics; null for superusers alone. */
  readonly metricsToken: string | null;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lifetimes: SessionLifetimes;
}

const CLOSE_GOING_AWAY = 1001;
const UNSUPPORTED_MEDIA_TYPE = 415;
const BAD_REQUEST = 400;

/**
 * In place of the compilers of JSON schemas that would be loaded otherwise, which takes longer than the
 * rest of the HTTP layer: calls are checked against the contract.
 */
const refuseSchemas = (): never => {
  throw new Error('Cannot add a route: it has a JSON schema, expected none');
};

/** Logs that a client has too many connections: once in a while, or the client would fill the log. */
const noteRefusals = ({ clock, logger }: ControlServerOptions): ((client: string) => void) => {
  let nextMs = 0;
  return (client) => {
    if (clock.monotonicMs() < nextMs) return;
    nextMs = clock.monotonicMs() + CONTROL_LIMITS.connectionsRefusedLogMs;
    const { connectionsPerClientMax: max } = CONTROL_LIMITS;
    logger.warn({ client, max }, 'a client has too many connections, further ones are closed');
  };
};

const createServer = (options: ControlServerOptions, bodies: RequestBodies): FastifyInstance => {
  const server = fastify({
    https: {
      key: options.tls.map(({ privateKeyPem }) => privateKeyPem),
      cert: options.tls.map(({ certificatePem }) => certificatePem),
      // With two, the server decides: it shows its identity to everyone who can check it.
      ...(options.tls.length > 1 ? { sigalgs: SIGNATURES, honorCipherOrder: true } : {}),
      minVersion: 'TLSv1.3',
      handshakeTimeout: CONTROL_LIMITS.handshakeMs,
      maxHeaderSize: CONTROL_LIMITS.httpHeaderBytesMax,
      headersTimeout: CONTROL_LIMITS.httpHeadersTimeoutMs,
      connectionsCheckingInterval: CONTROL_LIMITS.httpCheckMs,
    },
    logger: false,
    bodyLimit: CONTROL_LIMITS.messageBytesMax,
    requestTimeout: CONTROL_LIMITS.httpRequestTimeoutMs,
    keepAliveTimeout: CONTROL_LIMITS.httpKeepAliveMs,
    clientErrorHandler: refuseEarly,
    forceCloseConnections: true,
    return503OnClosing: true,
    // What cannot be routed at all, such as a name that is too long.
    frameworkErrors: (error, _request, reply) =>
      answerFailure(error, reply as unknown as FastifyReply, options.logger),
    // Names of methods and their case are part of the contract.
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false },
    schemaController: {
      compilersFactory: { buildValidator: refuseSchemas, buildSerializer: refuseSchemas },
    },
  });
  server.server.maxConnections = CONTROL_LIMITS.connectionsMax;
  if (options.takeStream !== null) sortStreams(server.server, options.takeStream);
  limitConnections(server.server, {
    perClientMax: CONTROL_LIMITS.connectionsPerClientMax,
    onRefused: noteRefusals(options),
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', (request, payload, done) =>
    bodies.read(request as unknown as FastifyRequest, payload, done),
  );
  return server as unknown as FastifyInstance;
};

/** Errors of the HTTP layer itself, before a call exists. */
const answerFailure = (error: FastifyError, reply: FastifyReply, logger: Logger): void => {
  if (error instanceof CommandError) {
    sendError(reply, error);
    return;
  }
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      sendError(
        reply,
        new CommandError(
          'message_too_large',
          `Cannot read the body: it is too large, expected at most ${CONTROL_LIMITS.messageBytesMax} bytes`,
        ),
      );
      return;
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      sendError(
        reply,
        new CommandError(
          'invalid_request',
          'Cannot read the body: expected the content type application/json',
        ),
        UNSUPPORTED_MEDIA_TYPE,
      );
      return;
    default: {
      const status = error.statusCode ?? 500;
      if (status < 500) {
        const message = 'Cannot read the request: it is malformed';
        sendError(reply, new CommandError('invalid_request', message), BAD_REQUEST);
        return;
      }
      logger.error({ err: error }, 'an HTTP request failed unexpectedly');
      sendError(reply, new CommandError('internal', 'Cannot answer the request'));
    }
  }
};

const addHooks = (server: FastifyInstance, options: ControlServerOptions): void => {
  server.addHook('onRequest', async (request, reply) => {
    const { origin, host } = request.headers;
    if (request.routeOptions.config.servesAnySite === true) return undefined;
    if (isOwnOrigin(origin, host, options.isOwnName)) return undefined;
    return sendError(
      reply,
      new CommandError(
        'permission_denied',
        'Cannot serve the request: it comes from a page of another site',
      ),
    );
  });
  server.setErrorHandler<FastifyError>((error, _request, reply) =>
    answerFailure(error, reply, options.logger),
  );
  server.setNotFoundHandler((request, reply) =>
    sendError(
      reply,
      new CommandError(
        'not_found',
        `Cannot serve ${request.method} ${request.url.slice(0, 200)}: no such route, expected POST /api/<method>, POST /rpc, wss /rpc, GET /openrpc.json, GET /openapi.json, GET /metrics or GET /healthz`,
      ),
    ),
  );
};

const addSessions = (
  server: FastifyInstance,
  options: ControlServerOptions,
  budget: MessageBudget,
): void => {
  const { registry } = options;
  server.route({
    method: 'GET',
    url: '/rpc',
    websocket: true,
    preValidation: async (request, reply) => {
      const { sessionsMax, sessionsPerAddressMax } = CONTROL_LIMITS;
      const here = registry.countAt(addressOf(request));
      if (here < sessionsPerAddressMax && registry.count < sessionsMax) return undefined;
      const message = `Cannot open a session: ${here} are open from this address and ${registry.count} in all, expected fewer than ${sessionsPerAddressMax} and ${sessionsMax}`;
      return sendError(reply, new CommandError('too_many_requests', message));
    },
    handler: (socket, request) => {
      new WsSession({
        socket,
        stream: request.raw.socket,
        address: addressOf(request),
        dispatcher: options.dispatcher,
        registry,
        budget,
        clock: options.clock,
        lifetimes: options.lifetimes,
      });
    },
  });
};

/** A document that is made when it is first asked for. */
const addDescription = (server: FastifyInstance, url: string, describe: () => object): void => {
  let text: string | null = null;
  server.get(url, (_request, reply) => {
    text ??= JSON.stringify(describe());
    return reply.header('content-type', 'application/json; charset=utf-8').send(text);
  });
};

export class ControlServer {
  readonly #server: FastifyInstance;
  readonly #options: ControlServerOptions;
  readonly #budget = new MessageBudget();
  readonly #bodies = new RequestBodies(this.#budget);
  #lifeChecks: Timer | null = null;
  #stopping = false;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#server = createServer(options, this.#bodies);
  }

  /** Listens; resolves with the port in use. */
  async start(): Promise<number> {
    const server = this.#server;
    addHooks(server, this.#options);
    await server.register(fastifyWebsocket, {
      options: { maxPayload: CONTROL_LIMITS.messageBytesMax, perMessageDeflate: false },
      // Sessions explain themselves; the plug-in would close with a code of its own.
      errorHandler: () => {},
      preClose: (done: () => void) => done(),
    });
    addSessions(server, this.#options, this.#budget);
    addHttpCalls(server, this.#options, this.#bodies);
    await this.#options.addPages(server);
    const { metrics, metricsToken: token, httpLogin } = this.#options;
    addMetrics(server, { metrics, token, httpLogin });
    addDescription(server, '/openrpc.json', openRpcDocument);
    addDescription(server, '/openapi.json', openApiDocument);
    server.get('/healthz', (_request, reply) =>
      reply.code(this.#stopping ? 503 : 200).send({ status: this.#stopping ? 'stopping' : 'ok' }),
    );
    await server.listen({ host: this.#options.host, port: this.#options.port });
    this.#lifeChecks = every(this.#options.clock, CONTROL_LIMITS.pingIntervalMs, () =>
      this.#options.registry.checkLife(),
    );
    return (server.server.address() as AddressInfo).port;
  }

  /** Says in `/healthz` that the end is near, so that load balancers go elsewhere. */
  drain(): void {
    this.#stopping = true;
  }

  /** Closes all sessions and the port. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#lifeChecks?.cancel();
    const { registry, clock } = this.#options;
    registry.closeAll(CLOSE_GOING_AWAY, 'the server is stopping');
    // Clients that do not say goodbye must not keep the server.
    const patience = clock.after(CONTROL_LIMITS.closeMs, () => registry.terminateAll());
    await this.#server.close();
    patience.cancel();
  }
}
