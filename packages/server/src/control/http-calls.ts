/** Calls over HTTP: `POST /api/<method>` and `POST /rpc`. Each call logs in by its own headers. */
import { Readable } from 'node:stream';
import { CommandError, ERRORS, type HttpErrorBody } from '@jetstream/contract';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../sessions/caller.js';
import type { Dispatcher } from './dispatcher.js';
import { bodyBytes, encodeResult, type ReplyBody } from './reply-body.js';
import type { RequestBodies } from './request-bodies.js';
import { answerMessage, parseJson, rpcError } from './rpc-messages.js';

/** Logs a single call in. */
export interface HttpLogin {
  /**
   * @param headers Of the request: `authorization`, `x-jetstream-level`,
   * `x-jetstream-token-session`.
   * @returns Null when there is no `authorization`.
   * @throws {CommandError} `auth_failed`, `auth_locked`, `permission_denied`.
   */
  login(headers: FastifyRequest['headers'], address: string): Promise<Caller | null>;
}

export interface HttpCallsOptions {
  readonly dispatcher: Dispatcher;
  readonly httpLogin: HttpLogin;
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** The address of a client, IPv4 ones in their usual form. */
export const addressOf = (request: FastifyRequest): string => request.ip.replace(/^::ffff:/, '');

/** Fires when the client goes away before it has its answer. */
const clientSignal = (reply: FastifyReply): AbortSignal => {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
};

const send = (reply: FastifyReply, status: number, body: ReplyBody): FastifyReply => {
  void reply.code(status).header('content-type', JSON_TYPE);
  return reply.send(typeof body === 'string' ? body : Readable.from(bodyBytes(body)));
};

/** Answers with an error in the form of `/api`. */
export const sendError = (reply: FastifyReply, error: CommandError, status?: number) => {
  const body: HttpErrorBody = {
    error: { code: error.code, message: error.message, details: error.details },
  };
  if (error.code === 'not_authenticated' || error.code === 'auth_failed') {
    void reply.header('www-authenticate', 'Bearer, Basic realm="JetStream", charset="UTF-8"');
  }
  return send(reply, status ?? ERRORS[error.code].httpStatus, JSON.stringify(body));
};

const parseBody = (body: unknown): unknown => {
  const text = typeof body === 'string' ? body : '';
  if (text.trim() === '') return {};
  const parsed = parseJson(text);
  if ('error' in parsed) throw parsed.error;
  if (parsed.value !== null && typeof parsed.value !== 'object') {
    throw new CommandError(
      'invalid_request',
      'Cannot read the body: it is no object, expected the parameters as a JSON object',
    );
  }
  return parsed.value;
};

const asCommandError = (error: unknown): CommandError => {
  if (error instanceof CommandError) return error;
  throw error;
};

type Refuse = (reply: FastifyReply, error: CommandError) => FastifyReply;

/** Adds both routes to a server whose bodies arrive as text. */
export const addHttpCalls = (
  server: FastifyInstance,
  options: HttpCallsOptions,
  bodies: RequestBodies,
): void => {
  const { dispatcher, httpLogin } = options;
  /** Before the body is read; the call itself asks again, because a body may take minutes. */
  const admit = (refuse: Refuse) => async (request: FastifyRequest, reply: FastifyReply) => {
    const login = () => httpLogin.login(request.headers, addressOf(request));
    try {
      await bodies.admit(request, reply, login);
      return undefined;
    } catch (error) {
      return refuse(reply, asCommandError(error));
    }
  };
  const refuseCall: Refuse = (reply, error) => sendError(reply, error);
  const api = { onRequest: admit(refuseCall) };

  server.post<{ Params: { method: string } }>('/api/:method', api, async (request, reply) => {
    try {
      const params = parseBody(request.body);
      const caller = await httpLogin.login(request.headers, addressOf(request));
      const origin = { caller, session: null, signal: clientSignal(reply) };
      const encoded = encodeResult(await dispatcher.call(request.params.method, params, origin));
      return send(reply, 200, typeof encoded === 'string' ? encoded : [encoded]);
    } catch (error) {
      return sendError(reply, asCommandError(error));
    }
  });

  const refuseMessage: Refuse = (reply, error) => {
    const failure = rpcError(error);
    const body = JSON.stringify({ jsonrpc: '2.0', id: null, error: failure });
    return send(reply, ERRORS[failure.data.code].httpStatus, body);
  };
  server.post('/rpc', { onRequest: admit(refuseMessage) }, async (request, reply) => {
    let caller: Caller | null;
    try {
      caller = await httpLogin.login(request.headers, addressOf(request));
    } catch (error) {
      return refuseMessage(reply, asCommandError(error));
    }
    const origin = { caller, session: null, signal: clientSignal(reply) };
    const text = typeof request.body === 'string' ? request.body : '';
    const answer = await answerMessage(text, (method, params) =>
      dispatcher.call(method, params, origin),
    );
    return answer === null ? reply.code(204).send() : send(reply, 200, answer);
  });
};
