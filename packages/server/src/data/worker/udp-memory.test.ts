import { describe, expect, it } from 'vitest';
import { UDP_BLOCKED_MAX, UDP_BLOCKED_US, UdpMemory } from './udp-memory.js';

describe('UdpMemory', () => {
  it('remembers for a while, then lets UDP be tried again', () => {
    const memory = new UdpMemory();
    memory.note('a', 1000);
    expect(memory.blockedAt('a', 1000 + UDP_BLOCKED_US - 1)).toBe(1000);
    expect(memory.blockedAt('a', 1000 + UDP_BLOCKED_US)).toBeNull();
    expect(memory.blockedAt('b', 1000)).toBeNull();
  });

  it('forgets at once when UDP has passed', () => {
    const memory = new UdpMemory();
    memory.note('a', 0);
    memory.forget('a');
    expect(memory.blockedAt('a', 1)).toBeNull();
  });

  it('forgets the destination that was noted longest ago', () => {
    const memory = new UdpMemory();
    for (let i = 0; i <= UDP_BLOCKED_MAX; i += 1) memory.note(`${i}`, i);
    expect(memory.blockedAt('0', UDP_BLOCKED_MAX)).toBeNull();
    expect(memory.blockedAt('1', UDP_BLOCKED_MAX)).toBe(1);
  });
});
