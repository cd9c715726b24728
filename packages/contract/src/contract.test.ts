import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { definitionOf, isMethodName, METHODS, type MethodName } from './contract.js';
import { ERRORS } from './errors.js';
import { ACCESS_LEVELS, COMMON_ERRORS } from './method.js';

const names = Object.keys(METHODS) as MethodName[];

/** Named like requests by the reference, which documents that they return nothing. */
const COMPLETE_AT_ONCE = new Set<string>(['addWranglerAsync', 'setLicenseKeyAsync']);

/** Schema of each parameter of a method. */
const shapeOf = (name: MethodName): Readonly<Record<string, z.ZodType>> =>
  definitionOf(name).params.shape as Readonly<Record<string, z.ZodType>>;

describe.each(names)('%s', (name) => {
  const definition = definitionOf(name);

  it('has a summary that is a sentence', () => {
    expect(definition.summary).toMatch(/^[A-Z].+[.]$/);
  });

  it('documents each parameter, and no other', () => {
    expect(Object.keys(definition.paramDocs).sort()).toEqual(Object.keys(shapeOf(name)).sort());
    for (const text of Object.values(definition.paramDocs)) expect(text).not.toBe('');
  });

  it('names as required exactly the parameters that may not be left out', () => {
    const needed = Object.entries(shapeOf(name))
      .filter(([, schema]) => !schema.safeParse(undefined).success)
      .map(([key]) => key);
    expect([...definition.required].sort()).toEqual(needed.sort());
  });

  it('takes null for each optional parameter', () => {
    for (const [key, schema] of Object.entries(shapeOf(name))) {
      if (definition.required.includes(key)) continue;
      expect(schema.safeParse(null).success, key).toBe(true);
    }
  });

  it('says for optional parameters only that null is a value', () => {
    for (const key of definition.nullable ?? []) {
      expect(definition.required).not.toContain(key);
      expect(definition.paramDocs[key]).toContain('null');
    }
  });

  it('refuses unknown parameters', () => {
    const outcome = definition.params.safeParse({ noSuchParameter: 1 });
    const codes = outcome.success ? [] : outcome.error.issues.map((issue) => issue.code);
    expect(codes).toContain('unrecognized_keys');
  });

  it('declares errors that exist, each once, none that every method has', () => {
    for (const code of definition.errors) expect(Object.hasOwn(ERRORS, code), code).toBe(true);
    expect(new Set(definition.errors).size).toBe(definition.errors.length);
    for (const code of definition.errors) expect(COMMON_ERRORS).not.toContain(code);
  });

  it('has a known access level and says since when it exists', () => {
    expect(ACCESS_LEVELS).toContain(definition.access);
    expect(definition.since).toMatch(/^(ours|\d+\.\d+\.\d+)$/);
  });

  it('has a result of its request exactly if its name ends in Async and it makes one', () => {
    const makesRequest = name.endsWith('Async') && !COMPLETE_AT_ONCE.has(name);
    expect(definition.requestResult !== undefined).toBe(makesRequest);
  });
});

describe('isMethodName', () => {
  it('knows own names only', () => {
    expect(isMethodName('getServerInfo')).toBe(true);
    expect(isMethodName('send.createTransfer')).toBe(true);
    expect(isMethodName('constructor')).toBe(false);
    expect(isMethodName('createTransfer')).toBe(false);
  });
});

describe('references', () => {
  it.each([
    ['send.getTransfer', 'transferId', 'ab12'],
    ['send.getManifest', 'manifestId', 'ab12'],
    ['send.getDestination', 'destinationId', 'host:8886'],
    ['getRequestStatus', 'requestId', 7],
  ] as const)('%s takes %s as an id or as a structure', (name, key, id) => {
    const { params } = definitionOf(name);
    expect(params.parse({ [key]: id })).toEqual({ [key]: id });
    expect(params.parse({ [key]: { [key]: id, status: 'pending' } })).toEqual({ [key]: id });
    expect(params.safeParse({ [key]: { other: id } }).success).toBe(false);
  });
});
