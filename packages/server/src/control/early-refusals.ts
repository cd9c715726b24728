/**
 * What is refused before there is a request: heads that are too large, too slow or no HTTP. The
 * answers have the form and the codes of all other errors.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { CommandError, type HttpErrorBody } from '@jetstream/contract';
import { CONTROL_LIMITS } from './limits.js';

interface Refusal {
  readonly status: number;
  readonly error: CommandError;
}

const refusalOf = (code: string | undefined): Refusal => {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return {
        status: 431,
        error: new CommandError(
          'message_too_large',
          `Cannot read the request: its head is too large, expected at most ${CONTROL_LIMITS.httpHeaderBytesMax} bytes`,
        ),
      };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        status: 408,
        error: new CommandError('timeout', 'Cannot read the request: it did not arrive in time'),
      };
    default:
      return {
        status: 400,
        error: new CommandError('invalid_request', 'Cannot read the request: it is malformed'),
      };
  }
};

const answerText = ({ status, error }: Refusal): string => {
  const { code, message, details } = error;
  const body = JSON.stringify({ error: { code, message, details } } satisfies HttpErrorBody);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
};

/** An answer that has begun on the connection: another one in the middle of it would be read as a part of it. */
const isAnswering = (socket: Socket): boolean => {
  const { _httpMessage: answer } = socket as { _httpMessage?: { headersSent?: boolean } | null };
  return answer?.headersSent === true;
};

/**
 * Answers what Node's HTTP server could not read, and closes the connection. The client may still be
 * sending: closing at once would take the answer away from it, so that it gets a moment.
 */
export const refuseEarly = (error: NodeJS.ErrnoException, socket: Socket): void => {
  // Told again for each further piece of the same nonsense.
  if (socket.destroyed || socket.writableEnded) return;
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  const patience = setTimeout(() => socket.destroy(), CONTROL_LIMITS.closeMs);
  socket.on('close', () => clearTimeout(patience));
  socket.end(answerText(refusalOf(error.code)));
};
