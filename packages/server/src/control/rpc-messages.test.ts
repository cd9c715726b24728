import { CommandError } from '@jetstream/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonFile, JsonText } from '../requests/stored-json.js';
import { joinBodies } from './reply-body.js';
import { answerMessage } from './rpc-messages.js';

const calls: string[] = [];
const target = (method: string, params: unknown): Promise<unknown> => {
  calls.push(method);
  if (method === 'fail') {
    return Promise.reject(new CommandError('conflict', 'No', { details: { a: 1 } }));
  }
  return Promise.resolve(method === 'nothing' ? undefined : params);
};
const answer = async (message: unknown): Promise<unknown> => {
  const body = await answerMessage(
    typeof message === 'string' ? message : JSON.stringify(message),
    target,
  );
  if (body === null) return null;
  if (typeof body !== 'string') throw new Error('a file was not expected');
  return JSON.parse(body);
};
const codeOf = async (message: unknown): Promise<unknown> =>
  ((await answer(message)) as { error: { data: { code: string } } }).error.data.code;

describe('answerMessage', () => {
  test('answers a call with its id', async () => {
    const reply = await answer({ jsonrpc: '2.0', id: 'x', method: 'echo', params: { a: 1 } });
    expect(reply).toEqual({ jsonrpc: '2.0', id: 'x', result: { a: 1 } });
    const empty = await answer({ jsonrpc: '2.0', id: 1, method: 'nothing' });
    expect(empty).toEqual({ jsonrpc: '2.0', id: 1, result: null });
  });

  test('answers an error with number, text and stable code', async () => {
    expect(await answer({ jsonrpc: '2.0', id: 2, method: 'fail' })).toEqual({
      jsonrpc: '2.0',
      id: 2,
      error: { code: -32000, message: 'No', data: { code: 'conflict', details: { a: 1 } } },
    });
  });

  test('runs a notification and says nothing', async () => {
    calls.length = 0;
    expect(await answer({ jsonrpc: '2.0', method: 'echo' })).toBeNull();
    expect(await answer({ jsonrpc: '2.0', method: 'fail' })).toBeNull();
    expect(calls).toEqual(['echo', 'fail']);
  });

  test('refuses what is no call, with the id when it can be read', async () => {
    expect(await codeOf('{')).toBe('parse_error');
    expect(await codeOf('')).toBe('parse_error');
    for (const message of [
      1,
      null,
      'text',
      {},
      { jsonrpc: '1.0', id: 1, method: 'echo' },
      { jsonrpc: '2.0', id: 1, method: 7 },
      { jsonrpc: '2.0', id: {}, method: 'echo' },
      { jsonrpc: '2.0', id: 1, method: 'echo', params: 'x' },
    ]) {
      expect(await codeOf(JSON.stringify(message))).toBe('invalid_request');
    }
    expect(await answer({ jsonrpc: '2.0', id: 5 })).toMatchObject({ id: 5 });
  });

  test('answers a batch in its order, leaving notifications out', async () => {
    const call = (id: number | undefined, method: string) => ({ jsonrpc: '2.0', id, method });
    const reply = await answer([call(1, 'echo'), call(undefined, 'echo'), 1, call(2, 'fail')]);
    expect(reply).toMatchObject([
      { id: 1, result: null },
      { id: null, error: { code: -32600 } },
      { id: 2, error: { code: -32000 } },
    ]);
    expect(await answer([call(undefined, 'echo')])).toBeNull();
    expect(await codeOf([])).toBe('invalid_request');
    expect(await codeOf(Array.from({ length: 101 }, (_, id) => call(id, 'echo')))).toBe(
      'batch_too_large',
    );
  });

  test('passes stored JSON on as it is, and keeps files apart', async () => {
    const file = new JsonFile('/results/1.json', 10);
    const results = [new JsonText('{"kept":  true}'), file];
    const message = JSON.stringify(
      results.map((_, id) => ({ jsonrpc: '2.0', id, method: 'getRequestResult' })),
    );
    const body = await answerMessage(message, () => Promise.resolve(results.shift()));
    expect(body).toEqual([
      '[{"jsonrpc":"2.0","id":0,"result":{"kept":  true}},{"jsonrpc":"2.0","id":1,"result":',
      file,
      '}]',
    ]);
    expect(joinBodies('a', 'b')).toBe('ab');
  });

  test('property: any text gets one reply that is JSON-RPC, or none', async () => {
    const likely = fc.record(
      {
        jsonrpc: fc.constantFrom('2.0', '1.0', 2),
        id: fc.jsonValue({ maxDepth: 1 }),
        method: fc.oneof(fc.string(), fc.constantFrom('echo', 'fail'), fc.integer()),
        params: fc.jsonValue({ maxDepth: 2 }),
      },
      { requiredKeys: [] },
    );
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      likely.map((message) => JSON.stringify(message)),
      fc.array(likely, { maxLength: 3 }).map((messages) => JSON.stringify(messages)),
    );
    await fc.assert(
      fc.asyncProperty(text, async (message) => {
        const reply = await answer(message);
        for (const each of Array.isArray(reply) ? reply : reply === null ? [] : [reply]) {
          expect(each).toMatchObject({ jsonrpc: '2.0' });
          expect('result' in each !== 'error' in each).toBe(true);
        }
      }),
    );
  });
});
