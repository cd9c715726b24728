/** `jetstream get`: downloads what a link stands for, over the accelerated data plane. */
import { resolve } from 'node:path';
import {
  OVERWRITE_ALWAYS,
  OVERWRITE_NEVER,
  parseDownloadLink,
  type TransferStructure,
} from '@jetstream/contract';
import { type Command, Option } from 'commander';
import { copyOutcome } from '../copy-outcome.js';
import { runCopy } from '../copy-transfer.js';
import { type CopyView, copyView } from '../copy-view.js';
import { type LocalServer, openLocalServer } from '../embedded-server.js';
import { connectByLink } from '../login.js';
import { parsePositive } from '../option-values.js';
import type { Terminal } from '../terminal.js';

/** Milliseconds without a connection to the API; the transfer itself goes on meanwhile. */
const PATIENCE_MS = 600_000;

const OVERWRITE_MODES = { always: OVERWRITE_ALWAYS, never: OVERWRITE_NEVER } as const;

interface GetFlags {
  readonly receiveAddress?: string;
  readonly overwrite?: keyof typeof OVERWRITE_MODES;
  readonly rateMax?: number;
  readonly embedded?: boolean;
  readonly localKeyFile?: string;
  readonly fingerprint?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

interface Download {
  readonly link: string;
  readonly target: string;
  readonly flags: GetFlags;
  readonly view: CopyView;
}

const receiptOf = async (
  local: LocalServer,
  { transferId }: TransferStructure,
): Promise<string | null> => {
  const transfers = await local.api.recv.getTransfers();
  const received = transfers.find((transfer) => transfer.transferId === transferId);
  const path = received?.receiptPath ?? null;
  return path === null ? null : local.keepReceipt(path);
};

const download = async (terminal: Terminal, { link, target, flags, view }: Download) => {
  const place = parseDownloadLink(link);
  const quiet = flags.json === true;
  const { fingerprint } = flags;
  const sender = await connectByLink(terminal, {
    ...place,
    fingerprint,
    quiet,
    patienceMs: PATIENCE_MS,
  });
  try {
    const { manifestId, description } = await sender.send.getSharedToken(place.token);
    if (description !== '' && !flags.quiet) view.note(`Downloading "${description}"`);
    const local = await openLocalServer(terminal, flags);
    try {
      const { transfer, leftOut } = await runCopy({
        sender,
        receiver: local.api,
        receiverAddress:
          flags.receiveAddress ?? (sender.localAddress ?? '').replace(/^::ffff:(?=\d)/, ''),
        receiverToken: null,
        content: { manifestId, destinationPath: resolve(target) },
        delivery: {
          overwriteMode: flags.overwrite === undefined ? null : OVERWRITE_MODES[flags.overwrite],
        },
        ...(flags.rateMax === undefined ? {} : { sendRateMaxKbps: flags.rateMax }),
        view,
        signal: terminal.interrupted,
      });
      // What the link's server has left of us is of no use to anybody.
      await sender.send.deleteDestination(transfer.destinationId).catch(() => undefined);
      return { transfer, leftOut, receiptPath: await receiptOf(local, transfer) };
    } finally {
      await local.close();
    }
  } finally {
    await sender.close();
  }
};

const run = async (terminal: Terminal, link: string, given: Omit<Download, 'link' | 'view'>) => {
  const startMs = performance.now();
  const { flags } = given;
  const view = copyView(terminal, flags);
  const done = await download(terminal, { ...given, link, view });
  const elapsedSeconds = (performance.now() - startMs) / 1000;
  copyOutcome(terminal, { ...done, elapsedSeconds }, flags);
};

/** Adds the command. */
export const addGetCommand = (program: Command, terminal: Terminal): void => {
  program
    .command('get')
    .summary('download what a link stands for')
    .description(
      'Downloads the files of a link, jetstream://host/download?token=… or https://host/d/…, into a ' +
        'directory. Every file is verified by digest. Whoever has the link needs no account; its ' +
        'password, if it has one, comes from JETSTREAM_LINK_PASSWORD or a prompt.',
    )
    .argument('<link>', 'the link, or - for standard input, where other users do not see it')
    .argument('[directory]', 'where to; made when missing', '.')
    .option('--receive-address <host>', 'address under which the server reaches this machine')
    .addOption(
      new Option('--overwrite <when>', 'replace existing files').choices(
        Object.keys(OVERWRITE_MODES),
      ),
    )
    .option('--rate-max <kbit/s>', 'ceiling of the sending rate', parsePositive)
    .option('--embedded', 'do not use a running server of this user')
    .option('--local-key-file <file>', 'key file of the local server')
    .option('--fingerprint <text>', 'the only server key to accept, SHA256:…')
    .option('--quiet', 'no progress')
    .option('--json', 'progress and result as JSON, one record a line')
    .action(async (link: string, target: string, flags: GetFlags) => {
      const text = link === '-' ? await terminal.readInput() : link;
      await run(terminal, text, { target, flags });
    });
};
