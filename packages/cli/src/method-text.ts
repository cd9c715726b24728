/** Help about API methods, from the contract. */
import { definitionOf, METHODS, type MethodName } from '@jetstream/contract';
import type { ResolvedMethod } from './method-names.js';
import { describeParameters } from './parameter-values.js';

const LINE_CHARACTERS = 96;

/** Breaks text at spaces, each line after `indent`. */
export const wrap = (text: string, indent: string): string => {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent.length + line.length + 1 + word.length > LINE_CHARACTERS) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines.map((each) => indent + each).join('\n');
};

/** All methods, by interface, each with its summary. */
export const methodList = (): string => {
  const groups = new Map<string, string[]>([
    ['Server', []],
    ['Send', []],
    ['Receive', []],
  ]);
  for (const method of Object.keys(METHODS) as MethodName[]) {
    const title = method.startsWith('send.')
      ? 'Send'
      : method.startsWith('recv.')
        ? 'Receive'
        : 'Server';
    const { summary, required } = definitionOf(method);
    const usage = [method, ...required.map((name) => `--${name}=…`)].join(' ');
    groups.get(title)?.push(`  ${usage}\n${wrap(summary, '      ')}`);
  }
  const sections = [...groups].map(([title, lines]) => `${title} commands:\n${lines.join('\n')}`);
  return sections.join('\n\n');
};

/** One method with its parameters, access level and errors. */
export const methodText = ({ method, waits }: ResolvedMethod): string => {
  const { summary, access, errors, since } = definitionOf(method);
  const lines = [`Usage: jetstream api [flags] ${method} [--param=value …]`, '', wrap(summary, '')];
  if (waits) lines.push('', 'Waits for the request to end and prints its result.');
  const parameters = describeParameters(method);
  if (parameters.length > 0) lines.push('', 'Parameters:');
  for (const { name, form, required, doc } of parameters) {
    lines.push(`  --${name}=<${form}>${required ? '  (required)' : ''}`);
    if (doc !== '') lines.push(wrap(doc, '      '));
  }
  lines.push('', `Access: ${access}. Since: ${since}.`);
  if (errors.length > 0) lines.push(wrap(`Errors: ${errors.join(', ')}.`, ''));
  return lines.join('\n');
};
