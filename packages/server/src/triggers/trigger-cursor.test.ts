import { describe, expect, it } from 'vitest';
import { TriggerCursor } from './trigger-cursor.js';

const open = (afterSeq: number) => {
  const saved: string[] = [];
  const settings = {
    read: async () => saved.at(-1) ?? null,
    save: async (_name: string, value: string) => void saved.push(value),
  };
  const failures: unknown[] = [];
  const failed = (error: unknown): void => void failures.push(error);
  return { cursor: new TriggerCursor({ settings, afterSeq, failed }), saved, settings, failures };
};

describe('TriggerCursor', () => {
  it('stays before the first event whose triggers have not all ended', async () => {
    const { cursor, saved, settings } = open(4);
    cursor.begin(5, 0);
    cursor.begin(6, 2);
    cursor.begin(7, 1);
    cursor.ended(7);
    cursor.ended(6);
    await cursor.close();
    expect(saved.at(-1)).toBe('5');
    cursor.ended(6);
    await cursor.close();
    expect(await TriggerCursor.load(settings)).toBe(7);
    expect(cursor.readSeq).toBe(7);
  });

  it('saves now and then where nothing is called, and at the end', async () => {
    const { cursor, saved } = open(0);
    for (let seq = 1; seq <= 1500; seq += 1) cursor.begin(seq, 0);
    await cursor.close();
    expect(saved.at(-1)).toBe('1500');
    expect(saved.length).toBeLessThan(5);
  });

  it('goes on when the database fails, and saves later', async () => {
    const { cursor, saved, settings, failures } = open(0);
    const { save } = settings;
    settings.save = () => Promise.reject(new Error('no space'));
    cursor.begin(1, 1);
    cursor.ended(1);
    await cursor.close();
    expect(failures.length).toBeGreaterThan(0);
    settings.save = save;
    await cursor.close();
    expect(saved).toEqual(['1']);
  });

  it('knows no place before the first server', async () => {
    expect(await TriggerCursor.load(open(0).settings)).toBeNull();
  });
});
