/** Methods of the send interface: manifests. */
import { z } from 'zod';
import { method } from '../method.js';
import { manifestFilesStructure, manifestStructure } from '../structures.js';
import { manifestId, page, pageDocs, timeoutSeconds } from './send-parameters.js';
import { path } from './server.js';

/** `src:dst`, or `src::dst` when a side holds a colon. */
const mappingText = z
  .string()
  .min(3)
  .max(8192 * 2 + 2);

/** Globs; see docs/DELIVERY.md. */
const patterns = z.array(z.string().min(1).max(1000)).max(200);

export const manifestMethods = {
  'send.createManifest': method({
    params: {
      mappings: z.record(path, path).nullish(),
      fileMappings: z
        .union([
          mappingText,
          z
            .array(z.union([mappingText, z.strictObject({ srcPath: path, destPath: path })]))
            .max(100_000),
        ])
        .nullish(),
      symlinks: z.int().min(0).max(2).nullish(),
      include: patterns.nullish(),
      exclude: patterns.nullish(),
    },
    required: [],
    result: manifestStructure,
    access: 'user',
    errors: ['path_invalid'],
    since: '1.0.0',
    summary:
      'Makes a manifest from file mappings; directories are taken with everything below. ' +
      'Returns at once with status `pending`.',
    paramDocs: {
      mappings: 'Destination path to source path',
      fileMappings:
        'The same as a list of `source:destination` (`source::destination` when a side holds a colon) or of `{srcPath, destPath}`',
      symlinks: 'FOLLOW 0 (default), IGNORE 1, ours: PRESERVE 2',
      include:
        'Ours: globs of what is taken below a source directory; without a slash they mean the name at any depth',
      exclude: 'Ours: globs of what is left out; they go before `include`',
    },
    mutates: true,
  }),
  'send.getManifest': method({
    params: { manifestId },
    required: ['manifestId'],
    result: manifestStructure,
    access: 'user',
    errors: ['not_found'],
    since: '1.0.0',
    summary: 'Returns the state of a manifest.',
    paramDocs: { manifestId: 'Id or structure' },
  }),
  'send.getManifests': method({
    params: { ...page },
    required: [],
    result: z.array(manifestStructure),
    access: 'user',
    since: '1.0.0',
    summary: 'Returns all manifests that the caller may see, oldest first.',
    paramDocs: pageDocs,
  }),
  'send.waitForManifest': method({
    params: { manifestId, timeoutSeconds },
    required: ['manifestId'],
    result: manifestStructure,
    access: 'user',
    errors: ['not_found', 'timeout'],
    since: '1.0.0',
    summary: 'Waits until a manifest is no longer processing and returns it.',
    paramDocs: {
      manifestId: 'Id or structure',
      timeoutSeconds: 'Longest wait; no limit when absent',
    },
  }),
  'send.getManifestFiles': method({
    params: { manifestId, ...page },
    required: ['manifestId'],
    result: manifestFilesStructure,
    access: 'user',
    errors: ['not_found', 'manifest_not_ready'],
    since: '1.0.0',
    summary: 'Returns the file mappings of a manifest.',
    paramDocs: { manifestId: 'Id or structure', ...pageDocs },
  }),
  'send.deleteManifest': method({
    params: { manifestId },
    required: ['manifestId'],
    result: z.null(),
    access: 'user',
    errors: ['not_found', 'conflict'],
    since: '1.0.0',
    summary: 'Deletes a manifest that no unfinished transfer uses.',
    paramDocs: { manifestId: 'Id or structure' },
    mutates: true,
  }),
};
