import { describe, expect, it } from 'vitest';
import { MessageStream, type StreamRange } from './message-stream.js';

const PACKET_BYTES = 100;
const PACKETS = 20;
const LATER_US = 1_000_000;

/** A stream with packets in flight; those named have arrived. */
const inFlight = (arrived: readonly number[] = []): MessageStream => {
  const stream = new MessageStream();
  stream.write(new Uint8Array(PACKETS * PACKET_BYTES));
  const sent = sendAll(stream);
  for (const index of arrived) {
    const packet = sent[index];
    if (packet !== undefined) stream.acked(packet.ref, packet.serial);
  }
  return stream;
};

interface Sent {
  readonly range: StreamRange;
  readonly ref: number;
  readonly serial: number;
}

const sendAll = (stream: MessageStream): Sent[] => {
  const sent: Sent[] = [];
  const target = new Uint8Array(PACKET_BYTES);
  for (;;) {
    const taken = stream.take(PACKET_BYTES, target, { at: 0, now: 0 });
    if (taken === null) return sent;
    sent.push(taken);
  }
};

const packetsOf = (sent: readonly Sent[]): number[] =>
  sent.map(({ range }) => range.start / PACKET_BYTES);

describe('MessageStream', () => {
  it('echo: repeats the last packets, because nothing behind them shows that they are lost', () => {
    const stream = inFlight([15]);
    stream.echo(LATER_US, true);
    expect(packetsOf(sendAll(stream))).toEqual([11, 12, 13, 14, 16, 17, 18, 19]);
    stream.echo(LATER_US, true);
    expect(stream.ready).toBe(false);
  });

  it('echo: not where nothing is lost, nor before its time', () => {
    const stream = inFlight();
    stream.echo(0, true);
    expect(stream.ready).toBe(false);
    stream.echo(LATER_US, false);
    expect(stream.ready).toBe(false);
  });

  it('repeat: the first packets that are unanswered, each once, in whatever order they lie', () => {
    const stream = inFlight([0, 3]);
    // The memory of a packet is used again by a later one.
    stream.write(new Uint8Array(2 * PACKET_BYTES));
    expect(packetsOf(sendAll(stream))).toEqual([20, 21]);
    for (let round = 0; round < 3; round += 1) {
      stream.repeat();
      expect(packetsOf(sendAll(stream))).toEqual([1, 2, 4, 5, 6, 7, 8, 9]);
    }
  });
});
