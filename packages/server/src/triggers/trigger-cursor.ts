/**
 * How far the event log has been acted upon: all events up to a place have had their triggers, and
 * those have ended. Kept in the database, so that a server that was killed calls again what it had
 * not finished; nothing is missed, and something may be called twice.
 */
import type { SettingStore } from '../adapters/database/settings.js';

const SETTING = 'triggersDoneSeq';
/** Events without a trigger after which the place is saved. */
const EVENTS_UNSAVED_MAX = 1000;

export interface TriggerCursorOptions {
  readonly settings: SettingStore;
  readonly afterSeq: number;
  failed(error: unknown): void;
}

/** @see the head of this file */
export class TriggerCursor {
  readonly #options: TriggerCursorOptions;
  /** Events whose triggers have not all ended: how many are to end. */
  readonly #open = new Map<number, number>();
  #readSeq: number;
  #savedSeq: number;
  #saving: Promise<void> = Promise.resolve();
  #isSaving = false;

  constructor(options: TriggerCursorOptions) {
    this.#options = options;
    this.#readSeq = options.afterSeq;
    this.#savedSeq = options.afterSeq;
  }

  /** Where an earlier server was; null before the first. */
  static async load(settings: SettingStore): Promise<number | null> {
    const saved = await settings.read(SETTING);
    return saved === null ? null : Number(saved);
  }

  /** The last event that was read. */
  get readSeq(): number {
    return this.#readSeq;
  }

  /** An event has been read, and so many triggers are called for it. */
  begin(seq: number, calls: number): void {
    if (calls > 0) this.#open.set(seq, calls);
    this.#readSeq = seq;
    if (seq - this.#savedSeq >= EVENTS_UNSAVED_MAX) this.#save();
  }

  /** A trigger of an event has ended, or there is none of that name. */
  ended(seq: number): void {
    const left = (this.#open.get(seq) ?? 1) - 1;
    if (left > 0) this.#open.set(seq, left);
    else this.#open.delete(seq);
    this.#save();
  }

  /** Resolves when the place is durable. */
  async close(): Promise<void> {
    await this.#saving;
    this.#save();
    await this.#saving;
  }

  /** All events up to this one are done. */
  get #doneSeq(): number {
    // In rising order, as they were read.
    const [first] = this.#open.keys();
    return first === undefined ? this.#readSeq : first - 1;
  }

  #save(): void {
    if (this.#isSaving) return;
    this.#isSaving = true;
    this.#saving = this.#saveAll();
  }

  async #saveAll(): Promise<void> {
    try {
      while (this.#doneSeq > this.#savedSeq) {
        const seq = this.#doneSeq;
        await this.#options.settings.save(SETTING, String(seq));
        this.#savedSeq = seq;
      }
    } catch (error) {
      this.#options.failed(error);
    }
    this.#isSaving = false;
  }
}
