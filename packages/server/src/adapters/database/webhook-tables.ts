/** Tables of webhooks; made by migration 0006. */
import type { Generated } from 'kysely';

interface WebhookTable {
  id: string;
  url: string;
  /** JSON: names of events, or `*`. */
  events: string;
  /** In the clear: it signs. */
  secret: string;
  description: string;
  creationTimeUs: number;
  /** The last event that was looked at. */
  cursorSeq: number;
}

interface WebhookDeliveryTable {
  /** Rises with each delivery. */
  id: Generated<number>;
  webhookId: string;
  eventSeq: number;
  eventName: string;
  status: 'pending' | 'delivered' | 'failed';
  attempts: number;
  /** When it is tried again; null when it is not. */
  nextTimeUs: number | null;
  lastTimeUs: number | null;
  httpStatus: number | null;
  errorMessage: string;
}

export interface WebhookTables {
  webhooks: WebhookTable;
  webhookDeliveries: WebhookDeliveryTable;
}
