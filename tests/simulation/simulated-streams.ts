/**
 * TCP connections on the virtual clock. What is written arrives whole, in order and in other pieces;
 * a lost segment holds up only the connection that it was on, so connections overtake each other.
 */
import { Duplex } from 'node:stream';
import type { Prng, VirtualClock } from '@jetstream/testkit';

/** One direction of the path that all connections share. */
export interface StreamPath {
  /** One way. */
  readonly delayUs: number;
  readonly rateMbps: number;
  /** Bytes of one connection that may be under way or wait to be read. */
  readonly windowBytes: number;
  /** Share of pieces that wait for a segment that was lost, and for how long. */
  readonly stall: number;
  readonly stallUs: number;
  /** Most that a connection is slower than the path, one way; each draws its own. */
  readonly spreadUs: number;
}

/** Like the UDP path of a scenario that says nothing else. */
export const STREAM_PATH: StreamPath = {
  delayUs: 25_000,
  rateMbps: 50,
  windowBytes: 1024 * 1024,
  stall: 0,
  stallUs: 150_000,
  spreadUs: 0,
};

const RESET = 'read ECONNRESET';

interface Way {
  readonly clock: VirtualClock;
  readonly random: Prng;
  readonly path: () => StreamPath;
  /** When the path has sent all that was given to it. */
  freeAt: number;
}

/** One direction of one connection. */
class Lane {
  readonly #way: Way;
  readonly #delayUs: number;
  readonly #queue: (Buffer | null)[] = [];
  #unread = 0;
  #arrivesAt = 0;
  #blocked: (() => void) | null = null;
  #wanted = true;
  #dead = false;
  target: Duplex | null = null;

  constructor(way: Way) {
    this.#way = way;
    const { delayUs, spreadUs } = way.path();
    this.#delayUs = delayUs + way.random.float() * spreadUs;
  }

  write(bytes: Buffer, done: () => void): void {
    this.#unread += bytes.length;
    if (this.#unread < this.#way.path().windowBytes) done();
    else this.#blocked = done;
    const cut = this.#way.random.below(bytes.length);
    for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      if (piece.length > 0) this.#carry(Buffer.from(piece));
    }
  }

  end(): void {
    this.#carry(null);
  }

  /** The reader asks for more. */
  wants(): void {
    this.#wanted = true;
    this.#pump();
  }

  /** Nothing arrives any more. */
  cut(): void {
    this.#dead = true;
  }

  #carry(piece: Buffer | null): void {
    const { clock, random, path } = this.#way;
    const { rateMbps, stall, stallUs } = path();
    this.#way.freeAt =
      Math.max(clock.now, this.#way.freeAt) + ((piece?.length ?? 0) * 8) / rateMbps;
    const held = random.chance(stall) ? stallUs : 0;
    this.#arrivesAt = Math.max(this.#way.freeAt + this.#delayUs + held, this.#arrivesAt);
    clock.schedule(this.#arrivesAt, () => {
      if (this.#dead) return;
      this.#queue.push(piece);
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#wanted && this.#queue.length > 0 && this.target?.destroyed === false) {
      const piece = this.#queue.shift() as Buffer | null;
      this.#wanted = this.target.push(piece);
      if (piece === null) return;
      const { clock } = this.#way;
      clock.schedule(clock.now + this.#delayUs, () => this.#read(piece.length));
    }
  }

  #read(bytes: number): void {
    this.#unread -= bytes;
    const done = this.#blocked;
    if (done === null || this.#unread >= this.#way.path().windowBytes) return;
    this.#blocked = null;
    done();
  }
}

const openEnd = (out: Lane, incoming: Lane, destroyed: () => void): Duplex => {
  const end: Duplex = new Duplex({
    read: () => incoming.wants(),
    write: (bytes: Buffer, _encoding, done) => out.write(bytes, done),
    final: (done) => {
      out.end();
      done();
    },
    destroy: (error, done) => {
      destroyed();
      done(error);
    },
  });
  incoming.target = end;
  return end;
};

/** Both ends of a connection. */
export interface SimulatedStream {
  readonly near: Duplex;
  readonly far: Duplex;
  /** Both ends find it broken, each in its own time. */
  reset(): void;
  /** The far end closes it in good order. */
  finish(): void;
  /** Nothing passes any more, and neither end is told: a middlebox has forgotten it. */
  vanish(): void;
  /** Whether an end is still open that could have heard of its end. */
  isOpen(): boolean;
}

/** All connections between two hosts. */
export class SimulatedStreams {
  readonly #clock: VirtualClock;
  readonly #there: Way;
  readonly #back: Way;
  #path: StreamPath;

  constructor(clock: VirtualClock, random: Prng, path: Partial<StreamPath>) {
    this.#clock = clock;
    this.#path = { ...STREAM_PATH, ...path };
    const way = (): Way => ({ clock, random: random.fork(), path: () => this.#path, freeAt: 0 });
    this.#there = way();
    this.#back = way();
  }

  get delayUs(): number {
    return this.#path.delayUs;
  }

  open(): SimulatedStream {
    const there = new Lane(this.#there);
    const back = new Lane(this.#back);
    const later = (run: () => void): void => {
      this.#clock.schedule(this.#clock.now + this.#path.delayUs, run);
    };
    // What one end throws away is a reset for the other.
    const near: Duplex = openEnd(there, back, () => later(() => breakOff(far)));
    const far: Duplex = openEnd(back, there, () => later(() => breakOff(near)));
    const cut = (): void => {
      there.cut();
      back.cut();
    };
    const breakOff = (end: Duplex): void => {
      cut();
      if (!end.destroyed) end.destroy(new Error(RESET));
    };
    let vanished = false;
    return {
      near,
      far,
      vanish: () => {
        vanished = true;
        cut();
      },
      isOpen: () => !vanished && !(near.destroyed && far.destroyed),
      reset: () => breakOff(near),
      finish: () => far.end(),
    };
  }
}
