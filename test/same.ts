/**
 * `t.deepEqual` for what is compared often or is large: where the two are equal, and nearly always they are, it is ten times as quick. Where
 * they are not, AVA's own says what differs.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ExecutionContext } from 'ava'

export function same(t: ExecutionContext, found: unknown, expected: unknown, message?: string): void {
  if (isDeepStrictEqual(found, expected)) t.pass()
  else t.deepEqual(found, expected, message)
}
