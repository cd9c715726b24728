import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where a server keeps its state when no directory is given. */
export const defaultStateDir = (): string => {
  if (process.getuid?.() === 0) return '/var/lib/jetstream/state';
  const base = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state');
  return join(base, 'jetstream');
};
