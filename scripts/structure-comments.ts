/** Comments of the contract's structures, which zod's schemas do not carry. */
import ts from 'typescript';

/** What the comments of one structure say. */
export interface StructureComments {
  /** Of the structure itself; '' without one. */
  readonly text: string;
  readonly fields: ReadonlyMap<string, string>;
}

const commentOf = (node: ts.Node): string =>
  ts
    .getJSDocCommentsAndTags(node)
    .map((part) => (ts.isJSDoc(part) ? ts.getTextOfJSDocComment(part.comment) : undefined))
    .filter((text) => text !== undefined)
    .join(' ')
    .replace(/\s+/g, ' ')
    .trim();

/** The object that describes the fields, in `z.object({…})` or by itself. */
const fieldsOf = (initializer: ts.Expression): ts.ObjectLiteralExpression | null => {
  if (ts.isObjectLiteralExpression(initializer)) return initializer;
  if (!ts.isCallExpression(initializer)) return null;
  const [first] = initializer.arguments;
  return first !== undefined && ts.isObjectLiteralExpression(first) ? first : null;
};

/** Reads the comments of all constants of a source text, by name. */
export function readStructureComments(source: string): Map<string, StructureComments> {
  const tree = ts.createSourceFile('structures.ts', source, ts.ScriptTarget.ES2023, true);
  const found = new Map<string, StructureComments>();
  for (const statement of tree.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      if (initializer === undefined) continue;
      const fields = new Map<string, string>();
      for (const property of fieldsOf(initializer)?.properties ?? []) {
        if (ts.isSpreadAssignment(property)) {
          const others = found.get(property.expression.getText(tree))?.fields ?? [];
          for (const [field, text] of others) fields.set(field, text);
        } else if (property.name !== undefined) {
          fields.set(property.name.getText(tree), commentOf(property));
        }
      }
      found.set(name.getText(tree), { text: commentOf(statement), fields });
    }
  }
  return found;
}
