/** Which ceilings and policies go together. */
import { CommandError } from '@jetstream/contract';
import type { RatePolicy } from '../data/data-plane.js';
import type { DestinationRecord } from '../destinations/destination-store.js';

export interface RateChoice {
  /** Own ceiling of the transfer, kbit/s. */
  readonly ownMax: number | null;
  /** Own policy of the transfer; that of the destination when null. */
  readonly policy: RatePolicy | null;
  readonly destination: Pick<DestinationRecord, 'sendRateMax'>;
}

/**
 * The policy `fixed` sends at its ceiling, so it needs one.
 *
 * @throws {CommandError} `invalid_params`
 */
export const checkRate = ({ ownMax, policy, destination }: RateChoice): void => {
  if (policy !== 'fixed' || (ownMax ?? destination.sendRateMax) !== null) return;
  throw new CommandError(
    'invalid_params',
    'Cannot use "rateControlMethod" "fixed": "sendRateMax" is absent, expected a rate in kbit/s',
    { details: { parameter: 'rateControlMethod', expected: 'sendRateMax' } },
  );
};
