/** Vitest's matchers with a type that says nothing about the value, in place of `any`. */
import { expect } from 'vitest';

export const aNumber = expect.any(Number) as unknown;
export const aString = expect.any(String) as unknown;
export const anArray = expect.any(Array) as unknown;
export const anObject = expect.any(Object) as unknown;

/** A text that matches a pattern. */
export const textLike = (pattern: RegExp): unknown => expect.stringMatching(pattern);
