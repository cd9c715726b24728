/** Parameters that several methods of the send interface share. */
import { z } from 'zod';
import { reference } from '../method.js';

export const id = z.string().min(1).max(256);
export const manifestId = reference('manifestId', id);
export const destinationId = reference('destinationId', id);
export const transferId = reference('transferId', id);
export const timeoutSeconds = z.number().min(0).max(86_400).nullish();
export const page = {
  limit: z.int().min(1).max(100_000).nullish(),
  offset: z.int().min(0).nullish(),
};
export const pageDocs = { limit: 'Ours: most entries to return', offset: 'Ours: entries to skip' };
export const rate = z.number().min(1).max(1e9);
/** A ceiling that can be taken away again. */
export const rateOrZero = z.union([z.literal(0), rate]);
