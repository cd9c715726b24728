/** Methods of the send interface about shared tokens, which are download links. */
import { z } from 'zod';
import { method, reference } from '../method.js';
import { sharedTokenStructure } from '../structures.js';

const sharedToken = reference('token', z.string().min(1).max(512));
const manifestId = reference('manifestId', z.string().min(1).max(256));
const timeLimitSeconds = z.number().positive().max(3.2e9).nullish();
const password = z.string().min(1).max(1024).nullish();
const downloadLimit = z.int().min(1).max(1_000_000_000).nullish();
const description = z.string().max(1024).nullish();
const tokenDoc = 'Text or id of the token, or its structure';

export const linkMethods = {
  'send.createSharedToken': method({
    params: { manifestId, timeLimitSeconds, password, downloadLimit, description },
    required: ['manifestId'],
    result: sharedTokenStructure,
    access: 'user',
    errors: ['not_found', 'manifest_not_ready'],
    since: '1.0.0',
    summary:
      'Creates a shared token: whoever has it may download the files of the manifest, and nothing else.',
    paramDocs: {
      manifestId: 'Id or structure of a manifest that is complete',
      timeLimitSeconds: 'Seconds until the token expires; never when absent',
      password: 'Password asked for at a download',
      downloadLimit: 'Downloads after which the token is used up; no limit when absent',
      description: 'What the token is for; shown to whoever opens the link',
    },
    mutates: true,
  }),
  'send.getSharedToken': method({
    params: { token: sharedToken },
    required: ['token'],
    result: sharedTokenStructure,
    access: 'user',
    errors: ['not_found'],
    since: '1.0.0',
    summary: 'Describes a shared token; a login by shared token may ask for its own.',
    paramDocs: { token: tokenDoc },
  }),
  'send.getSharedTokens': method({
    params: {
      limit: z.int().min(1).max(100_000).nullish(),
      offset: z.int().min(0).nullish(),
    },
    required: [],
    result: z.array(sharedTokenStructure),
    access: 'user',
    since: '1.0.0',
    summary: 'Describes all shared tokens that the caller may see, oldest first.',
    paramDocs: { limit: 'Ours: most entries to return', offset: 'Ours: entries to skip' },
  }),
  'send.updateSharedToken': method({
    params: { token: sharedToken, timeLimitSeconds, password, downloadLimit, description },
    required: ['token'],
    result: sharedTokenStructure,
    access: 'user',
    errors: ['not_found'],
    since: 'ours',
    summary: 'Changes what is given about a shared token.',
    paramDocs: {
      token: tokenDoc,
      timeLimitSeconds: 'Seconds from now until it expires; unchanged when absent',
      password: 'New password; unchanged when absent',
      downloadLimit: 'New limit, downloads so far included; unchanged when absent',
      description: 'New description; unchanged when absent',
    },
    mutates: true,
  }),
  'send.deleteSharedToken': method({
    params: { token: sharedToken },
    required: ['token'],
    result: z.null(),
    access: 'user',
    errors: ['not_found'],
    since: '1.0.0',
    summary:
      'Deletes a shared token; new calls and downloads with it fail at once, running transfers go on.',
    paramDocs: { token: tokenDoc },
    mutates: true,
  }),
} as const;
