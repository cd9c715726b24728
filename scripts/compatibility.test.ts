/** Checks that docs/COMPATIBILITY.md names every method of the page and tests that exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { definitionOf, METHODS, type MethodName } from '@jetstream/contract';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from './server-process.js';

const SUITE = 'tests/conformance/server-interface';
const SUITES = [SUITE, 'tests/conformance/send-interface', 'tests/conformance/recv-interface'];

/** The methods of the reference's page, and the one that only a structure page names. */
const PAGE_METHODS = `addWranglerAsync auth authAsync authToken createAPIToken deleteAPIToken
  deleteSandboxMapping deleteWrangler duAsync echo garbageCollect getAPIToken getAPITokens
  getEventLog getRequestResult getRequestStatus getSandboxMappings getServerInfo
  getThirdPartyLicenses getWranglers lsAsync lsListAsync lsRootsAsync mkFileAsync mkdirAsync mvAsync
  recvDiscoverPacketAsync rmAsync sendDiscoverPacketAsync setExternalAddress setLicenseKeyAsync
  setSandboxMapping sleep superuser terminate updateAPIToken updateBandwidthLimits
  updateGarbageCollectSettings wrangler getGarbageCollectSettings`.split(/\s+/);

/** Methods of the send and receive interfaces, of whose pages only a part is known. */
const PARTLY_KNOWN = Object.keys(METHODS).filter((name) => name.includes('.'));

/** `tests/conformance/send-interface/get-transfer.test.ts` for `send.getTransfer`. */
const suiteFileOf = (method: string): string => {
  const [group = '', name = ''] = method.split('.');
  const kebab = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return `tests/conformance/${group}-interface/${kebab}.test.ts`;
};

interface NamedTest {
  readonly section: string;
  /** From the root of the repository. */
  readonly file: string;
  readonly title: string;
}

const root = repositoryRoot();
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** `docs/../x/y` as `x/y`. */
const fromRoot = (link: string): string => link.replace(/^\.\.\//, '');

/** What the page names, in its order. */
const namedTests = (page: string): NamedTest[] =>
  page
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const [title = ''] = section.split('\n');
      const own = /^\[[^\]]+\]\(([^)]+)\)$/m.exec(section)?.[1] ?? '';
      const rows = section.split('\n').filter((line) => /^\| (?!---|The page says)/.test(line));
      return rows.flatMap((row) => {
        const cells = row.split(' | ');
        const tests = (cells.at(-1) ?? '').replace(/ \|$/, '').split('<br>');
        return tests.map((test) => {
          const [, link, rest] = /^\[[^\]]+\]\(([^)]+)\) (.*)$/.exec(test) ?? [null, own, test];
          return { section: title, file: fromRoot(link ?? ''), title: rest ?? '' };
        });
      });
    });

const page = read('docs/COMPATIBILITY.md');
const tests = namedTests(page);

/** Titles of the tests of a file, as far as they are written out. */
const titlesOf = (source: string): string[] =>
  [...source.matchAll(/^\s*(?:it|test)(?:\.\w+\([^)]*\))?\(\s*(['`])([^\n]*?)\1/gm)].map(
    ([, , title = '']) => title,
  );

describe('docs/COMPATIBILITY.md', () => {
  it('has a section for each method of the page', () => {
    const sections = page.match(/^## .*$/gm)?.map((line) => line.slice(3)) ?? [];
    expect(sections.slice(1).sort()).toEqual([...PAGE_METHODS, ...PARTLY_KNOWN].sort());
  });

  it.each(PAGE_METHODS)('%s: is in the contract and has rows and a file of tests', (method) => {
    expect(Object.hasOwn(METHODS, method)).toBe(true);
    expect(definitionOf(method as MethodName).since).not.toBe('ours');
    const own = tests.filter(({ section }) => section === method);
    expect(own.length).toBeGreaterThan(0);
    expect(own.some(({ file }) => file.startsWith(SUITE))).toBe(true);
  });

  it.each(PARTLY_KNOWN)('%s: has rows and a file of tests', (method) => {
    const own = tests.filter(({ section }) => section === method);
    expect(own.some(({ file }) => file === suiteFileOf(method))).toBe(true);
  });

  it('leaves no method of the contract out that is not our own', () => {
    const ours = (name: string): boolean => definitionOf(name as MethodName).since === 'ours';
    // Logins over several connections and subscriptions are ours.
    const expected = Object.keys(METHODS).filter((name) => !name.includes('.') && !ours(name));
    expect(expected.sort()).toEqual([...PAGE_METHODS].sort());
  });

  it('names tests that exist', () => {
    for (const { section, file, title } of tests) {
      expect(existsSync(join(root, file)), `${section}: ${file}`).toBe(true);
      const titles = titlesOf(read(file));
      const known = titles.some((known) => known === title || known.startsWith(`${title}, `));
      expect(known, `${section}: "${title}" in ${file}`).toBe(true);
    }
  });

  it('names every test of the conformance suite', () => {
    for (const suite of SUITES) {
      for (const name of readdirSync(join(root, suite))) {
        const path = `${suite}/${name}`;
        const named = tests.filter(({ file }) => file === path).map(({ title }) => title);
        for (const title of titlesOf(read(path))) {
          expect(named, `${path}: "${title}"`).toContain(title);
        }
      }
    }
  });
});
