/**
 * One endless TCP flow on a simulated link, for what it keeps beside ours: CUBIC (RFC 9438, with
 * HyStart) or BBR as in Linux (version 1). Only what decides about shares is there: window, pace, loss and
 * delay. Nothing is ever acknowledged twice, and a lost packet needs no second copy.
 */
import type { Prng, SimulatedLink, VirtualClock } from '@jetstream/testkit';

const PACKET_BYTES = 1500;
/** Payload of a UDP datagram that makes an IP packet of that size. */
const DATAGRAM_BYTES = PACKET_BYTES - 28;
const WINDOW_START = 10;
const REORDER_PACKETS = 3;
const CUBIC_C = 0.4;
const CUBIC_BETA = 0.7;
const BBR_HIGH = 2.885;
const BBR_CYCLE = [1.25, 0.75, 1, 1, 1, 1, 1, 1];
const BBR_ROUNDS = 10;
const BBR_MIN_RTT_US = 10e6;
const BBR_PROBE_RTT_US = 200_000;
const TIMEOUT_US = 400_000;

interface Sent {
  readonly sentAt: number;
  readonly delivered: number;
  readonly deliveredAt: number;
}

/** What the sender learns from one acknowledged packet. */
interface Ack {
  readonly now: number;
  readonly rttUs: number;
  /** Packets per microsecond. */
  readonly rate: number;
  readonly roundEnded: boolean;
  readonly inFlight: number;
}

interface Control {
  readonly window: number;
  /** Packets per microsecond; Infinity for none. */
  readonly pace: number;
  acked(ack: Ack): void;
  /** First loss since the window was last reduced. */
  reduced(now: number): void;
}

class Cubic implements Control {
  window = WINDOW_START;
  readonly pace = Number.POSITIVE_INFINITY;
  #threshold = Number.POSITIVE_INFINITY;
  #most = 0;
  #epochAt = -1;
  #k = 0;
  #friendly = 0;
  #minRtt = Number.POSITIVE_INFINITY;
  #roundRtt = Number.POSITIVE_INFINITY;

  acked({ now, rttUs, roundEnded }: Ack): void {
    this.#minRtt = Math.min(this.#minRtt, rttUs);
    this.#roundRtt = Math.min(this.#roundRtt, rttUs);
    if (roundEnded) {
      const limit = this.#minRtt + Math.min(16_000, Math.max(4000, this.#minRtt / 8));
      if (this.window < this.#threshold && this.#roundRtt > limit) this.#threshold = this.window;
      this.#roundRtt = Number.POSITIVE_INFINITY;
    }
    if (this.window < this.#threshold) {
      this.window += 1;
      return;
    }
    if (this.#epochAt < 0) this.#startEpoch(now);
    const seconds = (now - this.#epochAt + this.#minRtt) / 1e6;
    const target = this.#most + CUBIC_C * (seconds - this.#k) ** 3;
    this.#friendly += (3 * (1 - CUBIC_BETA)) / (1 + CUBIC_BETA) / this.window;
    const wanted = Math.min(Math.max(target, this.#friendly), this.window * 1.5);
    if (wanted > this.window) this.window += (wanted - this.window) / this.window;
  }

  reduced(): void {
    this.#most = this.window < this.#most ? (this.window * (1 + CUBIC_BETA)) / 2 : this.window;
    this.window = Math.max(2, this.window * CUBIC_BETA);
    this.#threshold = this.window;
    this.#epochAt = -1;
  }

  #startEpoch(now: number): void {
    this.#epochAt = now;
    this.#most = Math.max(this.#most, this.window);
    this.#k = Math.cbrt((this.#most - this.window) / CUBIC_C);
    this.#friendly = this.window;
  }
}

class Bbr implements Control {
  readonly #random: Prng;
  #mode: 'startup' | 'drain' | 'probe' | 'rtt' = 'startup';
  #rates: number[] = [0];
  #bandwidth = 0;
  #full = 0;
  #fullRounds = 0;
  #minRtt = Number.POSITIVE_INFINITY;
  #minRttAt = 0;
  #phase = 2;
  #phaseAt = 0;
  #modeAt = 0;

  constructor(random: Prng) {
    this.#random = random;
  }

  get #product(): number {
    return this.#bandwidth * this.#minRtt;
  }

  get window(): number {
    if (this.#bandwidth === 0) return WINDOW_START;
    if (this.#mode === 'rtt') return 4;
    const gain = this.#mode === 'probe' ? 2 : BBR_HIGH;
    return Math.max(WINDOW_START, gain * this.#product);
  }

  get pace(): number {
    if (this.#bandwidth === 0) return Number.POSITIVE_INFINITY;
    const gain = {
      startup: BBR_HIGH,
      drain: 1 / BBR_HIGH,
      probe: BBR_CYCLE[this.#phase] ?? 1,
      rtt: 1,
    };
    return this.#bandwidth * gain[this.#mode];
  }

  acked({ now, rttUs, rate, roundEnded, inFlight }: Ack): void {
    if (rttUs <= this.#minRtt) {
      this.#minRtt = rttUs;
      this.#minRttAt = now;
    }
    if (roundEnded) {
      this.#rates.push(0);
      if (this.#rates.length > BBR_ROUNDS) this.#rates.shift();
    }
    const last = this.#rates.length - 1;
    this.#rates[last] = Math.max(this.#rates[last] ?? 0, rate);
    this.#bandwidth = Math.max(...this.#rates);
    this.#turn(now, { roundEnded, inFlight, rttUs });
  }

  reduced(): void {
    // Version 1 does not slow down for losses.
  }

  #turn(now: number, ack: { roundEnded: boolean; inFlight: number; rttUs: number }): void {
    if (this.#mode === 'startup' && ack.roundEnded) {
      this.#fullRounds = this.#bandwidth > this.#full * 1.25 ? 0 : this.#fullRounds + 1;
      if (this.#fullRounds === 0) this.#full = this.#bandwidth;
      if (this.#fullRounds >= 3) this.#mode = 'drain';
    }
    if (this.#mode === 'drain' && ack.inFlight <= this.#product) this.#enterProbe(now);
    if (this.#mode === 'probe') this.#cycle(now, ack.inFlight);
    if (this.#mode === 'rtt' && now - this.#modeAt > BBR_PROBE_RTT_US + this.#minRtt) {
      this.#minRtt = ack.rttUs;
      this.#minRttAt = now;
      this.#enterProbe(now);
    } else if (this.#mode === 'probe' && now - this.#minRttAt > BBR_MIN_RTT_US) {
      this.#mode = 'rtt';
      this.#modeAt = now;
      this.#minRtt = ack.rttUs;
    }
  }

  #cycle(now: number, inFlight: number): void {
    const age = now - this.#phaseAt;
    const drained = this.#phase === 1 && inFlight <= this.#product;
    if (age < this.#minRtt && !drained) return;
    if (this.#phase === 0 && inFlight < 1.25 * this.#product && age < 3 * this.#minRtt) return;
    this.#phase = (this.#phase + 1) % BBR_CYCLE.length;
    this.#phaseAt = now;
  }

  #enterProbe(now: number): void {
    this.#mode = 'probe';
    this.#phase = 2 + this.#random.below(6);
    this.#phaseAt = now;
  }
}

/** The flow; it begins at once and never ends. */
export class TcpRival {
  /** IP bytes that have reached the receiver. */
  bytes = 0;
  readonly #parts: RivalParts;
  readonly #control: Control;
  readonly #flight = new Map<number, Sent>();
  #next = 0;
  #expected = 0;
  #highestAcked = -1;
  #recoverAt = -1;
  #roundEnd = 0;
  #delivered = 0;
  #deliveredAt = 0;
  #mayLeaveAt = 0;
  #armed = false;
  #ackedAt = 0;

  constructor(parts: RivalParts) {
    this.#parts = parts;
    this.#control = parts.kind === 'cubic' ? new Cubic() : new Bbr(parts.random);
    this.#deliveredAt = parts.clock.now;
    this.#ackedAt = parts.clock.now;
    this.#send();
    this.#watch();
  }

  get window(): number {
    return this.#control.window;
  }

  #send(): void {
    const { clock, link } = this.#parts;
    while (this.#flight.size < this.#control.window) {
      const { now } = clock;
      if (now < this.#mayLeaveAt) {
        if (!this.#armed) {
          this.#armed = true;
          clock.schedule(this.#mayLeaveAt, () => {
            this.#armed = false;
            this.#send();
          });
        }
        return;
      }
      const number = this.#next;
      this.#next += 1;
      this.#flight.set(number, {
        sentAt: now,
        delivered: this.#delivered,
        deliveredAt: this.#deliveredAt,
      });
      const { pace } = this.#control;
      if (Number.isFinite(pace))
        this.#mayLeaveAt = Math.max(this.#mayLeaveAt, now - 1000) + 1 / pace;
      link.send({ ...NOWHERE, bytes: DATAGRAM_BYTES }, () => this.#arrived(number));
    }
  }

  #arrived(number: number): void {
    const { clock, backUs } = this.#parts;
    this.bytes += PACKET_BYTES;
    clock.schedule(clock.now + backUs, () => this.#acked(number));
  }

  #acked(number: number): void {
    const sent = this.#flight.get(number);
    if (sent === undefined) return;
    const { now } = this.#parts.clock;
    this.#flight.delete(number);
    this.#ackedAt = now;
    this.#delivered += 1;
    this.#deliveredAt = now;
    this.#highestAcked = Math.max(this.#highestAcked, number);
    this.#detectLost(now);
    const roundEnded = number >= this.#roundEnd;
    if (roundEnded) this.#roundEnd = this.#next;
    this.#control.acked({
      now,
      rttUs: now - sent.sentAt,
      rate: (this.#delivered - sent.delivered) / (now - sent.deliveredAt),
      roundEnded,
      inFlight: this.#flight.size,
    });
    this.#send();
  }

  #detectLost(now: number): void {
    while (this.#expected <= this.#highestAcked - REORDER_PACKETS) {
      if (this.#flight.delete(this.#expected) && this.#expected > this.#recoverAt) {
        this.#control.reduced(now);
        this.#recoverAt = this.#next - 1;
      }
      this.#expected += 1;
    }
  }

  /** Without an ack for long, whatever is in flight is given up. */
  #watch(): void {
    const { clock } = this.#parts;
    clock.schedule(clock.now + TIMEOUT_US, () => {
      if (clock.now - this.#ackedAt > TIMEOUT_US) {
        this.#flight.clear();
        this.#control.reduced(clock.now);
        this.#recoverAt = this.#next - 1;
        this.#send();
      }
      this.#watch();
    });
  }
}

const NOWHERE = {
  from: { address: '10.9.9.1', port: 1 },
  to: { address: '10.9.9.2', port: 1 },
  clear: null,
  sealed: null,
} as const;

/** What a rival flow runs on. */
export interface RivalParts {
  readonly kind: 'cubic' | 'bbr';
  readonly clock: VirtualClock;
  readonly random: Prng;
  readonly link: SimulatedLink;
  /** Delay of acknowledgements. */
  readonly backUs: number;
}
