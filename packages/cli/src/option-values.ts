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
