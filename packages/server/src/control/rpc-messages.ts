/**
 * JSON-RPC 2.0: text in, text out. Shared by the WebSocket and `POST /rpc`.
 *
 * @see https://www.jsonrpc.org/specification
 */
import { CommandError, ERRORS, type RpcErrorObject } from '@jetstream/contract';
import { CONTROL_LIMITS } from './limits.js';
import { type BodyPart, encodeResult, joinBodies, type ReplyBody } from './reply-body.js';

type Id = string | number | null;

/** Runs one call; throws {@link CommandError} only. */
export type RpcTarget = (method: string, params: unknown) => Promise<unknown>;

interface ParsedCall {
  /** Undefined for a notification, which gets no reply. */
  readonly id: Id | undefined;
  readonly method: string;
  readonly params: unknown;
}

export const rpcError = (error: CommandError): RpcErrorObject => ({
  code: ERRORS[error.code].rpcCode,
  message: error.message,
  data: { code: error.code, details: error.details },
});

const errorReply = (id: Id, error: CommandError): string =>
  JSON.stringify({ jsonrpc: '2.0', id, error: rpcError(error) });

const resultReply = (id: Id, result: unknown): ReplyBody => {
  const head = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`;
  const encoded: BodyPart = encodeResult(result);
  return typeof encoded === 'string' ? `${head}${encoded}}` : [head, encoded, '}'];
};

const invalid = (actual: string): CommandError =>
  new CommandError(
    'invalid_request',
    `Cannot read the call: ${actual}, expected {"jsonrpc": "2.0", "id": …, "method": "…", "params": {…}}`,
  );

const isId = (id: unknown): id is Id =>
  id === null || typeof id === 'string' || (typeof id === 'number' && Number.isFinite(id));

const idOf = (message: unknown): Id => {
  const id =
    typeof message === 'object' && message !== null ? (message as { id?: unknown }).id : null;
  return isId(id) ? id : null;
};

const parseCall = (message: unknown): ParsedCall => {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw invalid('it is no object');
  }
  const { jsonrpc, id, method, params } = message as Record<string, unknown>;
  if (jsonrpc !== '2.0') throw invalid('"jsonrpc" is not "2.0"');
  if (typeof method !== 'string') throw invalid('"method" is no text');
  if (id !== undefined && !isId(id)) throw invalid('"id" is no text, number or null');
  if (params !== undefined && params !== null && typeof params !== 'object') {
    throw invalid('"params" is no object or array');
  }
  return { id, method, params };
};

const answerOne = async (message: unknown, target: RpcTarget): Promise<ReplyBody | null> => {
  let call: ParsedCall;
  try {
    call = parseCall(message);
  } catch (error) {
    return errorReply(idOf(message), error as CommandError);
  }
  try {
    const result = await target(call.method, call.params);
    return call.id === undefined ? null : resultReply(call.id, result);
  } catch (error) {
    return call.id === undefined ? null : errorReply(call.id, error as CommandError);
  }
};

/** One after the other, so that a call may rely on the one before it. */
const answerBatch = async (
  messages: readonly unknown[],
  target: RpcTarget,
): Promise<ReplyBody | null> => {
  if (messages.length === 0) return errorReply(null, invalid('it is an empty batch'));
  if (messages.length > CONTROL_LIMITS.batchCallsMax) {
    return errorReply(
      null,
      new CommandError(
        'batch_too_large',
        `Cannot run the batch: ${messages.length} calls, expected at most ${CONTROL_LIMITS.batchCallsMax}`,
      ),
    );
  }
  const replies: ReplyBody[] = [];
  for (const message of messages) {
    const reply = await answerOne(message, target);
    if (reply !== null) replies.push(reply);
  }
  if (replies.length === 0) return null;
  return joinBodies(
    '[',
    ...replies.flatMap((reply, at) => (at === 0 ? [reply] : [',', reply])),
    ']',
  );
};

/** The reply to text that is not JSON. */
export const unreadable = (error: unknown): CommandError =>
  new CommandError(
    'parse_error',
    `Cannot read the message: it is not JSON (${error instanceof Error ? error.message.slice(0, 200) : 'unknown'})`,
  );

/** Parsed text of a message, or the error that says why it is none. */
export const parseJson = (text: string): { value: unknown } | { error: CommandError } => {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { error: unreadable(error) };
  }
};

/** Answers one message; null when nothing is to be sent. */
export const answerMessage = (text: string, target: RpcTarget): Promise<ReplyBody | null> => {
  const parsed = parseJson(text);
  if ('error' in parsed) return Promise.resolve(errorReply(null, parsed.error));
  return Array.isArray(parsed.value)
    ? answerBatch(parsed.value, target)
    : answerOne(parsed.value, target);
};
