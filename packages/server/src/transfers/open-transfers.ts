/**
 * Transfers that began while their manifest was being made. When that has ended they get their totals,
 * or end with its error: what they have sent of it is then a part of nothing.
 */
import type { CommandError } from '@jetstream/contract';
import type { Logger } from '../adapters/log/logger.js';
import type { ManifestRecord, ManifestStore } from '../manifests/manifest-store.js';
import type { LiveTransfer } from './live-transfer.js';
import type { TransferEngine } from './transfer-engine.js';
import type { Totals } from './transfer-record.js';
import { hasEnded } from './transfer-states.js';

export interface OpenTransfersOptions {
  readonly engine: Pick<TransferEngine, 'unfinished' | 'amend' | 'end'>;
  readonly manifests: Pick<ManifestStore, 'find'>;
  readonly log: Logger;
}

/** What a manifest that is complete says of a transfer's totals. */
export const closedTotals = (
  manifest: Pick<ManifestRecord, 'totalFiles' | 'totalSize'>,
): Totals => ({
  totalFiles: manifest.totalFiles ?? 0,
  totalBytes: manifest.totalSize ?? 0,
  isOpen: false,
});

/** @see the head of this file */
export class OpenTransfers {
  readonly #options: OpenTransfersOptions;

  constructor(options: OpenTransfersOptions) {
    this.#options = options;
  }

  /** Looks at all of them, after a restart. */
  async start(): Promise<void> {
    const ids = new Set<string>();
    for (const { record } of this.#open()) ids.add(record.manifestId);
    for (const id of ids) await this.settle(id);
  }

  /** A manifest has ended; when that cannot be told now, the transfers hear of it at the next start. */
  manifestEnded(manifestId: string): void {
    this.settle(manifestId).catch((error: unknown) =>
      this.#options.log.error(
        { manifestId, err: error },
        'cannot look up a manifest that has ended',
      ),
    );
  }

  /** A manifest may have ended: tells the transfers that wait for that. */
  async settle(manifestId: string): Promise<void> {
    const manifest = await this.#options.manifests.find(manifestId);
    if (manifest?.status === 'pending') return;
    for (const transfer of this.#open()) {
      if (transfer.record.manifestId === manifestId) await this.#settle(transfer, manifest);
    }
  }

  #open(): LiveTransfer[] {
    return [...this.#options.engine.unfinished()].filter(
      ({ record }) => record.isOpen === true && !hasEnded(record.status),
    );
  }

  async #settle(transfer: LiveTransfer, manifest: ManifestRecord | null): Promise<void> {
    const { engine, log } = this.#options;
    try {
      if (manifest?.status === 'complete') {
        await engine.amend(transfer, closedTotals(manifest));
        return;
      }
      const code: CommandError['code'] = manifest?.errorCode ?? 'manifest_not_ready';
      const why = manifest?.errorMessage ?? 'the manifest is gone';
      const message = `Cannot go on, because the manifest failed while it was being sent: ${why}`;
      await engine.end(transfer, { status: 'error', code, message, aftermath: 'discard' });
    } catch (error) {
      log.error({ transferId: transfer.id, err: error }, 'cannot tell a transfer of its manifest');
    }
  }
}
