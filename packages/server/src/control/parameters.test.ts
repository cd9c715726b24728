import { CommandError, definitionOf, METHODS, type MethodName } from '@jetstream/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseParameters } from './parameters.js';

const parse = (method: MethodName, params: unknown): Record<string, unknown> =>
  parseParameters(method, definitionOf(method), params);

const failure = (method: MethodName, params: unknown): CommandError => {
  try {
    parse(method, params);
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  throw new Error('it did not fail');
};

describe('parseParameters', () => {
  test('tells parameter, actual and expected value', () => {
    const error = failure('sleep', { milliseconds: 'long' });
    expect(error.code).toBe('invalid_params');
    expect(error.message).toBe(
      'Cannot call "sleep": parameter "milliseconds" is "long" (string), expected a value of type number',
    );
    expect(error.details['parameter']).toBe('milliseconds');
    expect(failure('sleep', {}).message).toContain('"milliseconds" is absent');
    expect(failure('sleep', { milliseconds: -1 }).message).toContain('expected at least 0');
    expect(failure('lsAsync', { path: '/', calculateHashType: 'MD4' }).message).toContain(
      'expected one of "MD5", "S3", "SHA256", "BLAKE3"',
    );
  });

  test('names an unknown parameter and the closest known one, before a missing one', () => {
    const error = failure('sleep', { miliseconds: 1 });
    expect(error.message).toContain('unknown parameter "miliseconds"');
    expect(error.message).toContain('did you mean "milliseconds"?');
    expect(error.details).toMatchObject({ parameter: 'miliseconds', closest: 'milliseconds' });
    expect(failure('getServerInfo', { x: 1 }).message).toContain('expected no parameters');
    const polluted: unknown = JSON.parse('{"__proto__": {"path": "/"}}');
    expect(failure('mkdirAsync', polluted).code).toBe('invalid_params');
  });

  test('never repeats a secret', () => {
    for (const [method, params] of [
      ['auth', { userName: 'a', password: ['hunter2'] }],
      ['authToken', { token: { secret: 'hunter2' } }],
      ['send.createDestination', { destinationAddress: 'a', destinationToken: ['hunter2'] }],
    ] as const) {
      const error = failure(method, params);
      expect(error.message + JSON.stringify(error.details)).not.toContain('hunter2');
    }
  });

  test('takes null for any optional parameter of any method as absent', () => {
    for (const method of Object.keys(METHODS) as MethodName[]) {
      const definition = definitionOf(method);
      const { required, nullable = [], params } = definition;
      const optional = Object.keys(params.shape).filter((name) => !required.includes(name));
      const nulls = Object.fromEntries(optional.map((name) => [name, null]));
      // Without the required ones, which have nothing to do with it.
      const lenient = { ...definition, params: params.partial() };
      const seen = parseParameters(method, lenient, nulls);
      expect(seen, method).toEqual(Object.fromEntries(nullable.map((name) => [name, null])));
    }
    expect(parse('lsAsync', { path: '/', directory: null })).toEqual({ path: '/' });
  });

  test('takes required parameters by position', () => {
    expect(parse('auth', ['ann', 'secret'])).toEqual({ userName: 'ann', password: 'secret' });
    expect(failure('auth', ['ann', 'secret', 'more']).message).toContain('expected at most 2');
  });

  test('takes an id or a structure that holds it', () => {
    expect(parse('getRequestStatus', { requestId: 7 })).toEqual({ requestId: 7 });
    const structure = { requestId: 7, processing: true };
    expect(parse('getRequestStatus', { requestId: structure })).toEqual({ requestId: 7 });
  });

  test('property: whatever comes in, it is parsed or refused by name', () => {
    const names = fc.constantFrom(...(Object.keys(METHODS) as MethodName[]));
    const known = names.chain((method) =>
      fc.record({
        method: fc.constant(method),
        params: fc.oneof(
          fc.jsonValue(),
          fc.dictionary(
            fc.constantFrom(...Object.keys(definitionOf(method).params.shape), 'other'),
            fc.jsonValue(),
          ),
        ),
      }),
    );
    fc.assert(
      fc.property(known, ({ method, params }) => {
        try {
          parse(method, params);
        } catch (error) {
          expect(error).toBeInstanceOf(CommandError);
          expect((error as CommandError).code).toBe('invalid_params');
          expect((error as CommandError).message.length).toBeLessThan(1500);
        }
      }),
    );
  });
});
