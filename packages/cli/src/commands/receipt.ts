/** `jetstream receipt`: what was delivered, who says so, and whether it is still there. */
import { hostname } from 'node:os';
import { DEFAULT_API_PORT, DEFAULT_SERVER_ADDRESS } from '@jetstream/contract';
import { type Command, Option } from 'commander';
import { EXIT } from '../exit-codes.js';
import { CliError } from '../failure.js';
import { untilInterrupted } from '../interruption.js';
import { jsonLine, jsonText } from '../json-text.js';
import { writeNewFile } from '../new-file.js';
import { parsePort } from '../option-values.js';
import { type ReceiptFlags, withReceipt } from '../receipt-source.js';
import {
  type ExportFormat,
  loadReceipts,
  type ReceiptHead,
  type ReceiptReport,
} from '../server-receipts.js';
import type { Terminal } from '../terminal.js';
import { visible } from '../visible-text.js';

interface VerifyFlags extends ReceiptFlags {
  readonly key?: string;
  readonly tree?: string;
  readonly json?: boolean;
}

interface ExportFlags extends ReceiptFlags {
  readonly format: ExportFormat;
  readonly tree?: string;
  readonly output?: string;
}

const FORMATS = ['b3sum', 'sha256sum', 'bagit', 'ascmhl'];

const time = (us: number): string => new Date(us / 1000).toISOString();

const headText = (head: ReceiptHead): string => {
  const { server, peer, role } = head;
  const [sender, receiver] = role === 'sender' ? [server, peer] : [peer, server];
  return [
    `Receipt of the ${role}, transfer ${head.transferId}`,
    `Sender    ${sender.publicKey} (${visible(sender.serverUid)})`,
    `Receiver  ${receiver.publicKey} (${visible(receiver.serverUid)})`,
    `Path      ${visible(head.destinationPath)}`,
    `From      ${time(head.startTime)}`,
    `To        ${time(head.endTime)}`,
    `Verified  ${head.verified}`,
    '',
  ].join('\n');
};

const show = async (terminal: Terminal, file: string, json: boolean): Promise<void> => {
  const { ReceiptReader } = await loadReceipts();
  let isFirst = true;
  const check = await new ReceiptReader(file).read((line, head) => {
    if (isFirst) terminal.out(json ? `${jsonLine(head)}\n` : headText(head));
    isFirst = false;
    const { error, blake3, kind, size, path } = line;
    const digest = blake3 ?? (kind === 'directory' ? 'directory' : '-');
    const text = error === undefined ? `${digest}  ${size}` : `${error.code}  ${size}`;
    terminal.out(json ? `${jsonLine(line)}\n` : `${text}  ${visible(path)}\n`);
  });
  if (isFirst) terminal.out(json ? `${jsonLine(check.head)}\n` : headText(check.head));
  if (json) terminal.out(`${jsonLine({ ...check.totals, problems: check.problems })}\n`);
  else for (const problem of check.problems) terminal.err(`Not to be trusted: ${problem}\n`);
};

const tellReport = (terminal: Terminal, report: ReceiptReport, flags: VerifyFlags): void => {
  const { problems, differences, differenceCount, compared, totals, seal } = report;
  if (flags.json) {
    terminal.out(`${jsonText(report)}\n`);
  } else {
    for (const { message } of differences) terminal.err(`${visible(message)}\n`);
    if (problems.length === 0) {
      terminal.out(`Signed by ${seal.publicKey}, ${totals.files} files, ${totals.bytes} bytes\n`);
      if (totals.failed > 0) terminal.out(`${totals.failed} files were not delivered\n`);
    }
    const same = compared - differenceCount;
    if (flags.tree !== undefined) terminal.out(`${same} of ${compared} entries are as delivered\n`);
  }
  if (problems[0] !== undefined) {
    const options = { exitCode: EXIT.identityChanged, code: 'receipt_invalid' };
    throw new CliError(`The receipt is not to be trusted: ${problems.join('; ')}`, options);
  }
  if (differenceCount === 0) return;
  throw new CliError(`${differenceCount} entries are not what was delivered`, {
    exitCode: EXIT.someFilesFailed,
    code: 'content_mismatch',
  });
};

const verify = async (terminal: Terminal, file: string, flags: VerifyFlags): Promise<void> => {
  const { verifyReceipt } = await loadReceipts();
  const report = await verifyReceipt(file, {
    publicKey: flags.key ?? null,
    tree: flags.tree ?? null,
    progress: (files) => {
      if (terminal.errIsTty) terminal.err(`\r${files} files read`);
    },
  });
  if (terminal.errIsTty) terminal.err('\r\u001b[K');
  tellReport(terminal, report, flags);
};

const exportAs = async (terminal: Terminal, file: string, flags: ExportFlags): Promise<void> => {
  const { exportReceipt } = await loadReceipts();
  const { format, tree = null, output } = flags;
  const fill = async (write: (bytes: Uint8Array) => void): Promise<void> => {
    const order = { format, tree, hostName: hostname(), now: new Date(), write };
    const files = await exportReceipt(file, order);
    terminal.err(`Exported ${files} files\n`);
  };
  if (output === undefined) await fill((bytes) => terminal.out(bytes));
  else await writeNewFile(output, fill);
};

/** Adds the command and its sub-commands. */
export const addReceiptCommand = (program: Command, terminal: Terminal): void => {
  const group = program
    .command('receipt')
    .summary('show, verify and export receipts of transfers')
    .description(
      'A receipt is a file that a server has signed, or the id of a transfer, whose receipt is then ' +
        'fetched from a server.',
    );
  const add = <F extends ReceiptFlags>(
    command: Command,
    action: (file: string, flags: F) => Promise<void>,
  ): void => {
    command
      .argument('<receipt>', 'a file, or the 32 hex digits of a transfer')
      .option('--host <host>', 'server to fetch it from', DEFAULT_SERVER_ADDRESS)
      .option('--api-control-port <port>', 'TCP port of its API', parsePort, DEFAULT_API_PORT)
      .option('--user <name>', 'user to log in as')
      .option('--local-key-file <file>', 'key file of a server of the same user')
      .option('--fingerprint <text>', 'the only server key to accept, SHA256:…')
      .action(async (text: string, flags: F) => {
        const work = withReceipt(terminal, { text, flags }, (file) => action(file, flags));
        await untilInterrupted(terminal, work);
      });
  };
  add<VerifyFlags>(
    group
      .command('show')
      .summary('print what a receipt says')
      .option('--json', 'print JSON, one record a line'),
    (file, flags) => show(terminal, file, flags.json ?? false),
  );
  add<VerifyFlags>(
    group
      .command('verify')
      .summary('check the signatures of a receipt, and the files on the disk')
      .option('--key <base64>', 'the key that must have signed: publicKey of the server info')
      .option('--tree <dir>', 'compare the files below this directory, the destination path')
      .option('--json', 'print JSON'),
    (file, flags) => verify(terminal, file, flags),
  );
  add<ExportFlags>(
    group
      .command('export')
      .summary('write the list of files in the form of another program')
      .addOption(new Option('--format <form>', 'form').choices(FORMATS).makeOptionMandatory())
      .option('--tree <dir>', 'the delivered files; needed by all forms but b3sum')
      .option('--output <file>', 'new file in place of standard output'),
    (file, flags) => exportAs(terminal, file, flags),
  );
};
