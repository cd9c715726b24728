/** Tables of sandbox mappings and wranglers; made by migration 0003. */

interface SandboxMappingTable {
  /** Lower-case user name: two mappings never differ in case only. '' is the system sandbox. */
  userFolded: string;
  userName: string;
  /** JSON: false, or sandbox name to directory. */
  roots: string;
}

interface WranglerTable {
  kind: 'user' | 'group';
  /** See `Account`. */
  id: string;
  /** The name that the right was given by, for people. */
  name: string;
}

export interface RightsTables {
  sandboxMappings: SandboxMappingTable;
  wranglers: WranglerTable;
}
