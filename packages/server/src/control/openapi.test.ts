import { definitionOf, ERRORS, METHODS, type MethodName } from '@jetstream/contract';
import { expect, test } from 'vitest';
import { openApiDocument } from './openapi.js';

interface Operation {
  readonly operationId: string;
  readonly requestBody: { content: Record<string, { schema: { properties: object } }> };
  readonly responses: Record<string, unknown>;
  readonly security: readonly object[];
}

test('openApiDocument: describes each method as POST /api/<method>, with its parameters', () => {
  const paths = openApiDocument()['paths'] as Record<string, { post: Operation }>;
  const names = Object.keys(METHODS) as MethodName[];
  expect(Object.keys(paths)).toEqual(names.map((name) => `/api/${name}`));
  for (const name of names) {
    const { post } = paths[`/api/${name}`] as { post: Operation };
    expect(post.operationId).toBe(name);
    const { properties } = post.requestBody.content['application/json']?.schema ?? {};
    const definition = definitionOf(name);
    expect(Object.keys(properties ?? {}).sort()).toEqual(
      Object.keys(definition.params.shape).sort(),
    );
    expect(post.security.length === 0).toBe(definition.access === 'public');
    for (const code of definition.errors) {
      expect(post.responses).toHaveProperty(String(ERRORS[code].httpStatus));
    }
  }
});

test('openApiDocument: is plain JSON whose references lead somewhere', () => {
  const document = openApiDocument();
  expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  const references = JSON.stringify(document).match(/"\$ref":"#\/components[^"]*"/g) ?? [];
  expect(new Set(references)).toEqual(new Set(['"$ref":"#/components/schemas/Error"']));
});
