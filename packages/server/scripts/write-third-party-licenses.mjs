/**
 * Writes dist/third-party-licenses.json, which getThirdPartyLicenses answers from. Part of
 * `npm run build`; needs the compiled server and fails when a dependency is not installed.
 */
import { writeFileSync } from 'node:fs';
import { collectLicenses, LICENSES_FILE } from '../dist/server-info/third-party-licenses.js';

writeFileSync(LICENSES_FILE, `${JSON.stringify(collectLicenses(), null, 2)}\n`);
