/** Time as the services see it, so that tests can make it pass without waiting. */

export interface Clock {
  /** System time in integer microseconds since the epoch. It may jump. */
  nowUs(): number;
  /** Milliseconds since some fixed moment; never runs backwards. */
  monotonicMs(): number;
  /** Calls back once after a delay. Timers do not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** Longest delay that a timer of the platform takes. */
const DELAY_MS_MAX = 2_147_483_647;

/** Difference to the system time after which it must have been set. */
const STEP_MS = 5;
let anchorMs = Date.now() - performance.now();

/** Microseconds from the monotonic clock, put right whenever the system time was set. */
const systemTimeUs = (): number => {
  if (Math.abs(anchorMs + performance.now() - Date.now()) > STEP_MS) {
    anchorMs = Date.now() - performance.now();
  }
  return Math.round((anchorMs + performance.now()) * 1000);
};

/** The clock of the machine. */
export const systemClock: Clock = {
  nowUs: systemTimeUs,
  monotonicMs: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), DELAY_MS_MAX));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Calls back again and again until cancelled, each time a delay after the last call returned. */
export const every = (clock: Clock, delayMs: number, callback: () => void): Timer => {
  let timer = clock.after(delayMs, function again() {
    callback();
    timer = clock.after(delayMs, again);
  });
  return { cancel: () => timer.cancel() };
};
