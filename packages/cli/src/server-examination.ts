/** What a server with given options would lack on this machine. */
import type { ServerOption, ServerOptionsInput } from '@jetstream/server';
import type { Finding } from '@jetstream/server/offline';
import { isSingleProcess } from './monitor-start.js';

export type { Finding, ServerOption, ServerOptionsInput };

export interface Examination {
  readonly options: readonly ServerOption[];
  examine(options: ServerOptionsInput): Promise<readonly Finding[]>;
}

/** Loads the server's code, which only the commands that need it should have to wait for. */
export const openExamination = async (environment: NodeJS.ProcessEnv): Promise<Examination> => {
  const { serverOptions } = await import('@jetstream/server');
  const { examine } = await import('@jetstream/server/offline');
  const singleProcess = isSingleProcess(environment);
  return {
    options: serverOptions,
    examine: (given) => examine(given, { nowMs: Date.now(), singleProcess }),
  };
};
