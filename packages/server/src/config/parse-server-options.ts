/** Parsing of server options, and their description for a command line. */
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { closestName } from '../control/closest-name.js';
import { isUsableTemplate } from '../sandboxes/sandbox-template.js';
import { ConfigError } from './config-error.js';
import {
  OPTION_TABLE,
  type OptionDefinition,
  type OptionName,
  type ServerConfig,
  type ServerOptionsInput,
} from './server-options.js';

/** One option, for flags and manuals. */
export interface ServerOption {
  readonly name: OptionName;
  /** Flag of the command line, without the dashes. */
  readonly flag: string;
  /** Whether a bare flag means true, whether it may be repeated, or whether it takes one value. */
  readonly kind: 'boolean' | 'list' | 'value';
  readonly unit: string;
  readonly range: string;
  readonly doc: string;
  /** Value when absent, as text; '' for none. */
  readonly defaultText: string;
}

const names = Object.keys(OPTION_TABLE) as OptionName[];

const flagOf = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const describe = (name: OptionName): ServerOption => {
  const { schema, unit, range, doc, bare }: OptionDefinition = OPTION_TABLE[name];
  const fallback: unknown = schema.parse(undefined);
  const kind =
    typeof fallback === 'boolean' || bare === true
      ? 'boolean'
      : Array.isArray(fallback)
        ? 'list'
        : 'value';
  const defaultText = fallback === null || Array.isArray(fallback) ? '' : String(fallback);
  return { name, flag: flagOf(name), kind, unit, range, doc, defaultText };
};

/** All options in the order of the manual. Command-line flags derive from this list. */
export const serverOptions: readonly ServerOption[] = names.map(describe);

const optionSchema = z.strictObject(
  Object.fromEntries(names.map((name) => [name, OPTION_TABLE[name].schema])),
);

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 200) ?? 'nothing';

const crossCheck = (config: ServerConfig): void => {
  if ((config.apiTlsCert === null) !== (config.apiTlsKey === null)) {
    const missing = config.apiTlsCert === null ? 'apiTlsCert' : 'apiTlsKey';
    throw new ConfigError(missing, 'absent', 'both apiTlsCert and apiTlsKey, or neither');
  }
  if (config.sandboxDir !== null && !isAbsolute(config.sandboxDir)) {
    throw new ConfigError('sandboxDir', shown(config.sandboxDir), 'an absolute path');
  }
  if (config.sandboxDir !== null && !isUsableTemplate(config.sandboxDir)) {
    const wanted = 'an absolute path without "..", whose placeholders are %u, %d, %f or %%';
    throw new ConfigError('sandboxDir', shown(config.sandboxDir), wanted);
  }
};

/**
 * Parses options once, at the start.
 *
 * @throws {ConfigError} Naming the option, what was given and what is accepted.
 */
export const parseServerOptions = (input: ServerOptionsInput): ServerConfig => {
  const given = Object.fromEntries(
    Object.entries(input).filter(([, value]) => value !== undefined),
  );
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(OPTION_TABLE, name)) {
      const near = closestName(name, names);
      throw new ConfigError(name, 'unknown', near === null ? 'a known option' : `"${near}"`);
    }
  }
  const parsed = optionSchema.safeParse(given);
  if (!parsed.success) {
    const name = String(parsed.error.issues[0]?.path[0] ?? '') as OptionName;
    throw new ConfigError(name, shown(given[name]), OPTION_TABLE[name].range);
  }
  const config = parsed.data as ServerConfig;
  crossCheck(config);
  return Object.freeze(config);
};
