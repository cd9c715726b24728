import { describe, expect, it } from 'vitest';
import { CryptoExchange } from './crypto-exchange.js';
import { mayHandshake, OTHER_ADDRESS_AFTER_US } from './handshake-source.js';

const PEER = { address: '192.0.2.1', port: 8886 };
const OTHER = { address: '198.51.100.1', port: 8886 };
const LATER = 5 + OTHER_ADDRESS_AFTER_US;

const handshake = (role: 'client' | 'server') => ({
  role,
  startedAt: 5,
  peer: { ...PEER },
  exchange: new CryptoExchange({ role, localId: 1, remoteId: 0 }),
});

describe('mayHandshake', () => {
  it('the peer of a handshake always may', () => {
    for (const role of ['client', 'server'] as const) {
      for (const now of [5, LATER]) expect(mayHandshake(handshake(role), PEER, now)).toBe(true);
    }
  });

  it('nobody else at a server', () => {
    expect(mayHandshake(handshake('server'), OTHER, LATER)).toBe(false);
  });

  it('another address at a client, once the dialled one was silent for long', () => {
    const client = handshake('client');
    expect(mayHandshake(client, OTHER, LATER - 1)).toBe(false);
    expect(mayHandshake(client, OTHER, LATER)).toBe(true);
    expect(mayHandshake(client, { ...PEER, port: 1 }, LATER)).toBe(true);
  });

  it('never another address once the dialled one has answered', () => {
    const client = handshake('client');
    expect(mayHandshake(client, PEER, 6)).toBe(true);
    expect(mayHandshake(client, OTHER, LATER)).toBe(false);
  });
});
