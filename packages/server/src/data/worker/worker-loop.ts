/**
 * Turns of a data worker. While flows are busy each turn waits in the socket for up to a
 * millisecond and then yields to the event loop; while nothing is due the thread sleeps until a
 * packet arrives or a deadline passes.
 */
import type { Endpoint, PacketIO } from '@jetstream/transport';

/** Longest wait inside the socket, so that disk answers are never held up for longer. */
const WAIT_MAX_US = 1000;
/** Deadlines nearer than this are met by waiting in the socket instead of sleeping. */
const SLEEP_MIN_US = 2000;
const SLEEP_MAX_MS = 1000;
/**
 * Packets that arrive one at a time are left to gather for so long, so that they are read together:
 * a system call and a wake-up for each would cost more than all the rest.
 */
const GATHER_US = 300;
/** Data gather for longer while the next acknowledgement is far off: for this part of the time until then. */
const GATHER_SHARE = 1 / 4;
const GATHER_US_MAX = 1000;
/** For so long after data came in, more are expected. */
const DATA_FOLLOW_US = 5000;
/** Below this a wait is not worth its own cost. */
const GATHER_US_MIN = 100;
/** Where as many came at once there is no need to wait for more. */
const GATHER_PACKETS_MAX = 64;
/** Trains of packets are timed as they come in; nothing gathers until they are over. */
const TRAIN_OVER_US = 100_000;
/** Turns without a packet or a deadline before the loop goes to sleep. */
const QUIET_TURNS = 20;

export interface WorkerLoopParts {
  readonly io: PacketIO;
  readonly endpoint: Endpoint;
  /** Called before each step; returns when it wants to be called again. */
  turn(): number;
}

export class WorkerLoop {
  readonly #parts: WorkerLoopParts;
  /** Never woken: what waits for it sleeps. */
  readonly #never = new Int32Array(new SharedArrayBuffer(4));
  readonly #clock = (): number => this.now();
  #deadline = 0;
  #quiet = 0;
  #scheduled = false;
  #asleep = false;
  #timer: NodeJS.Timeout | null = null;
  #running = false;

  constructor(parts: WorkerLoopParts) {
    this.#parts = parts;
  }

  /** Monotonic microseconds. */
  now(): number {
    return performance.now() * 1000;
  }

  start(): void {
    this.#running = true;
    this.#soon();
  }

  stop(): void {
    this.#running = false;
    this.#wakeUp();
  }

  /** Something new to do: run a turn soon, without waiting in the socket. */
  wake(): void {
    this.#deadline = 0;
    if (this.#asleep) {
      this.#wakeUp();
      this.#soon();
    }
  }

  #soon(): void {
    if (this.#scheduled || !this.#running) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#running) this.#run();
    });
  }

  #run(): void {
    const { io, endpoint } = this.#parts;
    const due = this.#deadline - this.now();
    // While nothing is going on here the thread has other sockets to listen to.
    const mayWait = io.canBlock && endpoint.busy;
    const received = io.received;
    if (mayWait) this.#gather(received.count, due);
    received.count = 0;
    const left = this.#deadline - this.now();
    const waitUs = mayWait ? Math.floor(Math.max(0, Math.min(WAIT_MAX_US, left))) : 0;
    // Set before the step, so that a wake-up from inside it is not overwritten.
    this.#deadline = Infinity;
    const stepAt = endpoint.step(this.#clock, waitUs);
    const turnAt = this.#parts.turn();
    this.#deadline = Math.min(this.#deadline, stepAt, turnAt);
    this.#quiet = received.count > 0 ? 0 : this.#quiet + 1;
    const near = this.#deadline - this.now() < SLEEP_MIN_US;
    const stay = mayWait ? near || this.#quiet < QUIET_TURNS : near && this.#deadline <= this.now();
    if (stay) this.#soon();
    else this.#sleep();
  }

  /** Lets more packets come in while there is nothing else to do. */
  #gather(lately: number, due: number): void {
    if (lately === 0 || lately >= GATHER_PACKETS_MAX || due < GATHER_US_MIN) return;
    const { trainAt, dataAt } = this.#parts.endpoint;
    const now = this.now();
    if (now - trainAt < TRAIN_OVER_US) return;
    const receiving = now - dataAt < DATA_FOLLOW_US;
    const patience = receiving ? Math.min(GATHER_US_MAX, due * GATHER_SHARE) : 0;
    Atomics.wait(this.#never, 0, 0, Math.min(Math.max(GATHER_US, patience), due) / 1000);
  }

  #sleep(): void {
    this.#asleep = true;
    const wakeNow = (): void => {
      if (!this.#asleep) return;
      this.#wakeUp();
      this.#deadline = 0;
      this.#soon();
    };
    const ms = Math.max(
      1,
      Math.min(SLEEP_MAX_MS, Math.floor((this.#deadline - this.now()) / 1000)),
    );
    this.#timer = setTimeout(wakeNow, ms);
    this.#parts.io.watch(wakeNow);
  }

  #wakeUp(): void {
    this.#asleep = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#parts.io.watch(null);
  }
}
