/**
 * Attacks by input: whatever comes in, the answer is an error with a code, soon, and the server lives.
 *
 * `JETSTREAM_FUZZ_SECONDS` makes the runs longer; each prints the seed that a failure is repeated by.
 */
import { ERRORS } from '@jetstream/contract';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { openSessions, target } from '../conformance/harness/sessions.js';
import { anyCall, type Pool } from './call-generator.js';
import { basic, type RawAnswer, type RawSocket, rawHttp, rawSocket } from './raw.js';

const sessions = openSessions();
const SECONDS = Number(process.env.JETSTREAM_FUZZ_SECONDS || 0);
/** A fixed number of runs, or as many as the given time allows. */
const amount = (numRuns: number): fc.Parameters<unknown> =>
  SECONDS > 0
    ? {
        numRuns: 10_000_000,
        interruptAfterTimeLimit: (SECONDS * 1000) / 4,
        markInterruptAsFailure: false,
      }
    : { numRuns };
/** Ends what hangs; what is slow is seen at each answer. */
const timeout = 300_000 + SECONDS * 1000;
/** An input that is slow to take is so each time; a machine that stalls is not. */
const ANSWER_MS_MAX = 5000;
const ANSWER_ATTEMPTS = 3;

/** One HTTP request whose answer comes soon. */
const promptHttp = async (...request: Parameters<typeof rawHttp>): Promise<RawAnswer> => {
  for (let attempt = 1; ; attempt += 1) {
    const startMs = performance.now();
    const answer = await rawHttp(...request);
    const tookMs = performance.now() - startMs;
    if (tookMs < ANSWER_MS_MAX) return answer;
    if (attempt === ANSWER_ATTEMPTS) throw new Error(`the answer took ${Math.round(tookMs)} ms`);
  }
};

const STACK_TRACE = /\bat .*\.(?:js|ts|mjs):\d+|node:internal|node_modules/;

const checkError = (error: { code?: unknown } | undefined, what: string): void => {
  expect(Object.keys(ERRORS), what).toContain(error?.code);
  expect(error?.code, what).not.toBe('internal');
};

/** Checks a reply of `/rpc`, one or a batch. */
const checkRpc = (text: string, what: string): void => {
  expect(text, what).not.toMatch(STACK_TRACE);
  const replies = [JSON.parse(text)].flat() as { error?: { data?: { code?: unknown } } }[];
  for (const reply of replies) {
    if (reply.error !== undefined) checkError(reply.error.data, what);
  }
};

/** JSON with a hole: cut, doubled or with characters changed. */
const broken = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(text, fc.nat(), fc.constantFrom('cut', 'flip', 'double', 'deep'))
    .map(([json, at, how]) => {
      const index = at % Math.max(1, json.length);
      if (how === 'cut') return json.slice(0, index);
      if (how === 'double') return json + json;
      if (how === 'deep') return '['.repeat(Math.min(5000, at)) + json;
      return json.slice(0, index) + String.fromCharCode(at % 0x2000) + json.slice(index + 1);
    });

const message: fc.Arbitrary<unknown> = fc.record(
  {
    jsonrpc: fc.constantFrom<unknown>('2.0', '1.0', 2, null),
    id: fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.constant({})),
    method: fc.oneof(
      fc.constantFrom('echo', 'getServerInfo', '__proto__', 'constructor'),
      fc.string(),
    ),
    params: fc.oneof(fc.jsonValue(), fc.constant({ text: 'x' }), fc.constant({ __proto__: 1 })),
  },
  { requiredKeys: [] },
);
const text: fc.Arbitrary<string> = fc.oneof(
  message.map((value) => JSON.stringify(value)),
  fc.array(message, { maxLength: 120 }).map((value) => JSON.stringify(value)),
  broken(message.map((value) => JSON.stringify(value))),
  fc.string(),
);

afterEach(async () => {
  expect(JSON.parse((await rawHttp('/healthz', { method: 'GET' })).text)).toEqual({ status: 'ok' });
});

describe('attack 15, rclone GHSA-6jcg-q3wp-x2f4: malformed input never ends the server', () => {
  it('POST /rpc and POST /api answer anything with a code', { timeout }, async () => {
    const authorization = basic(target.user);
    const route = fc.constantFrom('/rpc', '/api/echo', '/api/lsAsync', '/api/auth', '/api/%00');
    await fc.assert(
      fc.asyncProperty(text, route, fc.boolean(), async (body, path, loggedIn) => {
        const headers: Record<string, string> = loggedIn ? { authorization } : {};
        const answer = await promptHttp(path, { body, headers });
        const what = `${path} ${body.slice(0, 300)}`;
        expect(answer.text, what).not.toMatch(STACK_TRACE);
        if (answer.status === 204) return;
        if (path === '/rpc') checkRpc(answer.text, what);
        else if (answer.status !== 200) {
          checkError((JSON.parse(answer.text) as { error: object }).error, what);
        }
      }),
      amount(120),
    );
  });

  it('a WebSocket answers anything, and the connection lives on', { timeout }, async () => {
    let socket: RawSocket | null = null;
    try {
      await fc.assert(
        fc.asyncProperty(text, async (body) => {
          socket ??= await rawSocket();
          socket.send(body);
          // A message of notifications only has no answer; the call behind it does.
          socket.send('{"jsonrpc":"2.0","id":"end","method":"getServerInfo"}');
          for (;;) {
            const answer = await socket.next();
            checkRpc(answer, body.slice(0, 300));
            if (answer.includes('"id":"end"')) break;
          }
        }),
        amount(200),
      );
    } finally {
      (socket as RawSocket | null)?.close();
    }
  });

  it('hostile headers and routes are refused', { timeout }, async () => {
    const credentials = fc.oneof(
      fc.string({ unit: 'grapheme-ascii', maxLength: 200 }).map((value) => `Bearer ${value}`),
      fc.base64String({ maxLength: 400 }).map((value) => `Basic ${value}`),
      fc.constantFrom(
        'Bearer',
        'Basic',
        'Bearer js1.',
        'Bearer js1..',
        `Bearer js1.${'a'.repeat(8000)}.b`,
      ),
    );
    await fc.assert(
      fc.asyncProperty(credentials, fc.webPath(), async (authorization, path) => {
        const calling = await rawHttp('/api/echo', { body: '{}', headers: { authorization } });
        expect([401, 429]).toContain(calling.status);
        expect(calling.text).not.toMatch(STACK_TRACE);
        const route = await rawHttp(path === '' ? '/' : path, { method: 'GET' });
        expect([200, 400, 404, 405]).toContain(route.status);
        expect(route.text).not.toMatch(STACK_TRACE);
      }),
      amount(15),
    );
  });
});

describe('attack 13, MOVEit and others: no input is ever part of a statement', () => {
  it('injections in every parameter of every method are values or refused', {
    timeout,
  }, async () => {
    const injections = [
      "' or '1'='1",
      "'; drop table users; --",
      '" or ""="',
      '\\',
      '%',
      '_%',
      'a\u0000b',
      '$(touch /tmp/x)',
      '`id`',
      '{{7*7}}',

      '__proto__',
    ];
    const pool: Pool = { ids: [...injections, 0, -1, 1e15], paths: injections, texts: injections };
    const user = await sessions.fresh('superuser');
    // They act on the server as a whole, or log somebody in.
    const except = new Set(['terminate', 'auth', 'authAsync', 'authToken', 'garbageCollect']);
    const scratch = await sessions.scratch();
    const superuser = await sessions.as('superuser');
    const collecting = await superuser.call<Record<string, number>>('getGarbageCollectSettings');
    await superuser.call('setSandboxMapping', {
      userName: target.superuser.userName,
      sandboxRoots: { '': scratch },
    });
    const boxed = await sessions.fresh('superuser');
    try {
      await fc.assert(
        fc.asyncProperty(anyCall(pool, except), async ({ method, params }) => {
          const given = `${method} ${JSON.stringify(params)}`;
          const answer = await boxed.call(method, params).catch((error: unknown) => {
            expect((error as { code: string }).code, given).not.toBe('internal');
            return null;
          });
          const requestId = (answer as { requestId?: unknown } | null)?.requestId;
          if (typeof requestId !== 'number') return;
          await boxed.call('getRequestResult', { requestId }).catch((error: unknown) => {
            expect((error as { code: string }).code, given).not.toBe('internal');
          });
        }),
        amount(250),
      );
      await expect(user.call('getAPITokens')).resolves.toBeDefined();
    } finally {
      await superuser.call('deleteSandboxMapping', { userName: target.superuser.userName });
      await superuser.call('updateBandwidthLimits', {
        incomingLimitActive: false,
        outgoingLimitActive: false,
      });
      await superuser.call('setBandwidthTimetable', { entries: [] });
      await superuser.call('updateGarbageCollectSettings', collecting);
      // Other attacks need senders that are let in by their tokens.
      await superuser.result('recv.allowOnlyAuthorizedClientsAsync', {
        onlyAuthorizedClientsAllowed: false,
      });
    }
  });
});
