/**
 * What a server that may die at any moment must still know: the value of each key after the last
 * mutation that it acknowledged. While a mutation is under way, both the old and the new value are
 * possible; an answer makes it the new one, a crash leaves both until somebody looks.
 */

/** Value of a key; null while there is none. */
export type Value = string | null;

/** Everything of one kind as a server shows it. */
export type Observed = ReadonlyMap<string, string>;

/** Counts of what a ledger has seen. */
export interface LedgerCounts {
  acknowledged: number;
  /** Mutations without an answer that turned out to have happened, or not. */
  found: number;
  lost: number;
}

/** The expected values of one kind of object. */
export class MutationLedger {
  readonly counts: LedgerCounts = { acknowledged: 0, found: 0, lost: 0 };
  readonly #possible = new Map<string, readonly Value[]>();

  /** All keys that were ever mutated. */
  get allKeys(): readonly string[] {
    return [...this.#possible.keys()];
  }

  /** Keys whose value is certain and passes. */
  keys(passes: (value: Value) => boolean): string[] {
    return [...this.#possible]
      .filter(([, [value = null, ...others]]) => others.length === 0 && passes(value))
      .map(([key]) => key);
  }

  /** The certain value of a key. @throws {Error} While it is in doubt. */
  value(key: string): Value {
    const [value = null, ...others] = this.#possible.get(key) ?? [];
    if (others.length > 0) throw new Error(`The value of "${key}" is in doubt`);
    return value;
  }

  /** Makes a mutation of a known key; one mutation of a key at a time. */
  async change(key: string, next: Value, act: () => Promise<unknown>): Promise<void> {
    this.#possible.set(key, [this.value(key), next]);
    await act();
    this.#settle(key, next);
  }

  /** Makes an object whose key the server chooses; without an answer there is nothing to expect. */
  async create(value: string, act: () => Promise<string>): Promise<string> {
    const key = await act();
    this.#settle(key, value);
    return key;
  }

  /**
   * Compares with what a restarted server shows, and takes it for the truth where there was doubt.
   *
   * @returns One line per value that is not possible.
   */
  audit(kind: string, observed: Observed): string[] {
    const findings: string[] = [];
    for (const [key, possible] of this.#possible) {
      const actual = observed.get(key) ?? null;
      if (!possible.includes(actual)) {
        const expected = possible.map((value) => JSON.stringify(value)).join(' or ');
        findings.push(`${kind} "${key}" is ${JSON.stringify(actual)}, expected ${expected}`);
      }
      if (possible.length > 1 && possible[0] !== possible[1]) {
        if (actual === possible[1]) this.counts.found += 1;
        else this.counts.lost += 1;
      }
      this.#possible.set(key, [actual]);
    }
    return findings;
  }

  #settle(key: string, value: Value): void {
    this.#possible.set(key, [value]);
    this.counts.acknowledged += 1;
  }
}
