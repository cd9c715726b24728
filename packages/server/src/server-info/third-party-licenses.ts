/**
 * Licences of everything that the server is built from and that is not our own: the production
 * dependencies of this package, as they are installed, and sources that lie in the addon.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** Licence texts by name of the component. */
export type ThirdPartyLicenses = Readonly<Record<string, string>>;

/** Written at build; lies in `dist` beside the compiled source. */
export const LICENSES_FILE = fileURLToPath(
  new URL('../third-party-licenses.json', import.meta.url),
);
/** The folder of this package, from the source and from `dist` alike. */
const SERVER_DIR = fileURLToPath(new URL('../..', import.meta.url));
const OWN_SCOPE = '@jetstream/';
/** Foreign sources by their folders in the package of the addon. */
const ADDON_SOURCES = ['native/blake3'];
const LICENCE_FILE = /^(licen[cs]e|copying|notice|unlicense)/i;

const packageJson = z.object({
  name: z.string(),
  version: z.string(),
  license: z.union([z.string(), z.object({ type: z.string() })]).optional(),
  homepage: z.string().optional(),
  repository: z.union([z.string(), z.object({ url: z.string() })]).optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
});
type PackageJson = z.infer<typeof packageJson>;

interface Installed {
  readonly dir: string;
  readonly json: PackageJson;
}

const readPackage = (dir: string): Installed => ({
  dir,
  json: packageJson.parse(JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))),
});

/** Where Node would find a dependency; null for an optional one that is not installed. */
const findPackage = (name: string, from: string): string | null => {
  for (let at = from; ; at = dirname(at)) {
    const candidate = join(at, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (dirname(at) === at) return null;
  }
};

/** All packages below `root`, each once. */
const dependencyTree = (root: string): Installed[] => {
  const found = new Map<string, Installed>();
  const visit = ({ dir, json }: Installed): void => {
    const names = Object.keys({ ...json.dependencies, ...json.optionalDependencies });
    for (const name of names) {
      const place = findPackage(name, dir);
      if (place === null) {
        if (json.optionalDependencies?.[name] !== undefined) continue;
        throw new Error(`"${name}", which "${json.name}" needs, is not installed`);
      }
      if (found.has(place)) continue;
      const installed = readPackage(place);
      found.set(place, installed);
      visit(installed);
    }
  };
  visit(readPackage(root));
  const all = [...found.values()];
  const addon = all.find(({ json }) => json.name === `${OWN_SCOPE}udp`);
  const sources = addon === undefined ? [] : ADDON_SOURCES.map((at) => join(addon.dir, at));
  const foreign = all.filter(({ json }) => !json.name.startsWith(OWN_SCOPE));
  return [...foreign, ...sources.filter(existsSync).map(readPackage)];
};

const licenceText = ({ dir, json }: Installed): string => {
  const { name, version, license, repository } = json;
  const declared = (typeof license === 'object' ? license.type : license) ?? 'not declared';
  const files = readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isFile() && LICENCE_FILE.test(entry.name))
    .map((entry) => readFileSync(join(dir, entry.name), 'utf8').trim())
    .filter((text) => text !== '');
  const head = `${name} ${version}\nLicence: ${declared}`;
  if (files.length > 0) return [head, ...files].join('\n\n');
  const home = json.homepage ?? (typeof repository === 'object' ? repository.url : repository);
  const where = home === undefined ? '' : ` Its home is ${home}.`;
  return `${head}\n\nThe package holds no file with the text of its licence.${where}`;
};

/** Reads the licences of what is installed now. */
export const collectLicenses = (root: string = SERVER_DIR): ThirdPartyLicenses => {
  const packages = dependencyTree(root);
  const versions = new Map<string, Set<string>>();
  for (const { json } of packages) {
    versions.set(json.name, (versions.get(json.name) ?? new Set()).add(json.version));
  }
  const entries = packages.map((installed) => {
    const { name, version } = installed.json;
    const several = (versions.get(name)?.size ?? 0) > 1;
    return [several ? `${name}@${version}` : name, licenceText(installed)] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
};

let remembered: ThirdPartyLicenses | null = null;

/** The licences as they were at build; of what is installed where there was only a compilation. */
export const thirdPartyLicenses = (): ThirdPartyLicenses => {
  remembered ??= existsSync(LICENSES_FILE)
    ? (JSON.parse(readFileSync(LICENSES_FILE, 'utf8')) as ThirdPartyLicenses)
    : collectLicenses();
  return remembered;
};
