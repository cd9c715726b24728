/** Where a receipt comes from: a file, or a server that is asked for that of a transfer. */
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Api, CommandError } from '@jetstream/client';
import type { ReceiptPage } from '@jetstream/contract';
import { connectAndLogIn } from './login.js';
import type { Terminal } from './terminal.js';

/** Flags for the server. */
export interface ReceiptFlags {
  readonly host: string;
  readonly apiControlPort: number;
  readonly user?: string;
  readonly localKeyFile?: string;
  readonly fingerprint?: string;
}

type Fetch = (offset: number) => Promise<ReceiptPage>;

/** The server has sent the transfer, or else received it. */
const pagesOf = async (
  api: Api,
  transferId: string,
): Promise<{ first: ReceiptPage; next: Fetch }> => {
  const sent: Fetch = (offset) => api.send.getReceipt(transferId, { offset });
  const received: Fetch = (offset) => api.recv.getReceipt(transferId, { offset });
  try {
    return { first: await sent(0), next: sent };
  } catch (error) {
    if (!(error instanceof CommandError) || error.code !== 'not_found') throw error;
    return { first: await received(0), next: received };
  }
};

const fetchTo = async (file: string, api: Api, transferId: string): Promise<void> => {
  const { first, next } = await pagesOf(api, transferId);
  await writeFile(file, first.text, { mode: 0o600 });
  for (let { nextOffset } = first; nextOffset !== null; ) {
    const page = await next(nextOffset);
    await appendFile(file, page.text);
    nextOffset = page.nextOffset;
  }
};

/**
 * Calls back with the path of a receipt, which is gone afterwards when it came from a server.
 *
 * @param text Path of a file, or the 32 hex digits of a transfer.
 */
export const withReceipt = async (
  terminal: Terminal,
  { text, flags }: { readonly text: string; readonly flags: ReceiptFlags },
  use: (file: string) => Promise<void>,
): Promise<void> => {
  if (!/^[0-9a-f]{32}$/.test(text)) {
    await use(text);
    return;
  }
  const { apiControlPort: port, host, user, localKeyFile, fingerprint } = flags;
  const directory = await mkdtemp(join(tmpdir(), 'jetstream-receipt-'));
  try {
    const file = join(directory, `${text}.jsonl`);
    const login = { host, port, user, localKeyFile, fingerprint };
    const api = await connectAndLogIn(terminal, login);
    try {
      await fetchTo(file, api, text);
    } finally {
      await api.close();
    }
    await use(file);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};
