/** What a copy shows while it runs: a bar, lines, or records for a program. */
import { SingleBar } from 'cli-progress';
import { jsonLine } from './json-text.js';
import type { ProgressSnapshot } from './progress-meter.js';
import { bytesText, durationText, rateText } from './quantity.js';
import type { Terminal } from './terminal.js';
import { visible } from './visible-text.js';

/** Milliseconds between lines where there is no bar. */
export const LINE_INTERVAL_MS = 2000;
/** Milliseconds between records for programs. */
const RECORD_INTERVAL_MS = 1000;

/** Display of one transfer. */
export interface CopyView {
  /** Says in words what is going on before and beside the transfer. */
  note(text: string): void;
  progress(snapshot: ProgressSnapshot): void;
  /** Takes the bar away; the summary follows. */
  done(): void;
}

/** `45%  1.2 GB of 2.7 GB  812 Mbit/s  ETA 0:14`. */
export const progressText = (snapshot: ProgressSnapshot): string => {
  const { doneBytes, totalBytes, fraction, rateBytesPerSecond, etaSeconds } = snapshot;
  if (snapshot.totalsGrow) {
    const found = `${bytesText(doneBytes)} of ${bytesText(totalBytes)} found so far`;
    return `  ?%  ${found}  ${rateText(rateBytesPerSecond)}`;
  }
  return [
    `${String(Math.floor(fraction * 100)).padStart(3)}%`,
    `${bytesText(doneBytes)} of ${bytesText(totalBytes)}`,
    rateText(rateBytesPerSecond),
    `ETA ${durationText(etaSeconds)}`,
  ].join('  ');
};

/** A bar that is drawn over and over on the terminal. */
const barView = (terminal: Terminal): CopyView => {
  const bar = new SingleBar({
    format: '{bar} {text}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    // Interrupts are handled by the command, which has more to clean up than a bar.
    gracefulExit: false,
    stream: process.stderr,
  });
  let started = false;
  return {
    note: (text) => terminal.err(`${visible(text)}\n`),
    progress: (snapshot) => {
      const payload = { text: progressText(snapshot) };
      if (!started) bar.start(1000, 0, payload);
      started = true;
      bar.update(Math.round(snapshot.fraction * 1000), payload);
    },
    done: () => {
      if (started) bar.stop();
      started = false;
    },
  };
};

/** A line now and then, for logs. */
const lineView = (terminal: Terminal, now: () => number): CopyView => {
  let nextAtMs = Number.NEGATIVE_INFINITY;
  return {
    note: (text) => terminal.err(`${visible(text)}\n`),
    progress: (snapshot) => {
      if (now() < nextAtMs) return;
      nextAtMs = now() + LINE_INTERVAL_MS;
      terminal.err(`${progressText(snapshot)}\n`);
    },
    done: () => undefined,
  };
};

/** One JSON record a line on standard output. */
const recordView = (terminal: Terminal, now: () => number): CopyView => {
  let nextAtMs = Number.NEGATIVE_INFINITY;
  return {
    note: () => undefined,
    progress: (snapshot) => {
      if (now() < nextAtMs) return;
      nextAtMs = now() + RECORD_INTERVAL_MS;
      terminal.out(`${jsonLine({ event: 'progress', ...snapshot })}\n`);
    },
    done: () => undefined,
  };
};

const silentView: CopyView = {
  note: () => undefined,
  progress: () => undefined,
  done: () => undefined,
};

/** The view that fits the terminal and the flags. */
export const copyView = (
  terminal: Terminal,
  flags: { readonly json?: boolean; readonly quiet?: boolean },
  now: () => number = () => performance.now(),
): CopyView => {
  if (flags.json) return recordView(terminal, now);
  if (flags.quiet) return silentView;
  return terminal.errIsTty ? barView(terminal) : lineView(terminal, now);
};
