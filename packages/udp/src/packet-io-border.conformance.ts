/** What every PacketIO refuses, and how it waits, wakes and ends. */
import {
  CIPHER,
  type Cipher,
  CLEAR_HANDLE,
  DESCRIPTOR_WORDS,
  PACKET_OVERHEAD_BYTES,
  PAYLOAD_BYTES_MAX,
} from '@jetstream/transport';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { openPacketIO } from './open-packet-io.js';
import {
  cipherKey,
  closeAll,
  type End,
  fillBatch,
  installBoth,
  type Kind,
  openPair,
  type PairOptions,
  packet,
  RawSocket,
  RIGHT_ID,
  receiveAll,
  receiveNow,
  receiveUntilRefused,
  sendAll,
  TEST_IV,
  until,
} from './packet-io-pair.conformance.js';

const CIPHERS = Object.entries(CIPHER) as [string, Cipher][];
const PAYLOAD = Buffer.alloc(200, 7);

/** Runs the suite of refusals, waking and closing on one implementation. */
export function describeBorder(kind: Kind): void {
  describe(`PacketIO border, ${kind}`, () => {
    const ends: End[] = [];
    const raws: RawSocket[] = [];
    const pair = async (options: Omit<PairOptions, 'kinds'> = {}) => {
      const made = await openPair({ kinds: [kind, kind], ...options });
      ends.push(...made);
      return made;
    };
    /** Catches one sealed packet of `left` as bytes. */
    const capture = async (left: End) => {
      const raw = await RawSocket.open();
      raws.push(raw);
      left.io.setPeer(left.handle, raw.address);
      await sendAll(left, [packet(77, PAYLOAD)]);
      await until(() => raw.datagrams.length === 1);
      return { raw, sealed: raw.datagrams[0] ?? Buffer.alloc(0) };
    };
    afterEach(async () => {
      await closeAll(...ends.splice(0));
      for (const raw of raws.splice(0)) await raw.close();
    });

    it.each(CIPHERS.slice(1))(
      'receiveAndOpen: %s refuses any changed or missing bit',
      async (_name, cipher) => {
        const [left, right] = await pair({ cipher });
        const { raw, sealed } = await capture(left);
        let refused = 0;
        const refuses = async (datagram: Uint8Array) => {
          await raw.send(right.io.localAddress, datagram);
          expect(await receiveUntilRefused(right.io, ++refused)).toEqual([]);
        };
        await fc.assert(
          fc.asyncProperty(fc.nat(sealed.length * 8 - 1), async (bit) => {
            // The bit that makes a clear packet of it changes what it is, not whether it opens.
            fc.pre(bit !== 0);
            const forged = Buffer.from(sealed);
            forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
            await refuses(forged);
          }),
          { numRuns: 60, examples: [[1], [8], [32], [64], [128], [300], [sealed.length * 8 - 1]] },
        );
        await fc.assert(
          fc.asyncProperty(fc.integer({ min: 1, max: sealed.length - 1 }), async (length) => {
            await refuses(sealed.subarray(0, length));
          }),
          { numRuns: 30, examples: [[1], [15], [16], [47], [48], [sealed.length - 1]] },
        );
        await raw.send(right.io.localAddress, sealed);
        expect(await receiveAll(right.io, 1)).toHaveLength(1);
      },
    );

    it('receiveAndOpen: refuses another key and another connection', async () => {
      const [left, right] = await pair();
      installBoth(left, { epoch: 0, cipher: CIPHER.aes128gcm, seed: 99 });
      await sendAll(left, [packet(1, PAYLOAD)]);
      expect(await receiveUntilRefused(right.io, 1)).toEqual([]);
      const other = left.io.openConnection(9, RIGHT_ID + 1, right.io.localAddress);
      installBoth({ ...left, handle: other }, { epoch: 0, cipher: CIPHER.aes128gcm });
      await sendAll(left, [packet(2, PAYLOAD)], [other]);
      expect(await receiveUntilRefused(right.io, 2)).toEqual([]);
    });

    it('receiveAndOpen: refuses an epoch without a key and a closed connection', async () => {
      const [left, right] = await pair({ keyEpochShift: 8 });
      const cipher = CIPHER.aes128gcm;
      const key = cipherKey(cipher);
      left.io.installKeys(left.handle, { direction: 'send', epoch: 1, cipher, key, iv: TEST_IV });
      await sendAll(left, [packet(256, PAYLOAD)]);
      expect(await receiveUntilRefused(right.io, 1)).toEqual([]);
      right.io.closeConnection(right.handle);
      await sendAll(left, [packet(1, PAYLOAD)]);
      expect(await receiveUntilRefused(right.io, 2)).toEqual([]);
    });

    it('receiveAndOpen: junk neither opens nor stops what follows', async () => {
      const [left, right] = await pair();
      const raw = await RawSocket.open();
      raws.push(raw);
      const sealedHead = Buffer.from('11000000fedcba98', 'hex');
      const junk = fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 2000 }),
        fc.uint8Array({ maxLength: 2000 }).map((rest) => Buffer.concat([sealedHead, rest])),
      );
      let number = 0;
      let sent = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(junk, { minLength: 1, maxLength: 10 }), async (datagrams) => {
          for (const datagram of datagrams) await raw.send(right.io.localAddress, datagram);
          await sendAll(left, [packet(number++, PAYLOAD)]);
          sent += datagrams.length + 1;
          const delivered: unknown[] = [];
          await until(() => {
            for (const one of receiveNow(right.io)) delivered.push(one.connection);
            const { packetsReceived, packetsRefused } = right.io.stats();
            return packetsReceived + packetsRefused === sent;
          });
          const clear = datagrams.filter((datagram) => datagram[0] === 0x10).length;
          expect(delivered.filter((handle) => handle === CLEAR_HANDLE)).toHaveLength(clear);
          expect(delivered.filter((handle) => handle === right.handle)).toHaveLength(1);
        }),
        { numRuns: 40 },
      );
    });

    it('sealAndSend: a descriptor that does not fit throws and sends nothing', async () => {
      const [left] = await pair();
      const good = fillBatch(left, [packet(1, PAYLOAD), packet(2, PAYLOAD)]);
      const second = DESCRIPTOR_WORDS;
      const wrongs: [string, (words: Uint32Array) => void][] = [
        ['offset beyond the arena', (words) => words.set([left.arena.length + 1], second + 7)],
        ['end beyond the arena', (words) => words.set([left.arena.length - 199], second + 7)],
        ['huge offset', (words) => words.set([0xffffffff], second + 7)],
        ['payload too long', (words) => words.set([(PAYLOAD_BYTES_MAX + 1) * 65_536], second + 3)],
        ['unknown connection', (words) => words.set([4095], second)],
        ['handle out of range', (words) => words.set([4096], second)],
        ['clear handle', (words) => words.set([CLEAR_HANDLE], second)],
        ['no key', (words) => words.set([1], second + 2)],
      ];
      for (const [name, spoil] of wrongs) {
        const words = Uint32Array.from(good.words);
        spoil(words);
        expect(() => left.io.sealAndSend({ count: 2, words }), name).toThrow();
      }
      for (const count of [-1, 257, 1.5, Number.NaN]) {
        expect(() => left.io.sealAndSend({ count, words: good.words }), `${count}`).toThrow();
      }
      const short = { count: 2, words: good.words.slice(0, DESCRIPTOR_WORDS) };
      expect(() => left.io.sealAndSend(short)).toThrow();
      expect(left.io.stats().packetsSent).toBe(0);
      expect(left.io.sealAndSend({ ...good, count: 0 })).toBe(0);
      expect(left.io.sealAndSend(good)).toBe(2);
      // A payload that ends with the arena is inside.
      good.words.set([left.arena.length - PAYLOAD.length], second + 7);
      expect(left.io.sealAndSend(good)).toBe(2);
    });

    it('openConnection: ids are unique, handles end, arguments are checked', async () => {
      const [left, right] = await pair();
      const peer = right.io.localAddress;
      expect(() => left.io.openConnection(0x11111111, 2, peer)).toThrow('taken');
      const wrongPeers = [
        { address: 'localhost', port: 5 },
        { address: '127.0.0.1', port: 0 },
        { address: '127.0.0.1', port: 65_536 },
        { address: '::1', port: 5 },
        { address: '', port: 5 },
      ];
      for (const wrong of wrongPeers) {
        expect(() => left.io.openConnection(7, 7, wrong), wrong.address).toThrow();
        expect(() => left.io.setPeer(left.handle, wrong), wrong.address).toThrow();
        expect(() => left.io.sendClear(wrong, PAYLOAD), wrong.address).toThrow();
      }
      expect(() => left.io.openConnection(-1, 7, peer)).toThrow();
      expect(() => left.io.openConnection(7, 2 ** 32, peer)).toThrow();
      const handles = new Set<number>([left.handle]);
      for (let id = 1; id < 4096; id++) handles.add(left.io.openConnection(id, id, peer));
      expect(handles.size).toBe(4096);
      expect(Math.max(...handles)).toBe(4095);
      expect(() => left.io.openConnection(5000, 1, peer)).toThrow('no connection handle is free');
      left.io.closeConnection(17);
      expect(() => left.io.closeConnection(17)).toThrow();
      expect(() => left.io.setPeer(17, peer)).toThrow();
      expect(left.io.openConnection(5000, 1, peer)).toBe(17);
    });

    it('installKeys: refuses keys that do not fit the cipher', async () => {
      const [left] = await pair();
      const key = new Uint8Array(16);
      const good = { direction: 'send', epoch: 0, cipher: CIPHER.aes128gcm, key, iv: TEST_IV };
      const wrongs = [
        { key: new Uint8Array(15) },
        { cipher: CIPHER.aes256gcm },
        { cipher: CIPHER.none },
        { iv: new Uint8Array(11) },
        { epoch: -1 },
        { epoch: 0.5 },
      ];
      for (const wrong of wrongs) {
        const keys = { ...good, ...wrong } as typeof good & { direction: 'send'; cipher: Cipher };
        expect(() => left.io.installKeys(left.handle, keys)).toThrow();
      }
      await sendAll(left, [packet(1, PAYLOAD)]);
    });

    it('sendClear: refuses nothing at all and too much', async () => {
      const [left, right] = await pair();
      const peer = right.io.localAddress;
      expect(() => left.io.sendClear(peer, new Uint8Array(0))).toThrow();
      expect(() => left.io.sendClear(peer, new Uint8Array(65_508))).toThrow();
    });

    it('watch: wakes for what comes later and for what is there', async () => {
      const [left, right] = await pair();
      let woken = 0;
      right.io.watch(() => woken++);
      await sendAll(left, [packet(1, PAYLOAD)]);
      await until(() => woken === 1);
      // Once only, although the packet is still there.
      await sendAll(left, [packet(2, PAYLOAD)]);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(woken).toBe(1);
      right.io.watch(() => woken++);
      expect(woken).toBe(1);
      await until(() => woken === 2);
      expect(await receiveAll(right.io, 2)).toHaveLength(2);
    });

    it('watch: wakes for packets left over by a full batch', async () => {
      const [left, right] = await pair();
      const all = Array.from({ length: 512 }, (_, i) => packet(i, PAYLOAD));
      await sendAll(left, all.slice(0, 256));
      await sendAll(left, all.slice(256));
      let received = 0;
      while (received < 512) {
        await new Promise<void>((resolve) => right.io.watch(resolve));
        received += receiveNow(right.io).length;
      }
      expect(received).toBe(512);
    });

    it('watch: null and a new callback take the place of the old one', async () => {
      const [left, right] = await pair();
      let old = 0;
      right.io.watch(() => old++);
      right.io.watch(null);
      await sendAll(left, [packet(1, PAYLOAD)]);
      right.io.watch(() => old++);
      await new Promise<void>((resolve) => right.io.watch(resolve));
      expect(old).toBe(0);
    });

    it('watch: the callback may close the socket', async () => {
      const [left, right] = await pair();
      await sendAll(left, [packet(1, PAYLOAD)]);
      const closed = new Promise((resolve) => {
        right.io.watch(() => resolve(right.io.close()));
      });
      await closed;
    });

    it('close: releases the port, wipes what is left, and ends every call', async () => {
      const [left, right] = await pair();
      const { address, port } = left.io.localAddress;
      const again = { address, port, arena: new Uint8Array(65_536), prefer: kind } as const;
      await expect(openPacketIO(again)).rejects.toMatchObject({ code: 'EADDRINUSE' });
      left.io.watch(() => undefined);
      await sendAll(left, [packet(1, PAYLOAD)]);
      await left.io.close();
      await left.io.close();
      const bytesSent = PAYLOAD.length + PACKET_OVERHEAD_BYTES;
      expect(left.io.stats()).toMatchObject({ packetsSent: 1, bytesSent });
      expect(left.io.description).toContain(kind);
      left.io.watch(null);
      const calls = [
        () => left.io.receiveAndOpen(0),
        () => left.io.sealAndSend(fillBatch(left, [packet(2, PAYLOAD)])),
        () => left.io.sendClear(right.io.localAddress, PAYLOAD),
        () => left.io.openConnection(1, 1, right.io.localAddress),
        () => left.io.watch(() => undefined),
      ];
      for (const call of calls) expect(call).toThrow('closed');
      const reopened = await openPacketIO(again);
      expect(reopened.localAddress).toEqual({ address, port });
      await reopened.close();
    });

    it('arena: one that is taken away is noticed', async () => {
      const [, right] = await pair();
      const batch = fillBatch(right, [packet(1, PAYLOAD)]);
      structuredClone(right.arena.buffer, { transfer: [right.arena.buffer as ArrayBuffer] });
      expect(() => right.io.sealAndSend(batch)).toThrow();
    });

    it('options: out of range is refused', async () => {
      const good = { address: '127.0.0.1', port: 0, arena: new Uint8Array(65_536), prefer: kind };
      const wrongs = [
        { port: -1 },
        { port: 65_536 },
        { arena: new Uint8Array(65_535) },
        { keyEpochShift: 7 },
        { keyEpochShift: 27 },
        { socketBufferBytes: 0 },
        { address: 'localhost' },
        { address: '198.51.100.7' },
      ];
      for (const wrong of wrongs) {
        await expect(openPacketIO({ ...good, ...wrong })).rejects.toThrow();
      }
    });
  });
}
