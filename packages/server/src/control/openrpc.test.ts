import { COMMON_ERRORS, definitionOf, METHODS, type MethodName } from '@jetstream/contract';
import { expect, test } from 'vitest';
import { openRpcDocument } from './openrpc.js';

interface Described {
  readonly name: string;
  readonly summary: string;
  readonly params: readonly { name: string; required: boolean; description: string }[];
  readonly errors: readonly { data: { code: string } }[];
  readonly 'x-access': string;
}

test('openRpcDocument: every method is in with its parameters, errors and access', () => {
  const methods = openRpcDocument()['methods'] as Described[];
  expect(methods.map(({ name }) => name)).toEqual(Object.keys(METHODS));
  for (const described of methods) {
    const definition = definitionOf(described.name as MethodName);
    expect(described['x-access']).toBe(definition.access);
    expect(described.summary).toBe(definition.summary);
    const names = described.params.map(({ name }) => name);
    expect([...names].sort()).toEqual(Object.keys(definition.params.shape).sort());
    // Positional arguments depend on this order.
    expect(names.slice(0, definition.required.length)).toEqual(definition.required);
    expect(described.params.every(({ description }) => description !== '')).toBe(true);
    const codes = described.errors.map(({ data }) => data.code);
    expect(codes).toEqual([...definition.errors, ...COMMON_ERRORS]);
  }
  // It must be plain JSON.
  expect(JSON.parse(JSON.stringify(openRpcDocument()))).toEqual(openRpcDocument());
});
