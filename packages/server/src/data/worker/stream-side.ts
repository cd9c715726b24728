/**
 * The part of a data worker that works over TCP: where UDP does not pass, flows run over streams with
 * a protocol endpoint of their own. It is woken by its streams and never waits in a socket.
 */
import { Endpoint, type EndpointOptions, type PeerAddress } from '@jetstream/transport';
import { type StreamCarrier, StreamPacketIO } from '@jetstream/udp';
import type { IncomingStream } from '../data-plane.js';
import { type Dialed, type DialTarget, dialStreams } from './dial-streams.js';
import { StreamDoor } from './stream-door.js';
import type { TlsIdentity } from './tls-channel.js';
import { WorkerLoop } from './worker-loop.js';

export interface StreamSideParts {
  /** What the endpoint shares with the one for UDP; its scratch is its own. */
  readonly endpoint: Omit<EndpointOptions, 'io' | 'wake' | 'payloadBytesMax' | 'streamRoom'>;
  readonly identity: TlsIdentity;
  turn(): number;
}

export class StreamSide {
  readonly endpoint: Endpoint;
  readonly #io: StreamPacketIO;
  readonly #loop: WorkerLoop;
  readonly #door: StreamDoor;

  constructor(parts: StreamSideParts) {
    const { arena, keyEpochShift } = parts.endpoint;
    const io = new StreamPacketIO({
      arena,
      keyEpochShift,
      lost: (peer, reason) => this.endpoint.lose(peer, reason),
    });
    this.#io = io;
    this.#door = new StreamDoor({ io, identity: parts.identity });
    this.endpoint = new Endpoint({
      ...parts.endpoint,
      io,
      accept: ({ address, key }) =>
        parts.endpoint.accept({ address: io.remoteOf(address) ?? address, key }),
      streamRoom: (peer) => io.roomFor(peer),
      wake: () => this.#loop.wake(),
    });
    this.#loop = new WorkerLoop({ io, endpoint: this.endpoint, turn: () => parts.turn() });
    this.#loop.start();
  }

  get stats(): ReturnType<StreamPacketIO['stats']> {
    return this.#io.stats();
  }

  /** Takes a stream that someone has opened to our control port. */
  take(stream: IncomingStream): void {
    this.#door.take(stream);
  }

  /** @see dialStreams */
  dial(target: DialTarget, signal: AbortSignal): Promise<Dialed> {
    return dialStreams(target, signal);
  }

  /** @returns The address under which the endpoint reaches the other side of a carrier. */
  use(carrier: StreamCarrier): PeerAddress {
    return this.#io.add(carrier);
  }

  wake(): void {
    this.#loop.wake();
  }

  async stop(): Promise<void> {
    this.#loop.stop();
    await this.#io.close();
    this.#door.close();
  }
}
