/** Shows how far a transfer is: a bar on a terminal, a line every second anywhere else. */
import { SingleBar } from 'cli-progress';

/** Where a transfer stands. */
export interface ProgressSample {
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Measured rate, kbit/s. */
  readonly rateKbps: number;
}

/** Display of one transfer. */
export interface ProgressDisplay {
  update(sample: ProgressSample): void;
  stop(): void;
}

const LINE_INTERVAL_MS = 1000;

/** Bytes in a unit that fits, such as `12.3 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

function describe(sample: ProgressSample): { bytes: string; rate: string; eta: string } {
  const { bytesDone, bytesTotal, rateKbps } = sample;
  const secondsLeft = rateKbps > 0 ? ((bytesTotal - bytesDone) * 8) / (rateKbps * 1000) : null;
  return {
    bytes: `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`,
    rate: `${(rateKbps / 1000).toFixed(0)} Mbit/s`,
    eta: secondsLeft === null ? '-' : `${Math.ceil(secondsLeft)} s`,
  };
}

/** Opens the display that fits the output. */
export function openProgress(output: NodeJS.WriteStream): ProgressDisplay {
  if (!output.isTTY) return lineDisplay(output);
  const bar = new SingleBar({
    format: '  {bar} {percentage}% | {bytes} | {rate} | {eta_text} left',
    stream: output,
    hideCursor: true,
    clearOnComplete: false,
  });
  let started = false;
  return {
    update: (sample) => {
      const { bytes, rate, eta } = describe(sample);
      const payload = { bytes, rate, eta_text: eta };
      if (!started) bar.start(Math.max(1, sample.bytesTotal), 0, payload);
      started = true;
      bar.update(sample.bytesDone, payload);
    },
    stop: () => bar.stop(),
  };
}

function lineDisplay(output: NodeJS.WriteStream): ProgressDisplay {
  let shownAt = Number.NEGATIVE_INFINITY;
  let shownBytes = -1;
  return {
    update: (sample) => {
      const now = performance.now();
      const isDone = sample.bytesDone >= sample.bytesTotal;
      // Once everything has arrived, only the receiver's disk is waited for: one line says it.
      if (isDone ? shownBytes === sample.bytesDone : now - shownAt < LINE_INTERVAL_MS) return;
      shownAt = now;
      shownBytes = sample.bytesDone;
      const { bytes, rate, eta } = describe(sample);
      output.write(
        isDone
          ? `  ${bytes} received; the receiver makes it durable\n`
          : `  ${bytes}, ${rate}, ${eta} left\n`,
      );
    },
    stop: () => undefined,
  };
}
