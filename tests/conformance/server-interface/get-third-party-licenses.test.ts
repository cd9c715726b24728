import { expect, it } from 'vitest';
import { textLike } from '../harness/matchers.js';
import { expectLoginNeeded, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

it('returns a licence text for each library by its name', async () => {
  const user = await sessions.as('user');
  const licences = await user.call<Record<string, unknown>>('getThirdPartyLicenses');
  const entries = Object.entries(licences);
  expect(entries.length).toBeGreaterThan(0);
  for (const [name, text] of entries) {
    expect(name).not.toBe('');
    expect(text, name).toEqual(textLike(/\w{4}/));
  }
});

it('needs a login', () => expectLoginNeeded(sessions, 'getThirdPartyLicenses'));
