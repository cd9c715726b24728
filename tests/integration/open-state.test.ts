import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openToOthers } from './open-state.js';
import { awaitComplete, openLab, orderTransfer } from './servers.js';

test('openToOthers: tells files and directories that others could use', () => {
  const place = mkdtempSync(join(tmpdir(), 'jetstream-open-'));
  try {
    mkdirSync(join(place, 'closed'), { mode: 0o700 });
    writeFileSync(join(place, 'closed', 'secret'), '', { mode: 0o600 });
    expect(openToOthers(place)).toEqual([]);
    mkdirSync(join(place, 'open'), { mode: 0o750 });
    writeFileSync(join(place, 'closed', 'told'), '', { mode: 0o640 });
    expect(openToOthers(place).sort()).toEqual([
      `${join(place, 'closed', 'told')} has 640`,
      `${join(place, 'open')} has 750`,
    ]);
    expect(openToOthers(join(place, 'missing'))).toEqual([]);
  } finally {
    rmSync(place, { recursive: true });
  }
});

test('state: nothing of it is open to others, under any umask, after a delivery and a kill', async () => {
  await using lab = openLab();
  // A server that is started by hand may have any.
  const launcher = ['sh', '-c', 'umask 0; exec "$@"', 'sh'];
  const [paris, tokyo] = [
    await lab.start('paris', { launcher }),
    await lab.start('tokyo', { launcher }),
  ];
  mkdirSync(lab.path('tree'));
  writeFileSync(lab.path('tree', 'file'), 'content');
  const [sender, receiver] = [await lab.login(paris), await lab.login(tokyo)];
  const { transferId } = await orderTransfer({
    ...{ sender, receiver, receivingServer: tokyo },
    ...{ source: lab.path('tree'), target: lab.path('in') },
  });
  await awaitComplete(sender, transferId, [paris, tokyo]);
  await sender.server.ls(lab.path('tree'));
  for (const server of [paris, tokyo]) {
    // With the files that a database has while it is open, and leaves behind when it is not closed.
    expect(openToOthers(server.stateDir)).toEqual([]);
    await server.kill();
    expect(openToOthers(server.stateDir)).toEqual([]);
  }
});
