import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommandError } from './errors.js';
import { formatDownloadLink, parseDownloadLink, parseJetStreamUri } from './jetstream-uri.js';

const TOKEN = 'js1.AAAAAAAAAAAAAAAA.BBBBBBBBBBBBBBBBBBBBBBBBBBB';

const host = fc.oneof(
  fc.domain().map((name) => name.toLowerCase()),
  fc.ipV4(),
  fc.ipV6().map((address) => address.toLowerCase()),
);
const port = fc.integer({ min: 1, max: 65_535 });
const token = fc.stringMatching(/^[A-Za-z0-9._-]{1,100}$/);

describe('parseJetStreamUri', () => {
  it.each([
    ['jetstream:///', { action: 'client' }],
    ['jetstream://', { action: 'client' }],
    ['JetStream://Host.Example/connect', { action: 'connect', host: 'host.example', port: 8886 }],
    ['jetstream://host:9/connect/', { action: 'connect', host: 'host', port: 9 }],
    ['jetstream://host:/connect', { action: 'connect', host: 'host', port: 8886 }],
    ['jetstream://ann:secret@host/connect#x', { action: 'connect', host: 'host', port: 8886 }],
    ['jetstream://[::1]:7/connect?a=b', { action: 'connect', host: '::1', port: 7 }],
    [
      'jetstream://host/download/?x=1&token=TO.K%2EEN#part',
      { action: 'download', host: 'host', port: 8886, token: 'TO.K.EN' },
    ],
  ])('reads %s', (text, expected) => {
    expect(parseJetStreamUri(text)).toEqual(expected);
  });

  it.each([
    'http://host/connect',
    'jetstream:host/connect',
    'jetstream:///connect',
    'jetstream:///download?token=a',
    'jetstream://host',
    'jetstream://host/',
    'jetstream://host/remove',
    'jetstream://host/connect/more',
    'jetstream://host:0/connect',
    'jetstream://host:65536/connect',
    'jetstream://ho st/connect',
    'jetstream://host/download',
    'jetstream://host/download?token=',
    'jetstream://host/download?token=a&token=b',
    '',
  ])('refuses %j', (text) => {
    expect(() => parseJetStreamUri(text)).toThrow(CommandError);
  });

  it('property: any text is read or refused with invalid_params, in short time', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string().map((rest) => `jetstream://${rest}`),
      fc.string().map((rest) => `jetstream://host/download?${rest}`),
    );
    fc.assert(
      fc.property(text, (given) => {
        try {
          parseJetStreamUri(given);
        } catch (error) {
          expect(error).toMatchObject({ name: 'CommandError', code: 'invalid_params' });
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('parseDownloadLink', () => {
  it('property: takes back both forms that formatDownloadLink makes', () => {
    fc.assert(
      fc.property(host, port, token, (host, port, token) => {
        const { uri, url } = formatDownloadLink({ host, port, token });
        expect(parseDownloadLink(uri)).toEqual({ host, port, token });
        expect(parseDownloadLink(url)).toEqual({ host, port, token });
      }),
    );
  });

  it('takes an address without a port for the one of HTTPS', () => {
    const link = parseDownloadLink(`https://files.example/d/${TOKEN}/`);
    expect(link).toEqual({ host: 'files.example', port: 443, token: TOKEN });
  });

  it.each([`https://files.example/x/${TOKEN}`, 'jetstream://host/connect', `http://h/d/${TOKEN}`])(
    'refuses %s',
    (text) => expect(() => parseDownloadLink(text)).toThrow(CommandError),
  );

  it('property: an error never shows the secret of a token', () => {
    const broken = fc.constantFrom(
      `jetstream://h:99999/download?token=${TOKEN}`,
      `https://h:99999/d/${TOKEN}`,
      `https://h/d/${TOKEN}/more`,
      `jetstream://h/download?token=${TOKEN}&token=x`,
    );
    fc.assert(
      fc.property(broken, (text) => {
        expect(() => parseDownloadLink(text)).toThrow(CommandError);
        expect(() => parseDownloadLink(text)).not.toThrow(/BBBB/);
      }),
    );
  });
});
