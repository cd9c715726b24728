/**
 * A manifest of the ASC Media Hash List, version 2.0: first generation, hash formats MD5, which every
 * tool reads, and C4, which nobody can forge. The format has no BLAKE3, so both come from reading the
 * files; each was held against the BLAKE3 of the receipt.
 */
import { BUILD_VERSION, CommandError } from '@jetstream/contract';
import { c4IdOf } from './c4-id.js';
import type { ReceiptExport } from './receipt-export.js';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** Characters that XML 1.0 has no way to write. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones it refuses
const UNWRITABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

const xml = (text: string): string => {
  if (UNWRITABLE.test(text) || /\p{Surrogate}/u.test(text)) {
    throw new CommandError(
      'invalid_params',
      `Cannot export ${JSON.stringify(text)}: XML has no characters for this name`,
    );
  }
  return text.replace(/[&<>"\t\n\r]/g, (unit) => ENTITIES[unit] ?? unit);
};

/** Date and time as the schema wants it, whole seconds. */
const dateTime = (date: Date): string => `${date.toISOString().slice(0, 19)}+00:00`;

export interface AscMhlOptions {
  write(bytes: Uint8Array): void;
  readonly hostName: string;
  readonly now: Date;
}

/** @see the head of this file */
export const ascMhlExport = ({ write, hostName, now }: AscMhlOptions): ReceiptExport => {
  const put = (text: string): void => write(Buffer.from(text));
  const hashDate = dateTime(now);
  return {
    hashes: ['md5', 'sha512'],
    begin: (head) =>
      put(`<?xml version="1.0" encoding="UTF-8"?>
<hashlist version="2.0" xmlns="urn:ASC:MHL:v2.0">
  <creatorinfo>
    <creationdate>${hashDate}</creationdate>
    <hostname>${xml(hostName)}</hostname>
    <tool version="${xml(BUILD_VERSION)}">jetstream</tool>
    <comment>transfer ${head.transferId}</comment>
  </creatorinfo>
  <processinfo>
    <process>transfer</process>
  </processinfo>
  <hashes>
`),
    file: (file, digests) => {
      if (file.kind !== 'file') return;
      const modified = dateTime(new Date(file.mtime / 1000));
      const path = xml(file.path.replace(/^\/+/, ''));
      put(`    <hash>
      <path size="${file.size}" lastmodificationdate="${modified}">${path}</path>
      <md5 action="original" hashdate="${hashDate}">${digests['md5']}</md5>
      <c4 action="original" hashdate="${hashDate}">${c4IdOf(digests['sha512'] ?? '')}</c4>
    </hash>
`);
    },
    end: () => put('  </hashes>\n</hashlist>\n'),
  };
};
