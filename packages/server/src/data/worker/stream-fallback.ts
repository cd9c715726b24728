/**
 * When a link goes over TCP: UDP has not answered for a while and TCP does. A server that is only away
 * answers neither, so streams are opened first, and UDP gets another moment once they stand: a server
 * that has just come back is reached over UDP as before.
 */
import type { PeerAddress } from '@jetstream/transport';
import type { FlowPath } from '../data-plane.js';
import type { Dialed } from './dial-streams.js';
import type { WorkerContext } from './worker-context.js';

/** Silence of UDP after which flows go over TCP. */
export const UDP_PATIENCE_US = 4_000_000;
/** Silence of UDP after which streams are opened, to see whether anybody is there. */
const DIAL_AFTER_US = 1_000_000;
/** Time that UDP gets once streams stand. */
const UDP_GRACE_US = 2_000_000;
/** Pause after streams could not be opened, or broke. */
const DIAL_PAUSE_US = 1_000_000;

type State =
  | { readonly kind: 'idle'; readonly retryAt: number }
  | { readonly kind: 'dialing'; readonly abort: AbortController }
  | { readonly kind: 'ready'; readonly dialed: Dialed; readonly since: number }
  | { readonly kind: 'used'; readonly dialed: Dialed };

export interface FallbackTarget {
  readonly ip: string;
  /** The destination's UDP port. */
  readonly port: number;
  /** TCP port of its control channel. */
  readonly controlPort: number;
  /** The destination as its user has written it. */
  readonly where: string;
}

export class StreamFallback {
  readonly #context: WorkerContext;
  readonly #target: FallbackTarget;
  readonly #key: string;
  /** Sets a flow up over the streams. */
  readonly #connect: (peer: PeerAddress) => void;
  #state: State = { kind: 'idle', retryAt: 0 };
  /** Since when UDP is asked and does not answer. */
  #askedSince: number | null = null;
  /** Why streams cannot be opened. */
  #failure: string | null = null;
  #reason = '';

  constructor(
    context: WorkerContext,
    target: FallbackTarget,
    connect: (peer: PeerAddress) => void,
  ) {
    this.#context = context;
    this.#target = target;
    this.#key = `${target.ip} ${target.port}`;
    this.#connect = connect;
  }

  /** The path of a flow over the streams, for users. */
  get path(): FlowPath {
    return { path: 'tcp', pathReason: this.#reason };
  }

  /** What became of TCP, for an error message. */
  get outcome(): string {
    if (this.#context.streams === null) return 'the fallback to TCP is switched off here';
    const { controlPort } = this.#target;
    return `TCP port ${controlPort}: ${this.#failure ?? 'no answer'}`;
  }

  /** Whether UDP is worth a try: nothing is known against it, or TCP does no better. */
  mayTryUdp(now: number): boolean {
    return this.udpBlockedAt(now) === null || this.#failure !== null;
  }

  /** When UDP was last found not to pass; null when that is not known, or long ago. */
  udpBlockedAt(now: number): number | null {
    return this.#context.udpMemory.blockedAt(this.#key, now);
  }

  udpAsked(now: number): void {
    this.#askedSince ??= now;
  }

  /** UDP passes: there is no need for streams. */
  udpAnswered(): void {
    this.#context.udpMemory.forget(this.#key);
    this.rest();
  }

  /** UDP does not pass, whatever it seemed before. */
  udpFailed(now: number, overStreams: boolean): void {
    this.#askedSince ??= now - UDP_PATIENCE_US;
    if (overStreams) this.#context.udpMemory.note(this.#key, now);
  }

  /** A flow stands on the streams, and closes them when it ends. */
  flowOpened(now: number): void {
    if (this.udpBlockedAt(now) === null) this.#context.udpMemory.note(this.#key, now);
    this.#askedSince = null;
    this.handOver();
  }

  /** The streams are somebody else's to close. */
  handOver(): void {
    this.#state = { kind: 'idle', retryAt: 0 };
  }

  /** The flow over streams, or the attempt to set one up, has ended. */
  flowEnded(): void {
    this.drop();
    this.#state = { kind: 'idle', retryAt: this.#context.now() + DIAL_PAUSE_US / 4 };
  }

  /** Lets go of streams that are not in use. */
  drop(): void {
    const state = this.#state;
    this.handOver();
    if (state.kind === 'dialing') state.abort.abort();
    else if (state.kind !== 'idle') state.dialed.carrier.close();
  }

  /** A flow stands and does well: no other is needed. */
  rest(): void {
    this.#askedSince = null;
    if (this.#state.kind === 'dialing' || this.#state.kind === 'ready') this.drop();
  }

  /** Does what is due while no flow stands. @returns When it is next to be called. */
  tick(now: number): number {
    if (this.#context.streams === null) return Infinity;
    const blockedAt = this.udpBlockedAt(now);
    const since = blockedAt ?? this.#askedSince;
    if (since === null) return Infinity;
    const state = this.#state;
    if (state.kind === 'idle') {
      const at = Math.max(since + DIAL_AFTER_US, state.retryAt);
      if (now >= at) void this.#dial();
      return now >= at ? Infinity : at;
    }
    if (state.kind !== 'ready') return Infinity;
    const at =
      blockedAt === null ? Math.max(since + UDP_PATIENCE_US, state.since + UDP_GRACE_US) : now;
    if (now < at) return at;
    this.#use(state.dialed, (now - since) / 1e6, blockedAt !== null);
    return Infinity;
  }

  async #dial(): Promise<void> {
    const { streams, now, wake } = this.#context;
    if (streams === null) return;
    const abort = new AbortController();
    const dialing = { kind: 'dialing', abort } as const;
    this.#state = dialing;
    try {
      const { ip, controlPort: port } = this.#target;
      const dialed = await streams.dial({ ip, port }, abort.signal);
      if (this.#state !== dialing) {
        dialed.carrier.destroy();
        return;
      }
      this.#failure = null;
      this.#state = { kind: 'ready', dialed, since: now() };
      dialed.carrier.whenClosed(() => this.#carrierClosed(dialed));
    } catch (error) {
      if (this.#state !== dialing) return;
      this.#failure = error instanceof Error ? error.message : String(error);
      this.#state = { kind: 'idle', retryAt: now() + DIAL_PAUSE_US };
    }
    wake();
  }

  #carrierClosed(dialed: Dialed): void {
    if (this.#state.kind !== 'ready' || this.#state.dialed !== dialed) return;
    this.#state = { kind: 'idle', retryAt: this.#context.now() + DIAL_PAUSE_US };
  }

  #use(dialed: Dialed, seconds: number, remembered: boolean): void {
    const { where, controlPort } = this.#target;
    const count = dialed.carrier.streamCount;
    const streams = `${count} TLS stream${count === 1 ? '' : 's'}`;
    const ago = Math.round(seconds);
    const silence = remembered ? `when last tried ${ago} s ago` : `within ${ago} s`;
    this.#reason = `no answer over UDP from ${where} ${silence}; ${streams} to port ${controlPort} (${dialed.congestion})`;
    this.#state = { kind: 'used', dialed };
    const peer = this.#context.streams?.use(dialed.carrier);
    if (peer !== undefined) this.#connect(peer);
  }
}
