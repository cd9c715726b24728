import { definitionOf, ERRORS, METHODS, type MethodName } from '@jetstream/contract';
import { describe, expect, it } from 'vitest';
import { apiPages } from './api-pages.js';
import { schemaText, withoutNull } from './schema-text.js';
import { readStructureComments } from './structure-comments.js';

const link = (title: string): string => `<${title}>`;

describe('schemaText', () => {
  it.each([
    [{ type: 'string', maxLength: 1024 }, 'string, at most 1,024 characters'],
    [{ type: 'string', minLength: 1, maxLength: 5 }, 'string, 1 to 5 characters'],
    [{ type: 'integer', minimum: Number.MIN_SAFE_INTEGER }, 'integer'],
    [{ type: 'integer', minimum: 60, maximum: 3600 }, 'integer, 60 to 3,600'],
    [{ type: 'number', exclusiveMinimum: 0 }, 'number, above 0'],
    [{ type: ['boolean', 'null'] }, 'boolean or null'],
    [
      { type: 'array', items: { type: 'string' }, maxItems: 3 },
      'list of string, at most 3 entries',
    ],
    [{ enum: ['a', 'b'] }, '`a`, `b`'],
    [{ const: false }, '`false`'],
    [{ type: 'object', title: 'Token', properties: {} }, '<Token>'],
    [{ type: 'object', properties: { du: { type: 'integer' } } }, '{ `du`: integer }'],
    [{ anyOf: [{ $ref: '#/x' }, { type: 'null' }] }, 'any JSON value or null'],
  ])('says what %j is', (schema, text) => {
    expect(schemaText(schema, link)).toBe(text);
  });

  it('leaves the null out that stands for absence', () => {
    expect(withoutNull({ type: ['boolean', 'null'] })).toEqual({ type: 'boolean' });
    const bounded = { type: 'integer', minimum: 1 };
    expect(withoutNull({ anyOf: [bounded, { type: 'null' }] })).toEqual(bounded);
    expect(withoutNull({ type: 'string' })).toEqual({ type: 'string' });
  });
});

describe('readStructureComments', () => {
  it('finds comments of structures, fields and fields that they share', () => {
    const comments = readStructureComments(`
      const shared = {
        /** Who made it. */
        owner: z.string(),
        plain: z.int(),
      };
      /** A thing
       * of two lines. */
      export const thing = z.object({
        id: z.string(),
        /** Its size. */
        size: z.int(),
        ...shared,
      });`);
    expect(comments.get('thing')?.text).toBe('A thing of two lines.');
    expect([...(comments.get('thing')?.fields ?? [])]).toEqual([
      ['id', ''],
      ['size', 'Its size.'],
      ['owner', 'Who made it.'],
      ['plain', ''],
    ]);
  });
});

describe('apiPages', () => {
  const pages = apiPages('/** Sum of all. */ export const tokenStructure = z.object({});');
  const page = (name: string): string => pages.get(name) ?? '';

  it.each(Object.keys(METHODS) as MethodName[])('describes %s with its parameters', (name) => {
    const file = name.includes('.') ? `${name.split('.')[0]}.md` : 'server.md';
    const [, after = ''] = page(file).split(`\n## ${name}\n`);
    const section = after.split('\n## ')[0] ?? '';
    expect(section).toContain(definitionOf(name).summary);
    for (const param of Object.keys(definitionOf(name).params.shape)) {
      expect(section).toContain(`| \`${param}\` |`);
    }
    for (const code of definitionOf(name).errors) expect(section).toContain(`\`${code}\``);
  });

  it('lists every error', () => {
    for (const code of Object.keys(ERRORS)) expect(page('errors.md')).toContain(`## ${code}\n`);
  });

  it('has a heading for every link inside the reference', () => {
    for (const [file, text] of pages) {
      for (const [, target = '', anchor = ''] of text.matchAll(/\]\(([a-z]*\.?m?d?)#([\w-]+)\)/g)) {
        const headings = page(target === '' ? file : target).match(/^## .+$/gm) ?? [];
        const anchors = headings.map((line) =>
          line.slice(3).toLowerCase().replace(/\./g, '').replace(/ /g, '-'),
        );
        expect(anchors, `${file}: ${target}#${anchor}`).toContain(anchor);
      }
    }
  });

  it('shows the comments of structures', () => {
    expect(page('structures.md')).toContain('## Token\n\nSum of all.\n');
  });
});
