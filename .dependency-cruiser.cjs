// The import table of docs/ARCHITECTURE.md, "Packages": who may import whom.
// Anything that a package may use is listed in `allowed`; all the rest is refused.

const TESTS = '\\.(test|conformance)\\.ts$';

/** Workspace packages that a package may import. */
const allowed = {
  contract: [],
  transport: ['contract'],
  udp: ['contract', 'transport'],
  client: ['contract'],
  server: ['contract', 'transport', 'udp'],
  cli: ['contract', 'client'],
  testkit: ['contract', 'transport'],
  web: ['contract', 'client'],
};

const packageRules = Object.entries(allowed).map(([name, others]) => ({
  name: `imports-of-${name}`,
  comment: `${name} may import ${others.length === 0 ? 'no other package' : others.join(', ')}`,
  severity: 'error',
  from: { path: `^packages/${name}/src/`, pathNot: TESTS },
  to: {
    path: '^packages/',
    pathNot: [
      `^packages/${name}/`,
      ...others.map((other) => `^packages/${other}/dist/index\\.`),
      // Only these commands start a server in their own process.
      ...(name === 'cli' ? ['^packages/server/dist/(index|offline|monitor/index)\\.'] : []),
    ],
  },
}));

module.exports = {
  forbidden: [
    ...packageRules,
    {
      name: 'cli-server-only-where-it-starts-one',
      comment: 'of the CLI, only the server and cp commands embed a server',
      severity: 'error',
      from: {
        path: '^packages/cli/src/',
        pathNot: ['/(server|cp|embedded|monitor)[^/]*\\.ts$', TESTS],
      },
      to: { path: '^packages/server/' },
    },
    {
      name: 'no-deep-imports',
      comment: 'another package is reached by its name, never by a file inside it',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: {
        path: '^packages/',
        // The root monitor has an entry of its own, because it loads next to nothing of the server.
        pathNot: [
          '^packages/$1/',
          '^packages/[^/]+/dist/index\\.',
          '^packages/server/dist/(offline|monitor/index)\\.',
        ],
      },
    },
    {
      name: 'tests-only-through-the-public-api',
      comment: 'tests of whole processes and scripts use what users use',
      severity: 'error',
      from: { path: '^(scripts|tests/(integration|e2e|conformance))/' },
      to: {
        path: '^packages/',
        pathNot: '^packages/(contract|client|transport|testkit)/dist/index\\.',
      },
    },
    {
      name: 'kysely-runs-through-query-builder',
      comment: 'one place decides how the query builder is loaded; its types are free',
      severity: 'error',
      from: { path: '^packages/', pathNot: '/adapters/database/query-builder\\.ts$' },
      to: { path: 'node_modules/kysely/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-testkit-in-products',
      comment: 'the testkit is for tests only',
      severity: 'error',
      from: { path: '^packages/', pathNot: [TESTS, '^packages/testkit/'] },
      to: { path: '^packages/testkit/' },
    },
    {
      name: 'pure-packages-touch-no-platform',
      comment: 'time, randomness and I/O enter contract, transport and testkit as arguments',
      severity: 'error',
      from: { path: '^packages/(contract|transport|testkit)/src/', pathNot: TESTS },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'contract-imports-zod-only',
      comment: 'the contract is data and schemas',
      severity: 'error',
      from: { path: '^packages/contract/src/', pathNot: TESTS },
      to: { path: 'node_modules/', pathNot: 'node_modules/zod/' },
    },
    {
      name: 'transport-imports-no-library',
      comment: 'the protocol is our own code from end to end',
      severity: 'error',
      from: { path: '^packages/(transport|testkit)/src/', pathNot: TESTS },
      to: { path: 'node_modules/' },
    },
    {
      name: 'no-cycles',
      comment: 'not even inside a package, and not through types either',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolved',
      comment: 'every import leads somewhere (build first)',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-undeclared-packages',
      comment: 'what is imported is in the dependencies of the package',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: TESTS },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], pathNot: '@types/' },
    },
    {
      name: 'no-test-imports',
      comment: 'product code never imports a test',
      severity: 'error',
      from: { pathNot: [TESTS, '^tests/'] },
      to: { path: TESTS },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: '(^|/)(build|coverage)/' },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    tsConfig: { fileName: 'tsconfig.test.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
