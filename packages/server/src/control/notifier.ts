/** How services tell sessions about changes of owned objects. */
import type { Ownership } from '../sessions/caller.js';
import type { Topic } from '../sessions/session.js';

export interface Notifier {
  /**
   * Sends an item to every session that has subscribed to the topic and may see its owner's
   * objects. Cheap while nobody listens; the item is encoded before this returns.
   */
  publish(topic: Topic, owner: Ownership, item: unknown): void;
}
