/**
 * Reads a receipt from a file of unknown origin: line by line in bounded memory, checked for its form,
 * its counts and its seal. Nothing in it is believed before the seal has been checked.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { CommandError } from '@jetstream/contract';
import type { z } from 'zod';
import {
  RECEIPT_LINE_BYTES_MAX,
  type ReceiptFile,
  type ReceiptHead,
  type ReceiptSeal,
  type ReceiptTotals,
  receiptEnd,
  receiptFile,
  receiptHead,
  receiptSeal,
} from './receipt-format.js';
import { isSealed } from './receipt-seal.js';

const LINE_FEED = 0x0a;

/** What is wrong with a receipt, or how it was found to be right. */
export interface ReceiptCheck {
  readonly head: ReceiptHead;
  readonly totals: ReceiptTotals;
  readonly seal: ReceiptSeal;
  /** For people; empty when form, counts and signatures are right. */
  readonly problems: readonly string[];
}

const malformed = (file: string, why: string): CommandError =>
  new CommandError('invalid_params', `Cannot read the receipt "${file}": ${why}`);

async function* linesOf(file: string): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const part of fs.createReadStream(file) as AsyncIterable<Buffer>) {
    const bytes = rest.length === 0 ? part : Buffer.concat([rest, part]);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      yield bytes.subarray(start, end + 1);
      start = end + 1;
    }
    rest = Buffer.from(bytes.subarray(start));
    if (rest.length > RECEIPT_LINE_BYTES_MAX) throw malformed(file, 'a line is too long');
  }
  if (rest.length > 0) throw malformed(file, 'it ends within a line');
}

/** Reads what a file says, and calls `take` for each of its files in their order. */
export class ReceiptReader {
  readonly #file: string;
  readonly #hash = createHash('sha256');
  readonly #counted = { files: 0, failed: 0, bytes: 0 };
  #head: ReceiptHead | null = null;
  #end: ReceiptTotals | null = null;
  #seal: ReceiptSeal | null = null;

  constructor(file: string) {
    this.#file = file;
  }

  /**
   * @param take Called for each file; what it returns is waited for.
   * @throws {CommandError} `invalid_params` if the file is no receipt, `not_found` without a file.
   */
  async read(
    take: (file: ReceiptFile, head: ReceiptHead) => unknown = () => undefined,
  ): Promise<ReceiptCheck> {
    try {
      for await (const line of linesOf(this.#file)) {
        const file = this.#line(line);
        if (file !== null) await take(file, this.#head as ReceiptHead);
      }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ENOENT') throw error;
      throw new CommandError('not_found', `Cannot read the receipt "${this.#file}": no such file`);
    }
    return this.#result();
  }

  #line(line: Buffer): ReceiptFile | null {
    if (this.#seal !== null) throw malformed(this.#file, 'something follows the seal');
    if (this.#end !== null) {
      this.#seal = this.#parse(receiptSeal, line).seal;
      return null;
    }
    this.#hash.update(line);
    if (this.#head === null) {
      this.#head = this.#parse(receiptHead, line);
      return null;
    }
    if (line.subarray(0, 7).equals(Buffer.from('{"end":'))) {
      this.#end = this.#parse(receiptEnd, line).end;
      return null;
    }
    const file = this.#parse(receiptFile, line);
    if (file.error !== undefined) this.#counted.failed += 1;
    else {
      this.#counted.files += 1;
      this.#counted.bytes += file.size;
    }
    return file;
  }

  #parse<T extends z.ZodType>(schema: T, line: Buffer): z.output<T> {
    let value: unknown;
    try {
      value = JSON.parse(line.toString());
    } catch {
      throw malformed(this.#file, 'a line is not JSON');
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw malformed(this.#file, `a line is not what belongs in its place`);
  }

  #result(): ReceiptCheck {
    const [head, totals, seal] = [this.#head, this.#end, this.#seal];
    if (head === null || totals === null || seal === null) {
      throw malformed(this.#file, 'it is cut off, expected a seal in the last line');
    }
    const problems = [
      ...this.#sealProblems(head, seal),
      ...foreignProblems(head),
      ...(JSON.stringify(totals) === JSON.stringify(this.#counted)
        ? []
        : ['the files do not add up to the numbers at its end']),
    ];
    return { head, totals, seal, problems };
  }

  #sealProblems(head: ReceiptHead, seal: ReceiptSeal): string[] {
    if (this.#hash.digest('hex') !== seal.sha256) return ['it was changed after it was signed'];
    if (seal.publicKey !== head.server.publicKey)
      return ['another server than it names has signed'];
    return isSealed(head, seal) ? [] : ['its signature is wrong'];
  }
}

/** A sender's receipt holds the receiver's signature. */
const foreignProblems = (head: ReceiptHead): string[] => {
  if (head.role === 'receiver') return [];
  if (head.receiver == null) return ['the receiver has not signed'];
  const { transferId, peer, receiver } = head;
  const seal = { ...receiver, publicKey: peer.publicKey };
  const isRight = isSealed({ role: 'receiver', transferId }, seal);
  return isRight ? [] : ['the signature of the receiver is wrong'];
};
