/** Watches what arrives at a process's network device: when it begins, how fast, when it ends. */
import { receivedBytes } from './process-meter.js';

/**
 * Handshake, offer, file list of a small tree, and the padding that measures the path stay below this;
 * so the first file data came in at this time or somewhat before.
 */
const FIRST_DATA_BYTES = 192 * 1024;
const WAIT_INTERVAL_MS = 3;
const FLOW_INTERVAL_MS = 20;
/** The last packets are stragglers and farewells; the flow counts as over before them. */
const LAST_DATA_SHARE = 0.999;
const TIMELINE_MS = 500;
/** Longer runs have longer steps. */
const TIMELINE_STEPS_MAX = 24;

/** What was seen. */
export interface TrafficReport {
  /** Milliseconds until file data arrived; null when none did. */
  readonly firstDataMs: number | null;
  /** Milliseconds until all but the last thousandth had arrived. */
  readonly lastDataMs: number | null;
  /** Mean rate of each step from the start, Mbit/s on the wire. */
  readonly timelineMbps: readonly number[];
  /** Seconds of a step. */
  readonly stepSeconds: number;
}

/** What to watch. */
export interface TrafficTarget {
  readonly pid: number;
  readonly device: string;
}

interface Sample {
  readonly ms: number;
  readonly bytes: number;
}

function timeline(samples: readonly Sample[], stepMs: number): number[] {
  const rates: number[] = [];
  let from: Sample = { ms: 0, bytes: 0 };
  for (const sample of samples) {
    if (sample.ms - from.ms < stepMs) continue;
    rates.push(((sample.bytes - from.bytes) * 8) / (sample.ms - from.ms) / 1000);
    from = sample;
  }
  return rates;
}

/** Starts to watch now; the result ends it. */
export function watchTraffic({ pid, device }: TrafficTarget): () => TrafficReport {
  const startBytes = receivedBytes(pid, device);
  const startMs = performance.now();
  const samples: Sample[] = [];
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    const bytes = receivedBytes(pid, device) - startBytes;
    samples.push({ ms: performance.now() - startMs, bytes });
    const interval = bytes < FIRST_DATA_BYTES ? WAIT_INTERVAL_MS : FLOW_INTERVAL_MS;
    timer = setTimeout(look, interval);
  };
  look();
  return () => {
    clearTimeout(timer);
    const total = receivedBytes(pid, device) - startBytes;
    const at = (bytes: number): number | null =>
      samples.find((sample) => sample.bytes >= bytes)?.ms ?? null;
    const lengthMs = samples.at(-1)?.ms ?? 0;
    const steps = Math.ceil(lengthMs / TIMELINE_MS / TIMELINE_STEPS_MAX);
    const stepMs = TIMELINE_MS * Math.max(1, steps);
    return {
      firstDataMs: at(FIRST_DATA_BYTES),
      lastDataMs: at(total * LAST_DATA_SHARE),
      timelineMbps: timeline(samples, stepMs),
      stepSeconds: stepMs / 1000,
    };
  };
}
