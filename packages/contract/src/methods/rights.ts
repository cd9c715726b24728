/** Methods about rights: wranglers, sandbox mappings, and changes to API tokens. */
import { z } from 'zod';
import { method, reference } from '../method.js';
import { sandboxMappings, sandboxRoots, wranglerLists } from '../server-structures.js';

const nothing = z.null();
const name = z.string().max(256);

export const rightsMethods = {
  wrangler: method({
    params: {},
    required: [],
    result: nothing,
    access: 'user',
    errors: ['accounts_unavailable'],
    since: '2.5.0',
    summary: 'Elevates this session to wrangler, if the user was granted that right.',
    mutates: true,
  }),
  addWranglerAsync: method({
    params: { name: name.min(1), isGroup: z.boolean().nullish() },
    required: ['name'],
    result: nothing,
    access: 'superuser',
    errors: ['not_found', 'accounts_unavailable'],
    since: '2.5.0',
    summary: 'Gives a user or a group wrangler rights; complete when it returns.',
    paramDocs: {
      name: 'User or group name; kept as the id that it has now',
      isGroup: 'True when the name is that of a group; false when absent',
    },
    mutates: true,
  }),
  deleteWrangler: method({
    params: {
      identifier: z.union([z.string().min(1).max(64), z.int().min(0).max(4_294_967_295)]),
      isGroup: z.boolean().nullish(),
    },
    required: ['identifier'],
    result: nothing,
    access: 'superuser',
    errors: ['not_found', 'conflict', 'accounts_unavailable'],
    since: '2.5.0',
    summary: 'Takes wrangler rights from a user id or group id, at once and in open sessions.',
    paramDocs: {
      identifier: 'User id or group id as `getWranglers` shows it, not a name',
      isGroup: 'True for a group id; false when absent',
    },
    mutates: true,
  }),
  getWranglers: method({
    params: {},
    required: [],
    result: wranglerLists,
    access: 'superuser',
    since: '2.5.0',
    summary: 'Lists the users and groups that were given wrangler rights.',
  }),
  setSandboxMapping: method({
    params: { userName: name, sandboxRoots },
    required: ['userName', 'sandboxRoots'],
    result: nothing,
    access: 'superuser',
    errors: ['path_invalid', 'name_too_long', 'conflict'],
    since: '1.5.0',
    summary: 'Sets the sandbox roots of a user; new sessions only.',
    paramDocs: {
      userName: 'The user; blank for the system sandbox, which users without a mapping inherit',
      sandboxRoots:
        'Sandbox name (blank: `/`) to root, a path or `{type: "File", path}`; false for no sandbox. In the system sandbox %u and %f are the user name, %d nothing, %% a percent sign',
    },
    mutates: true,
  }),
  getSandboxMappings: method({
    params: {},
    required: [],
    result: sandboxMappings,
    access: 'superuser',
    since: '1.5.0',
    summary: 'Returns the sandbox mappings of all users; the blank user is the system sandbox.',
  }),
  deleteSandboxMapping: method({
    params: { userName: name },
    required: ['userName'],
    result: nothing,
    access: 'superuser',
    errors: ['not_found', 'conflict'],
    since: '1.5.0',
    summary: "Deletes a user's sandbox mapping; new sessions only.",
    paramDocs: { userName: 'The user; blank for the system sandbox' },
    mutates: true,
  }),
  updateAPIToken: method({
    params: {
      token: reference('token', z.string().max(512)),
      timeLimitSeconds: z.number().positive().max(3.2e9).nullish(),
      description: z.string().max(1024).nullish(),
    },
    required: ['token'],
    result: nothing,
    access: 'user',
    errors: ['not_found'],
    since: '2.6.0',
    summary: 'Changes expiry or description of an API token.',
    paramDocs: {
      token: 'Text or id of the token, or its structure',
      timeLimitSeconds: 'Seconds from now until it expires; unchanged when absent',
      description: 'New description; unchanged when absent',
    },
    mutates: true,
  }),
} as const;
