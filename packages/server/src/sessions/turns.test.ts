import { expect, test } from 'vitest';
import { Turns } from './turns.js';

test('so many run at once, in their order, and whoever fails gives its place away too', async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const work = (index: number) => async (): Promise<number> => {
    begun.push(index);
    await new Promise<void>((resolve) => ends.push(resolve));
    if (index === 0) throw new Error('broken');
    return index;
  };
  const runs = [0, 1, 2, 3].map((index) => turns.run(work(index)));
  const settled = Promise.allSettled(runs);
  expect([begun, turns.waiting, turns.isIdle]).toEqual([[0, 1], 2, false]);
  ends[0]?.();
  await expect(runs[0]).rejects.toThrow('broken');
  await expect.poll(() => begun).toEqual([0, 1, 2]);
  ends[1]?.();
  await expect.poll(() => begun).toEqual([0, 1, 2, 3]);
  for (const end of ends) end();
  const statuses = (await settled).map(({ status }) => status);
  expect(statuses).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
  expect([turns.waiting, turns.isIdle]).toEqual([0, true]);
});
