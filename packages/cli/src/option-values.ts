/** Parsing of option values that several commands share. */
import { InvalidArgumentError } from 'commander';

/** A TCP port. */
export const parsePort = (text: string): number => {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new InvalidArgumentError('Expected a port, 1 to 65535.');
  }
  return port;
};

/** A whole number from 1 on. */
export const parseCount = (text: string): number => {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Expected a number from 1 on.');
  return Number(text);
};

/** The id of a transfer. */
export const parseTransferId = (text: string): string => {
  if (!/^[0-9a-f]{32}$/.test(text)) throw new InvalidArgumentError('Expected 32 hex digits.');
  return text;
};

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

/** Seconds of a time like `30m`, `12h`, `3d` or `2w`. */
export const parseTimeSpan = (text: string): number => {
  const [, digits, unit = ''] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  const seconds = Number(digits ?? 0) * (UNIT_SECONDS[unit] ?? 0);
  if (seconds === 0) {
    throw new InvalidArgumentError('Expected a number and a unit, as in 30m, 12h, 3d or 2w.');
  }
  return seconds;
};

/** A positive number. */
export const parsePositive = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentError('Expected a number above 0.');
  }
  return value;
};

/** An option that may be given several times. */
export const collected = (text: string, before: string[] = []): string[] => [...before, text];
