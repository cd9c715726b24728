import { describe, expect, it } from 'vitest';
import { resolveMethod } from './method-names.js';
import { describeParameters, parseParameters } from './parameter-values.js';

describe('parseParameters', () => {
  it('parses values by the schema of the parameter', () => {
    const ls = ['--path=/a=b', '--directory=true', '--calculateHashType=MD5'];
    expect(parseParameters('lsAsync', ls)).toEqual({
      path: '/a=b',
      directory: true,
      calculateHashType: 'MD5',
    });
    expect(parseParameters('getRequestResult', ['--requestId=7', '--timeoutSeconds=0.5'])).toEqual({
      requestId: 7,
      timeoutSeconds: 0.5,
    });
    expect(parseParameters('subscribe', ['--topics=["transfers"]'])).toEqual({
      topics: ['transfers'],
    });
  });

  it('takes a bare flag as true, null as null, and an id as text', () => {
    expect(parseParameters('lsAsync', ['--path=123', '--directory'])).toEqual({
      path: '123',
      directory: true,
    });
    expect(parseParameters('lsAsync', ['--path=/', '--directory=null'])).toMatchObject({
      directory: null,
    });
    expect(parseParameters('send.getTransfer', ['--transferId=0012'])).toEqual({
      transferId: '0012',
    });
  });

  it('takes a structure where the API takes one', () => {
    const args = ['--requestId={"requestId": 3}'];
    expect(parseParameters('getRequestResult', args)).toEqual({ requestId: { requestId: 3 } });
  });

  it('takes file mappings as text or as JSON', () => {
    expect(parseParameters('send.createManifest', ['--fileMappings=/a:/b'])).toEqual({
      fileMappings: '/a:/b',
    });
    expect(parseParameters('send.createManifest', ['--fileMappings=["/a:/b"]'])).toEqual({
      fileMappings: ['/a:/b'],
    });
    expect(parseParameters('send.createManifest', ['--mappings={"/b":"/a"}'])).toEqual({
      mappings: { '/b': '/a' },
    });
  });

  it('takes required parameters by position', () => {
    expect(parseParameters('lsAsync', ['/x', '--directory'])).toEqual({
      path: '/x',
      directory: true,
    });
    expect(() => parseParameters('lsAsync', ['/x', '/y'])).toThrow('expected --name=value');
  });

  it.each([
    [['--pth=/x'], 'did you mean "--path"?'],
    [['--__proto__=x'], 'no such parameter'],
    [[], '--path=… is missing'],
    [['--path'], 'a value is missing'],
    [['--path=/a', '--path=/b'], 'twice'],
    [['--path=/a', '--directory=yes'], 'expected true|false'],
    [['--path=/a', '--calculateHashType=CRC'], '--calculateHashType'],
  ])('refuses %j', (args, message) => {
    expect(() => parseParameters('lsAsync', args)).toThrow(message);
  });

  it('refuses broken JSON and numbers', () => {
    expect(() => parseParameters('send.createManifest', ['--mappings={'])).toThrow('expected JSON');
    expect(() => parseParameters('sleep', ['--milliseconds=soon'])).toThrow('expected number');
  });
});

describe('describeParameters', () => {
  it('lists required parameters first, each with a form and words', () => {
    const [path, directory, hash] = describeParameters('lsAsync');
    expect(path).toEqual({ name: 'path', required: true, form: 'text', doc: 'Path to list' });
    expect(directory?.form).toBe('true|false');
    expect(hash?.form).toBe('MD5|S3|SHA256|BLAKE3|XXH3');
  });
});

describe('resolveMethod', () => {
  it.each([
    ['getServerInfo', 'getServerInfo', false],
    ['lsAsync', 'lsAsync', false],
    ['ls', 'lsAsync', true],
    ['auth', 'auth', false],
    ['createManifest', 'send.createManifest', false],
    ['getTransfers', 'send.getTransfers', false],
    ['recv.getTransfers', 'recv.getTransfersAsync', true],
    ['getSources', 'recv.getSourcesAsync', true],
  ])('%s is %s', (name, method, waits) => {
    expect(resolveMethod(name)).toEqual({ method, waits });
  });

  it('names the closest command', () => {
    expect(() => resolveMethod('getServerInof')).toThrow('did you mean "getServerInfo"?');
    expect(() => resolveMethod('createManfest')).toThrow('did you mean "createManifest"?');
    expect(() => resolveMethod('qqqqqqqq')).toThrow('Cannot find the command "qqqqqqqq"');
  });
});
