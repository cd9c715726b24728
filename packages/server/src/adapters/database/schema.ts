/** Tables of the database, as the query builder sees them. Each domain describes its own. */
import type { ControlTables } from './control-tables.js';
import type { LinkTables } from './link-tables.js';
import type { RightsTables } from './rights-tables.js';
import type { TransferTables } from './transfer-tables.js';
import type { WebhookTables } from './webhook-tables.js';

/** All tables. */
export type Schema = ControlTables & TransferTables & RightsTables & LinkTables & WebhookTables;
