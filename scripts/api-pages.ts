/** The pages of `docs/api`, made from the contract. */

import * as contract from '@jetstream/contract';
import {
  COMMON_ERRORS,
  definitionOf,
  ERRORS,
  type ErrorCode,
  METHODS,
  type MethodDefinition,
  type MethodName,
} from '@jetstream/contract';
import { type JsonSchema, type LinkOf, schemaText, withoutNull } from './schema-text.js';
import { readStructureComments, type StructureComments } from './structure-comments.js';

type Schema = MethodDefinition['result'];

const MADE = '<!-- Made by `npm run docs` from packages/contract; changes here are lost. -->\n';

/** Structures with a section of their own, in its order, and the names they are known by. */
const STRUCTURES: Readonly<Record<string, string>> = {
  requestHandle: 'Request Handle',
  requestStructure: 'Request',
  listing: 'Listing',
  fileEntry: 'File Entry',
  serverInformation: 'Server Information',
  licenseStructure: 'License',
  tokenStructure: 'Token',
  eventEntry: 'Event',
  garbageCollectStructure: 'Garbage Collect',
  garbageCollectCounts: 'Garbage Collect Counts',
  bandwidthTimetable: 'Bandwidth Timetable',
  timetableEntry: 'Timetable Entry',
  sandboxRoots: 'Sandbox Roots',
  sandboxMappings: 'Sandbox Mappings',
  wranglerLists: 'Wrangler Lists',
  discoverPacket: 'Discover Packet',
  manifestStructure: 'Manifest',
  manifestFilesStructure: 'Manifest Files',
  fileMapping: 'File Mapping',
  destinationStructure: 'Destination',
  connectionStructure: 'Connection',
  transferStructure: 'Transfer',
  sourceStructure: 'Source',
  receiveTransferStructure: 'Receive Transfer',
};

const exported = contract as unknown as Readonly<Record<string, Schema>>;
const names = new Map<unknown, string>(
  Object.entries(STRUCTURES).map(([constant, title]) => [exported[constant], title]),
);

const jsonSchemaOf = (schema: Schema, io: 'input' | 'output'): JsonSchema => {
  const json = schema.toJSONSchema({
    io,
    unrepresentable: 'any',
    // Named structures are linked, not repeated.
    reused: 'inline',
    override: ({ zodSchema, jsonSchema }) => {
      const title = names.get(zodSchema);
      if (title !== undefined && zodSchema !== (schema as unknown)) jsonSchema.title = title;
    },
  });
  return json as JsonSchema;
};

const anchor = (title: string): string => title.toLowerCase().replace(/ /g, '-');
const linkTo =
  (page: string): LinkOf =>
  (title) =>
    `[${title}](${page}#${anchor(title)})`;

/** A vertical bar would end the cell. */
const cell = (text: string): string => text.replace(/\|/g, '\\|');
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map(cell).join(' | ')} |\n`)
    .join('');

const typeOf = (schema: Schema, io: 'input' | 'output'): string => {
  const title = names.get(schema);
  const link = linkTo('structures.md');
  return title === undefined ? schemaText(jsonSchemaOf(schema, io), link) : link(title);
};

const ACCESS_TEXT: Readonly<Record<MethodDefinition['access'], string>> = {
  public: 'anyone connected',
  user: 'a logged-in user',
  wrangler: 'a wrangler',
  superuser: 'a superuser',
};

const parameterRows = ({ params, required, paramDocs }: MethodDefinition): string[][] => {
  const schemas = jsonSchemaOf(params, 'input').properties ?? {};
  const optional = Object.keys(schemas).filter((name) => !required.includes(name));
  return [...required, ...optional].map((name) => {
    const schema = schemas[name] ?? {};
    const isRequired = required.includes(name);
    const type = schemaText(isRequired ? schema : withoutNull(schema), linkTo('structures.md'));
    return [`\`${name}\``, type, isRequired ? 'yes' : 'no', paramDocs[name] ?? ''];
  });
};

const errorLinks = (codes: readonly ErrorCode[]): string =>
  codes.map((code) => `[\`${code}\`](errors.md#${code})`).join(', ');

const methodSection = (name: MethodName): string => {
  const definition = definitionOf(name);
  const { access, since, mutates, result, requestResult, errors, summary } = definition;
  const rows = parameterRows(definition);
  const origin = since === 'ours' ? 'ours' : `since ${since}`;
  const facts = `For ${ACCESS_TEXT[access]}; ${origin}${mutates ? '; changes state' : ''}.`;
  const parts = [`## ${name}\n`, `${summary}\n`, `${facts}\n`];
  if (rows.length > 0) {
    parts.push(table(['Parameter', 'Type', 'Required', 'Meaning'], rows));
  }
  const outcome = [`Returns ${typeOf(result, 'output')}.`];
  if (requestResult !== undefined) {
    outcome.push(`The request yields ${typeOf(requestResult, 'output')}.`);
  }
  parts.push(`${outcome.join(' ')}\n`);
  if (errors.length > 0) parts.push(`Errors: ${errorLinks(errors)}.\n`);
  return parts.join('\n');
};

interface Interface {
  readonly page: string;
  readonly title: string;
  readonly intro: string;
  readonly owns: (name: string) => boolean;
}

const INTERFACES: readonly Interface[] = [
  {
    page: 'server.md',
    title: 'Server interface',
    intro:
      '`api.server` in the client, bare names on the wire: logins, requests, files, tokens, and the administration of the server.',
    owns: (name) => !name.includes('.'),
  },
  {
    page: 'send.md',
    title: 'Send interface',
    intro:
      '`api.send` in the client, `send.` before the name on the wire: manifests, destinations and transfers of the sending server.',
    owns: (name) => name.startsWith('send.'),
  },
  {
    page: 'recv.md',
    title: 'Receive interface',
    intro:
      '`api.recv` in the client, `recv.` before the name on the wire: what a server receives, and from whom.',
    owns: (name) => name.startsWith('recv.'),
  },
];

const methodsOf = ({ owns }: Interface): MethodName[] =>
  (Object.keys(METHODS) as MethodName[]).filter(owns).sort();

const interfacePage = (one: Interface): string => {
  const methods = methodsOf(one);
  const rows = methods.map((name) => [
    `[${name}](#${anchor(name).replace('.', '')})`,
    summary(name),
  ]);
  return [
    MADE,
    `# ${one.title}\n`,
    `${one.intro}\n`,
    `Any call may also fail with ${errorLinks(COMMON_ERRORS)}.\n`,
    table(['Method', ''], rows),
    ...methods.map(methodSection),
  ].join('\n');
};

const summary = (name: MethodName): string => definitionOf(name).summary;

const structureSection = (
  constant: string,
  comments: ReadonlyMap<string, StructureComments>,
): string => {
  const schema = exported[constant];
  if (schema === undefined) throw new Error(`The contract has no structure "${constant}"`);
  const json = jsonSchemaOf(schema, 'output');
  const notes = comments.get(constant);
  const intro = notes?.text ? [`${notes.text}\n`] : [];
  const entries = Object.entries(json.properties ?? {});
  const body =
    entries.length === 0
      ? `${schemaText(json, linkTo(''))}\n`
      : table(
          ['Key', 'Type', ''],
          entries.map(([key, field]) => [
            `\`${key}\``,
            schemaText(field, linkTo('')),
            notes?.fields.get(key) ?? '',
          ]),
        );
  return [`## ${STRUCTURES[constant]}\n`, ...intro, body].join('\n');
};

const structuresPage = (source: string): string => {
  const comments = readStructureComments(source);
  return [
    MADE,
    '# Structures\n',
    'Timestamps are integer microseconds since the epoch, UTC, and null until reached. Rates are kilobits per second. "Ours" marks keys that the reference does not have.\n',
    ...Object.keys(STRUCTURES).map((constant) => structureSection(constant, comments)),
  ].join('\n');
};

const errorsPage = (): string => {
  const users = (code: ErrorCode): string => {
    if (COMMON_ERRORS.includes(code)) return 'any method';
    const methods = (Object.keys(METHODS) as MethodName[]).filter((name) =>
      definitionOf(name).errors.includes(code),
    );
    if (methods.length === 0) return 'no method by itself: transfers, manifests and the client';
    const linked = methods.sort().map((name) => {
      const page = INTERFACES.find(({ owns }) => owns(name))?.page ?? '';
      return `[${name}](${page}#${anchor(name).replace('.', '')})`;
    });
    return linked.join(', ');
  };
  const sections = (Object.keys(ERRORS) as ErrorCode[]).map((code) => {
    const { httpStatus, rpcCode, retry, meaning } = ERRORS[code];
    return [
      `## ${code}\n`,
      `${meaning}. HTTP ${httpStatus}, JSON-RPC ${rpcCode}, retry: ${retry}.\n`,
      `Raised by ${users(code)}.\n`,
    ].join('\n');
  });
  return [
    MADE,
    '# Errors\n',
    'What the columns mean, and how to handle errors: [docs/ERRORS.md](../ERRORS.md).\n',
    ...sections,
  ].join('\n');
};

const indexPage = (): string => {
  const rows = INTERFACES.map((one) => {
    const count = methodsOf(one).length;
    return [`[${one.title}](${one.page})`, `${one.intro} ${count} methods.`];
  });
  return [
    MADE,
    '# API reference\n',
    'Every method, structure and error of the control API, from the same table that the server checks calls with. How calls travel: [docs/CONTROL.md](../CONTROL.md). Who may do what: [docs/RIGHTS.md](../RIGHTS.md). How it compares with the reference: [docs/COMPATIBILITY.md](../COMPATIBILITY.md).\n',
    table(
      ['Page', ''],
      [
        ...rows,
        ['[Structures](structures.md)', 'What methods return.'],
        ['[Errors](errors.md)', 'Every code, and which methods raise it.'],
      ],
    ),
    'An optional parameter that is absent and one that is null mean the same; an unknown one is an error. An object can be named by its id or by its structure. A method whose name ends in `Async` returns a request; the client has the same method without `Async`, which waits for the result.\n',
  ].join('\n');
};

/**
 * All pages by file name.
 *
 * @param structuresSource Text of the contract's files of structures, one after the other.
 */
export function apiPages(structuresSource: string): Map<string, string> {
  return new Map([
    ['README.md', indexPage()],
    ...INTERFACES.map((one) => [one.page, interfacePage(one)] as const),
    ['structures.md', structuresPage(structuresSource)],
    ['errors.md', errorsPage()],
  ]);
}
