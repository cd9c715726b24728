import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { type Lab, openLab } from './servers.js';

const hasOpenssl = spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0;
if (!hasOpenssl) process.stderr.write('SKIPPED: webhooks over HTTPS, there is no openssl\n');

/** A certificate authority of our own, and a certificate of it for 127.0.0.1. */
const makeCertificates = (lab: Lab): { ca: string; key: string; certificate: string } => {
  const [ca, caKey, key] = [lab.path('ca.pem'), lab.path('ca.key'), lab.path('hook.key')];
  const [request, certificate, names] = [lab.path('hook.csr'), lab.path('hook.pem'), lab.path('n')];
  const run = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: 'ignore' });
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  run('req', '-x509', ...newKey, '-keyout', caKey, '-out', ca, '-subj', '/CN=Test CA');
  run('req', ...newKey, '-keyout', key, '-out', request, '-subj', '/CN=hooks');
  writeFileSync(names, 'subjectAltName=IP:127.0.0.1\n');
  const signing = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-extfile', names];
  run('x509', '-req', '-in', request, '-out', certificate, ...signing);
  return { ca, key, certificate };
};

it.skipIf(!hasOpenssl)(
  'a webhook over HTTPS: the certificate must be of an authority that the server trusts',
  async () => {
    await using lab = openLab();
    const { ca, key, certificate } = makeCertificates(lab);
    const received: string[] = [];
    const hooks = https.createServer(
      { key: readFileSync(key), cert: readFileSync(certificate) },
      (request, response) => {
        received.push(String(request.headers['webhook-signature']));
        request.resume();
        response.writeHead(204).end();
      },
    );
    await new Promise<void>((resolve) => hooks.listen(0, '127.0.0.1', resolve));
    const port = (hooks.address() as AddressInfo).port;
    const tryFrom = async (
      name: string,
      host: string,
      environment: Record<string, string>,
    ): Promise<{ httpStatus: number | null; errorMessage: string }> => {
      const flags = ['--webhook-allow-private'];
      const api = await lab.login(await lab.start(name, { flags, environment }));
      await api.server.superuser();
      const url = `https://${host}:${port}/`;
      const { webhookId } = await api.server.createWebhook(url, ['userAdded']);
      return api.server.testWebhook(webhookId);
    };
    try {
      const trusts = { NODE_EXTRA_CA_CERTS: ca };
      const taken = await tryFrom('trusting', '127.0.0.1', trusts);
      expect(taken).toMatchObject({ httpStatus: 204, errorMessage: '' });
      expect(received).toHaveLength(1);
      expect(received[0]).toMatch(/^v1,/);
      const unknown = await tryFrom('stranger', '127.0.0.1', {});
      expect(unknown.httpStatus).toBeNull();
      expect(unknown.errorMessage).toMatch(/certificate/);
      const misnamed = await tryFrom('misnamed', 'localhost', trusts);
      expect(misnamed.httpStatus).toBeNull();
      expect(misnamed.errorMessage).toMatch(/altnames/);
      expect(received).toHaveLength(1);
    } finally {
      hooks.closeAllConnections();
      hooks.close();
    }
  },
);
