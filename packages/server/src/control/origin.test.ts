import { describe, expect, test } from 'vitest';
import { isOwnOrigin } from './origin.js';

const own = new Set(['files.example.org']);

describe('isOwnOrigin', () => {
  test.each([
    [undefined, 'anything:8886', true],
    ['https://localhost:8886', 'localhost:8886', true],
    ['https://127.0.0.1:8886', '127.0.0.1:8886', true],
    ['https://[::1]:8886', '[::1]:8886', true],
    ['https://Files.Example.org:8886', 'files.example.org:8886', true],
    // Another site.
    ['https://evil.example', 'files.example.org:8886', false],
    ['https://files.example.org:8887', 'files.example.org:8886', false],
    // A name of somebody else that points here.
    ['https://evil.example:8886', 'evil.example:8886', false],
    ['https://127.0.0.1.evil.example:8886', '127.0.0.1.evil.example:8886', false],
    ['http://localhost:8886', 'localhost:8886', false],
    ['https://user@localhost:8886', 'localhost:8886', false],
    ['null', 'localhost:8886', false],
    ['', 'localhost:8886', false],
    ['https://localhost:8886', undefined, false],
  ])('%s at %s: %s', (origin, host, expected) => {
    expect(isOwnOrigin(origin, host, (name) => own.has(name))).toBe(expected);
  });
});
