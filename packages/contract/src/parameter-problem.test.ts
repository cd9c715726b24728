import { describe, expect, it } from 'vitest';
import { definitionOf, type MethodName } from './contract.js';
import {
  type ParameterProblem,
  parameterProblem,
  SHOWN_CHARACTERS_MAX,
} from './parameter-problem.js';

const problemOf = (method: MethodName, params: Record<string, unknown>): ParameterProblem => {
  const parsed = definitionOf(method).params.safeParse(params);
  const [issue] = parsed.success ? [] : parsed.error.issues;
  if (issue === undefined) throw new Error('the parameters are right');
  return parameterProblem(issue, params);
};

describe('parameterProblem', () => {
  it.each([
    ['sleep', { milliseconds: -1 }, 'milliseconds', '-1 (number)', 'at least 0'],
    ['sleep', {}, 'milliseconds', 'absent', 'a value of type number'],
    ['createAPIToken', { timeLimitSeconds: 0 }, 'timeLimitSeconds', '0 (number)', 'more than 0'],
    ['createAPIToken', { permissions: 99 }, 'permissions', '99 (number)', 'at most 31'],
    ['getAPITokens', { limit: 1.5 }, 'limit', '1.5 (number)', 'an integer'],
    ['addWranglerAsync', { name: '' }, 'name', '"" (string)', 'at least 1 character'],
    [
      'sendDiscoverPacketAsync',
      { discoverId: 'xx', destinationAddress: 'a' },
      'discoverId',
      '"xx" (string)',
      'text that matches /^[0-9a-f]{32}$/',
    ],
    [
      'setBandwidthTimetable',
      { entries: [{ days: ['mon'], from: '25:00', to: '01:00' }] },
      'entries.0.from',
      '"25:00" (string)',
      'a time of day from "00:00" to "24:00"',
    ],
  ] as const)('%s with %j', (method, params, parameter, actual, expected) => {
    expect(problemOf(method, params)).toEqual({ parameter, actual, expected });
  });

  it('shows of a secret its type only, of a long value its beginning', () => {
    expect(problemOf('auth', { userName: 'a', password: 7 }).actual).toBe('number');
    const webhook = { url: 'https://hooks.example/', events: ['*'], secret: 'x'.repeat(999) };
    expect(problemOf('createWebhook', webhook).actual).toBe('string');
    const long = problemOf('sleep', { milliseconds: 'x'.repeat(500) }).actual;
    expect(long.length).toBeLessThan(SHOWN_CHARACTERS_MAX + 20);
  });
});
