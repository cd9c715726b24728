import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeClear, decodeEntryBlock, decodeTrailerBlock } from '@jetstream/transport';
import { describe, expect, it } from 'vitest';
import { protocolVectors, VECTORS_PATH } from './protocol-vectors.js';
import { repositoryRoot } from './server-process.js';

const kept = readFileSync(join(repositoryRoot(), VECTORS_PATH), 'utf8');

/** As far as the test looks into them: hex by name. */
interface Vectors {
  readonly clearPackets: { readonly firstOfClient: string };
  readonly blocks: { readonly entries: string; readonly trailers: string };
}

describe('docs/protocol-vectors.json', () => {
  it('is what the code produces', () => {
    expect(kept).toBe(protocolVectors());
  });

  it('its packets and blocks are understood by the decoders', () => {
    const { clearPackets, blocks } = JSON.parse(kept) as Vectors;
    const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
    for (const packet of Object.values(clearPackets)) {
      expect(decodeClear(bytesOf(packet))).not.toBeNull();
    }
    expect(decodeClear(bytesOf(clearPackets.firstOfClient))?.bytes.length).toBe(16);
    expect(decodeEntryBlock(bytesOf(blocks.entries))).toMatchObject({ firstIndex: 5 });
    expect(decodeTrailerBlock(bytesOf(blocks.trailers))).toMatchObject({ firstIndex: 5 });
  });
});
