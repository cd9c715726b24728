/** Sizes, rates and times for people; decimal units, as network rates have them. */

const UNITS = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

const scaled = (value: number, unit: string): string => {
  let step = 0;
  let rest = value;
  while (rest >= 999.5 && step < UNITS.length - 1) {
    rest /= 1000;
    step += 1;
  }
  const digits = step === 0 || rest >= 99.95 ? 0 : 1;
  return `${rest.toFixed(digits)} ${UNITS[step] ?? ''}${unit}`;
};

/** `1.2 GB`. */
export const bytesText = (bytes: number): string => scaled(bytes, 'B');

/** `812 Mbit/s`, from bytes per second. */
export const rateText = (bytesPerSecond: number): string => scaled(bytesPerSecond * 8, 'bit/s');

/** `0:07`, `12:34`, `3:04:05`; `-` when unknown. */
export const durationText = (seconds: number | null): string => {
  if (seconds === null || !Number.isFinite(seconds)) return '-';
  const whole = Math.max(0, Math.ceil(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const head = hours > 0 ? `${hours}:${two(minutes)}` : String(minutes);
  return `${head}:${two(whole % 60)}`;
};
