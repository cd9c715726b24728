/** Bytes into every decoder of the data plane: whatever comes, nothing throws but what is promised. */
import {
  ACK_CREDITS_MAX,
  CLEAR_BYTES_MAX,
  COOKIE_BYTES_MAX,
  decodeClear,
  decodeEntryBlock,
  decodeStreamAnswer,
  decodeStreamHello,
  decodeTrailerBlock,
  discoverIdOf,
  EntryBlockWriter,
  encodeClear,
  encodeDiscover,
  encodeMessage,
  encodeRefusal,
  encodeRetry,
  encodeStreamAnswer,
  encodeStreamFrame,
  encodeStreamHello,
  MESSAGE_BYTES_MAX,
  MessageReader,
  MessageStream,
  readAck,
  refusalReason,
  STREAM_PACKET_BYTES_MAX,
  StreamFrameReader,
  startsHandshake,
} from '@jetstream/transport';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as peerMessages from '../../packages/server/src/data/worker/peer-messages.js';
import { property } from './fuzz-run.js';

const bytes = fc.uint8Array({ maxLength: 1400 });

/** What an attacker makes of a true packet. */
const mutated = (originals: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> =>
  fc
    .record({
      original: fc.constantFrom(...originals),
      other: fc.constantFrom(...originals),
      flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 6 }),
      cut: fc.option(fc.nat(), { freq: 3 }),
      splice: fc.option(fc.nat(), { freq: 3 }),
      tail: fc.uint8Array({ maxLength: 40 }),
    })
    .map(({ original, other, flips, cut, splice, tail }) => {
      let out = new Uint8Array([...original, ...tail]);
      if (splice !== null) {
        const at = splice % (original.length + 1);
        out = new Uint8Array([...original.subarray(0, at), ...other.subarray(at), ...tail]);
      }
      for (const [at, value] of flips) {
        const place = at % out.length;
        out[place] = (out[place] as number) ^ value;
      }
      return cut === null ? out : out.slice(0, cut % (out.length + 1));
    });

const clearPackets: readonly Uint8Array[] = [
  encodeRetry(7, new Uint8Array(16).fill(3)),
  encodeRefusal({ to: 1, from: 2 }, 'there is no such flow'),
  encodeDiscover(new Uint8Array(16).fill(9)),
  encodeClear(
    {
      destinationId: 0,
      kind: 1,
      sourceId: 77,
      ackOffset: 0,
      offset: 0,
      cookie: new Uint8Array(16),
      bytes: new Uint8Array(300).fill(22),
    },
    1,
    1200,
  ),
];

describe('decoders of datagrams', () => {
  it('clear packets: what is decoded is within its limits and lies in the datagram', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, mutated(clearPackets)), (datagram) => {
        const packet = decodeClear(datagram);
        if (packet === null) return;
        expect(packet.cookie.length).toBeLessThanOrEqual(COOKIE_BYTES_MAX);
        expect(packet.bytes.length).toBeLessThanOrEqual(CLEAR_BYTES_MAX);
        const again = decodeClear(encodeClear(packet, 1));
        expect(again).toEqual(packet);
        expect(discoverIdOf(packet)?.length ?? 16).toBe(16);
        expect(refusalReason(packet)).toMatch(/^[\x20-\x7e]*$/);
        if (startsHandshake(packet, datagram.length)) expect(datagram.length).toBeGreaterThan(1199);
      }),
      property(5000),
    );
  });

  it('acks: what is decoded lies in the payload', () => {
    fc.assert(
      fc.property(bytes, fc.nat(1400), (payload, length) => {
        const ack = readAck(payload, 0, Math.min(length, payload.length));
        if (ack === null) return;
        expect(ack.credits.length).toBeLessThanOrEqual(ACK_CREDITS_MAX);
        expect(ack.bitmapStart).toBeLessThanOrEqual(ack.bitmapEnd);
        expect(ack.bitmapEnd).toBeLessThanOrEqual(payload.length);
      }),
      property(5000),
    );
  });
});

const hellos = [encodeStreamHello(new Uint8Array(16).fill(4)), encodeStreamAnswer('no room')];

describe('decoders of TLS streams', () => {
  it('hello and answer: an id of its length, a reason in words, or nothing', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, mutated(hellos)), (packet) => {
        expect(decodeStreamHello(packet)?.length ?? 16).toBe(16);
        const answer = decodeStreamAnswer(packet);
        if (answer?.taken === false) expect(answer.reason).toMatch(/^[\x20-\x7e]*$/);
      }),
      property(5000),
    );
  });

  it('frames: what comes out has lain in the stream, in any cut, within its bounds', () => {
    const stream = mutated([...clearPackets, ...hellos].map(encodeStreamFrame));
    fc.assert(
      fc.property(fc.array(stream, { maxLength: 4 }), fc.array(fc.nat(5000)), (parts, cuts) => {
        const all = new Uint8Array(parts.flatMap((part) => [...part]));
        const places = [0, ...cuts.filter((at) => at < all.length), all.length];
        places.sort((a, b) => a - b);
        const reader = new StreamFrameReader();
        let out = 0;
        for (let i = 1; i < places.length; i += 1) {
          const used = reader.push(all.subarray(places[i - 1], places[i]), (packet) => {
            out += packet.length;
            return packet.length > 0;
          });
          expect(reader.heldBytes).toBeLessThanOrEqual(STREAM_PACKET_BYTES_MAX);
          if (used < 0) break;
        }
        expect(out).toBeLessThanOrEqual(all.length);
      }),
      property(1000),
    );
  });
});

const block = (): Uint8Array => {
  const writer = new EntryBlockWriter(0);
  const path = new TextEncoder().encode('a/b.txt');
  writer.add({ kind: 0, path, size: 5, mode: 0o644, mtimeus: 17 });
  return writer.finish();
};

describe('decoders of messages', () => {
  it('file lists: a fault in words, or items that are complete', () => {
    const input = fc.oneof(bytes, mutated([block()]));
    fc.assert(
      fc.property(input, (encoded) => {
        for (const decode of [decodeEntryBlock, decodeTrailerBlock]) {
          const found = decode(encoded);
          if ('fault' in found) expect(found.fault).not.toBe('');
          else expect(Number.isSafeInteger(found.firstIndex)).toBe(true);
        }
      }),
      property(5000),
    );
  });

  it('messages: any cut of the stream gives the same, and a bad one ends it', () => {
    const messages = fc.array(
      fc.record({
        type: fc.nat(255),
        channel: fc.nat(0xffff),
        body: fc.uint8Array({ maxLength: 300 }),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(messages, fc.array(fc.nat(2000)), bytes, (sent, cuts, junk) => {
        const reader = new MessageReader();
        const stream = new Uint8Array(sent.flatMap((message) => [...encodeMessage(message)]));
        const got = [];
        const places = [0, ...cuts.filter((at) => at < stream.length), stream.length];
        places.sort((a, b) => a - b);
        for (let i = 1; i < places.length; i += 1) {
          got.push(...(reader.push(stream.subarray(places[i - 1], places[i])) ?? []));
        }
        expect(got).toEqual(sent);
        for (const message of reader.push(junk) ?? []) {
          expect(message.body.length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX);
        }
      }),
      property(500),
    );
  });

  it('the message stream: pieces in any order and overlap give messages or a violation', () => {
    const pieces = fc.array(fc.tuple(fc.nat(3000), fc.uint8Array({ maxLength: 200 })));
    fc.assert(
      fc.property(pieces, (list) => {
        const stream = new MessageStream();
        for (const [start, content] of list) {
          const arrival = stream.receive(start, content);
          if ('violation' in arrival) return;
        }
      }),
      property(1000),
    );
  });

  it('JSON bodies: parsed or refused, and never more than was agreed', () => {
    const { parseBody, ...rest } = peerMessages;
    const schemas = Object.entries(rest).flatMap(([name, value]) =>
      name.endsWith('Body') && 'safeParse' in value ? [value as typeof peerMessages.offerBody] : [],
    );
    expect(schemas).toHaveLength(9);
    const text = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .record(
          {
            transferId: fc.oneof(fc.constant('a'.repeat(32)), fc.string()),
            token: fc.oneof(fc.constant(null), fc.string({ maxLength: 600 })),
            destinationPath: fc.string(),
            overwriteMode: fc.integer(),
            checkpointSeconds: fc.double(),
            totalFiles: fc.oneof(fc.nat(), fc.double()),
            totalBytes: fc.oneof(fc.nat(), fc.anything()),
            durable: fc.anything(),
            ranges: fc.array(fc.array(fc.integer())),
            __proto__: fc.anything(),
          },
          { requiredKeys: [] },
        )
        .map(
          (value) =>
            JSON.stringify(value, (_key, v: unknown) => (typeof v === 'bigint' ? 1 : v)) ?? '',
        ),
    );
    const encoder = new TextEncoder();
    fc.assert(
      fc.property(
        fc.oneof(
          bytes,
          text.map((t) => encoder.encode(t)),
        ),
        (body) => {
          for (const schema of schemas) {
            const parsed = parseBody(schema, body);
            if (parsed === null) continue;
            expect(schema.safeParse(parsed).success).toBe(true);
          }
        },
      ),
      property(2000),
    );
  });
});
