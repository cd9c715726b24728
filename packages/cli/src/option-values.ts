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

/** A whole number of at least 1. */
export const parseCount = (text: string): number => {
  const value = Number(text);
  if (!/^\d{1,6}$/.test(text) || value < 1 || value > 100_000) {
    throw new InvalidArgumentError('Expected a whole number, 1 to 100000.');
  }
  return value;
};
