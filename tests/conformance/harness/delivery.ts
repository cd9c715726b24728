/** A small transfer from the server under test to itself, for tests of what comes after one. */
import type { Session, Sessions } from './sessions.js';
import { target } from './sessions.js';

export interface Delivery {
  readonly transferId: string;
  readonly sender: Session;
}

/** Delivers one file as `user`, and waits for the end. */
export async function deliver(sessions: Sessions, more: object = {}): Promise<Delivery> {
  const sender = await sessions.as('user');
  const directory = await sessions.scratch();
  const source = `${directory}/file`;
  await sender.result('mkFileAsync', { path: source, size: 1000 });
  const { token } = await sender.call<{ token: string }>('createAPIToken', { permissions: 2 });
  const manifest = await sender.call<object>('send.createManifest', { mappings: { '/a': source } });
  await sender.call('send.waitForManifest', { manifestId: manifest });
  const destination = await sender.call<object>('send.createDestination', {
    destinationAddress: target.host,
    destinationPort: target.recvPort,
    destinationToken: token,
  });
  const { transferId } = await sender.call<{ transferId: string }>('send.createTransfer', {
    manifestId: manifest,
    destinationId: destination,
    destinationPath: `${directory}/in`,
    ...more,
  });
  await sender.call('send.waitForTransfer', { transferId, timeoutSeconds: 60 });
  return { transferId, sender };
}
