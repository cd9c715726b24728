import { beforeAll, expect, it } from 'vitest';
import { type Delivery, deliver } from '../harness/delivery.js';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();
const METHOD = 'recv.getReceiptAsync';

interface Page {
  readonly text: string;
  readonly totalBytes: number;
  readonly nextOffset: number | null;
}

let delivery: Delivery;
beforeAll(async () => {
  delivery = await deliver(sessions, { verifyMode: 'readback' });
});

it('returns what the server has signed for a transfer, one JSON object a line', async () => {
  const { sender, transferId } = delivery;
  const page = await sender.result<Page>(METHOD, { transferId });
  expect(page).toMatchObject({ transferId, role: 'receiver', nextOffset: null });
  expect(page.totalBytes).toBe(Buffer.byteLength(page.text));
  const [head, file, end, seal] = page.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(head).toMatchObject({ format: 'jetstream-receipt-2', role: 'receiver', transferId });
  expect(head?.['verified']).toMatch(/^re(adback|read)$/);
  expect(file).toMatchObject({ path: '/a', kind: 'file', size: 1000 });
  expect(end).toEqual({ end: { files: 1, failed: 0, bytes: 1000 } });
  const { publicKey } = await sender.call<{ publicKey: string }>('getServerInfo');
  expect(seal).toMatchObject({ seal: { publicKey } });
});

it('refuses an offset that no page has given', async () => {
  const { sender, transferId } = delivery;
  const refused = sender.result(METHOD, { transferId, offset: 5 });
  await expect(refused).rejects.toMatchObject(failure('invalid_params'));
});

it('shows nothing to others, and nothing that is not there', async () => {
  const { transferId } = delivery;
  const other = await sessions.as('other');
  for (const id of [transferId, '0'.repeat(32)]) {
    const refused = other.result(METHOD, { transferId: id });
    await expect(refused).rejects.toMatchObject(failure('not_found'));
  }
  await expectLoginNeeded(sessions, METHOD, { transferId });
});
