import { describe, expect, it } from 'vitest';
import {
  type CopySource,
  type CopyTarget,
  type PathKind,
  placement,
  planCopy,
} from './copy-plan.js';

const file = (path: string): CopySource => ({ path, kind: 'file', text: path });
const directory = (path: string, text = path): CopySource => ({ path, kind: 'directory', text });
const target = (kind: PathKind, path: string, text = path): CopyTarget => ({ path, kind, text });

describe('planCopy', () => {
  it('gives a single source the name of a target that is not there', () => {
    expect(planCopy([file('/a/x')], target('absent', '/t/y'))).toEqual({ '/t/y': '/a/x' });
    expect(planCopy([directory('/a/d')], target('absent', '/t/e'))).toEqual({ '/t/e': '/a/d' });
  });

  it('puts a source below a directory, or below a path with a trailing slash', () => {
    expect(planCopy([file('/a/x')], target('directory', '/t'))).toEqual({ '/t/x': '/a/x' });
    expect(planCopy([file('/a/x')], target('absent', '/t/'))).toEqual({ '/t/x': '/a/x' });
    expect(planCopy([file('/a/x')], target('absent', '/t', './t/'))).toEqual({ '/t/x': '/a/x' });
    expect(planCopy([directory('/a/d')], target('directory', '/'))).toEqual({ '/d': '/a/d' });
  });

  it('puts several sources below the target', () => {
    expect(planCopy([file('/a/x'), directory('/b/d')], target('absent', '/t'))).toEqual({
      '/t/x': '/a/x',
      '/t/d': '/b/d',
    });
  });

  it('takes "dir/." as what is in the directory', () => {
    const all = planCopy([directory('/a/d', 'd/.')], target('directory', '/t'));
    expect(all).toEqual({ '/t': '/a/d' });
    expect(planCopy([directory('/a', '.')], target('directory', '/t'))).toEqual({ '/t': '/a' });
  });

  it('replaces a file by a file and refuses the rest', () => {
    expect(planCopy([file('/a/x')], target('file', '/t'))).toEqual({ '/t': '/a/x' });
    expect(() => planCopy([directory('/a/d')], target('file', '/t'))).toThrow('it is a file');
    expect(() => planCopy([file('/a'), file('/b')], target('file', '/t'))).toThrow('it is a file');
  });

  it('refuses two sources of one name', () => {
    expect(() => planCopy([file('/a/x'), file('/b/x')], target('directory', '/t'))).toThrow(
      'both would become "/t/x"',
    );
  });
});

describe('placement', () => {
  it('as a whole: the target of the one source is what appears', () => {
    const mappings = { '/in/job': '/srv/job' };
    expect(placement(mappings, false)).toEqual({ mappings, destinationPath: null });
    expect(placement(mappings, true)).toEqual({
      mappings: { '/': '/srv/job' },
      destinationPath: '/in/job',
    });
    expect(() => placement({ '/in/a': '/a', '/in/b': '/b' }, true)).toThrow('2 sources');
  });
});
