import fs from 'node:fs';
import { errnoOf } from './disk-error.js';

/**
 * Seconds as node:fs takes them, so that microseconds come out exactly. Node cuts the fraction, so
 * half a microsecond keeps it from falling to the one below; numbers below zero mean "now" to it,
 * text does not, and rounds the other way.
 */
const secondsOf = (mtimeus: number): number | string =>
  mtimeus >= 0 ? (mtimeus + 0.5) / 1e6 : String((mtimeus - 0.5) / 1e6);

/** Sets a file's times; one that belongs to someone else keeps its own. */
export const setTimes = (fd: number, mtimeus: number): void => {
  try {
    fs.futimesSync(fd, secondsOf(mtimeus), secondsOf(mtimeus));
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
  }
};
