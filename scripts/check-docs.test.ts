import { describe, expect, it } from 'vitest';
import { limitRows, productOf } from './check-docs.js';

describe('productOf', () => {
  it('multiplies plain numbers', () => {
    expect(productOf('65_000')).toBe(65_000);
    expect(productOf(' 16 * 1024 * 1_024 ')).toBe(16_777_216);
    expect(productOf('1e9')).toBe(1e9);
  });

  it('leaves everything else alone', () => {
    for (const expression of ['', 'OTHER * 2', '1 + 2', '"7"', '2 ** 10']) {
      expect(productOf(expression)).toBeUndefined();
    }
  });
});

describe('limitRows', () => {
  it('reads rows of a table and skips headings', () => {
    const rows = limitRows(
      '| Name | Default | Unit | Changeable | Where |\n| --- | --- | --- | --- | --- |\n' +
        '| `A.bMax` | 1,024 | bytes | no | `x/y.ts` |\n| `C_MAX` | a third | % | no | `z.ts` |\n',
    );
    expect(rows).toEqual([
      { name: 'A.bMax', value: 1024, where: 'x/y.ts' },
      { name: 'C_MAX', value: undefined, where: 'z.ts' },
    ]);
  });
});
