/**
 * Time that jumps from event to event. Events of one moment run in the order in which they were
 * scheduled, so that a run depends on its seed only.
 */

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** A clock in microseconds with a queue of events. */
export class VirtualClock {
  #now = 0;
  #order = 0;
  /** Binary heap. */
  readonly #events: Event[] = [];

  /** Microseconds since the start of the run. */
  get now(): number {
    return this.#now;
  }

  /** When the next event is due; Infinity when there is none. */
  get nextAt(): number {
    return this.#events[0]?.at ?? Infinity;
  }

  /** Events that wait. */
  get pending(): number {
    return this.#events.length;
  }

  /** Runs `run` at the moment `at`, or now if that has passed. */
  schedule(at: number, run: () => void): void {
    const event = { at: Math.max(at, this.#now), order: this.#order, run };
    this.#order += 1;
    const events = this.#events;
    let index = events.length;
    events.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(event, events[parent] as Event)) break;
      events[index] = events[parent] as Event;
      index = parent;
    }
    events[index] = event;
  }

  /** Runs everything that is due until `at`, then stands there. */
  runUntil(at: number): void {
    while (this.nextAt <= at) {
      const event = this.#pop();
      this.#now = event.at;
      event.run();
    }
    this.#now = Math.max(this.#now, at);
  }

  #pop(): Event {
    const events = this.#events;
    const first = events[0] as Event;
    const last = events.pop() as Event;
    const count = events.length;
    if (count === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= count) break;
      if (child + 1 < count && before(events[child + 1] as Event, events[child] as Event)) {
        child += 1;
      }
      if (!before(events[child] as Event, last)) break;
      events[index] = events[child] as Event;
      index = child;
    }
    events[index] = last;
    return first;
  }
}
