/** What more than one process of a server knows of triggers. Limits have a row in docs/LIMITS.md. */

/** Characters of one argument; what is longer is cut. */
export const ARGUMENT_CHARACTERS_MAX = 4096;

/** Where the triggers of a server are that root has started. */
export const DEFAULT_TRIGGER_DIR = '/var/lib/jetstream/triggers';
