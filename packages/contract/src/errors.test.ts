import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CommandError, ERRORS, isErrorCode } from './errors.js';

interface Row {
  readonly code: string;
  readonly httpStatus: number;
  readonly retry: string;
  readonly meaning: string;
}

const documentUrl = new URL('../../../docs/ERRORS.md', import.meta.url);

/** Rows of the table in docs/ERRORS.md, in their order. */
const documentedRows = (): Row[] =>
  readFileSync(documentUrl, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const cells = /^\| `(\w+)` \| (\d{3}) \| (\w+) \| (.+) \|$/.exec(line);
      if (cells === null) return [];
      const [, code = '', httpStatus = '', retry = '', meaning = ''] = cells;
      return [{ code, httpStatus: Number(httpStatus), retry, meaning }];
    });

describe('ERRORS', () => {
  it('agrees with docs/ERRORS.md both ways, in the same order', () => {
    const table = Object.entries(ERRORS).map(([code, definition]) => ({
      code,
      httpStatus: definition.httpStatus,
      retry: definition.retry,
      meaning: definition.meaning,
    }));
    expect(documentedRows()).toEqual(table);
  });

  it('uses the JSON-RPC numbers of the specification once each, and -32000 for the rest', () => {
    const reserved = Object.values(ERRORS)
      .map((definition) => definition.rpcCode)
      .filter((code) => code !== -32000);
    expect([...reserved].sort((a, b) => a - b)).toEqual([-32700, -32603, -32602, -32601, -32600]);
  });

  it('has HTTP error statuses and a meaning without a full stop for every code', () => {
    for (const [code, { httpStatus, meaning }] of Object.entries(ERRORS)) {
      expect(httpStatus, code).toBeGreaterThanOrEqual(400);
      expect(httpStatus, code).toBeLessThan(600);
      expect(meaning, code).toMatch(/^[A-Z].*[^.]$/);
    }
  });
});

describe('isErrorCode', () => {
  it('knows own codes only', () => {
    expect(isErrorCode('not_found')).toBe(true);
    expect(isErrorCode('toString')).toBe(false);
    expect(isErrorCode('nothing_of_the_kind')).toBe(false);
    expect(isErrorCode(404)).toBe(false);
  });
});

describe('CommandError', () => {
  it('carries code, details and cause', () => {
    const cause = new Error('below');
    const error = new CommandError('io_error', 'Cannot read', { details: { path: '/a' }, cause });
    expect(error.code).toBe('io_error');
    expect(error.details).toEqual({ path: '/a' });
    expect(error.cause).toBe(cause);
    expect(new CommandError('io_error', 'Cannot read').details).toEqual({});
  });
});
