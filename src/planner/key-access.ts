/** How the rows of a query are found: by their keys, by a range of keys, or all of them. The condition is still asked of each row. */
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { compareKeys, encodeKey, keyBytes, type Key } from '../codec/key-codec.js'
import { type Expression } from '../parser/ast.js'
import { compile, type Evaluator, type Execution, type Scope } from '../expression/evaluate.js'
import { type FoundAccess } from '../relation/query-source.js'

type Bound = { readonly side: 'gt' | 'gte' | 'lt' | 'lte'; readonly value: Evaluator }

export type KeyAccess =
  | { readonly kind: 'keys'; readonly keys: readonly Evaluator[] }
  | { readonly kind: 'range'; readonly bounds: readonly Bound[] }
  | { readonly kind: 'all' }

/** Longer than the longest canonical key; encodeKey asks for this much. */
const KEY_SCRATCH_BYTES = limits.keyBytesMax + 128

const SIDES: Readonly<Record<string, Bound['side']>> = { '<': 'lt', '<=': 'lte', '>': 'gt', '>=': 'gte' }
const MIRRORED: Readonly<Record<string, string>> = { '=': '=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' }

/** Only what must be true of every row counts: the operands of the AND at the top. */
export function keyAccess(where: Expression | null, primaryKey: string): KeyAccess {
  const bounds: Bound[] = []
  for (const condition of conjuncts(where)) {
    if (condition.kind === 'in' && !condition.negated && isKeyField(condition.operand, primaryKey)) {
      const keys = condition.items.map(constantOf)
      if (keys.every((key) => key !== undefined)) return { kind: 'keys', keys }
    } else if (condition.kind === 'between' && !condition.negated && isKeyField(condition.operand, primaryKey)) {
      const [low, high] = [constantOf(condition.low), constantOf(condition.high)]
      if (low !== undefined) bounds.push({ side: 'gte', value: low })
      if (high !== undefined) bounds.push({ side: 'lte', value: high })
    } else if (condition.kind === 'comparison') {
      const isLeft = isKeyField(condition.left, primaryKey)
      if (!isLeft && !isKeyField(condition.right, primaryKey)) continue
      const value = constantOf(isLeft ? condition.right : condition.left)
      const operator = isLeft ? condition.operator : MIRRORED[condition.operator]
      if (value === undefined || operator === undefined) continue
      if (operator === '=') return { kind: 'keys', keys: [value] }
      const side = SIDES[operator]
      if (side !== undefined) bounds.push({ side, value })
    }
  }
  return bounds.length === 0 ? { kind: 'all' } : { kind: 'range', bounds }
}

/** Keys come in key order, each once. What cannot be a key equals none; NULL and other classes are before and behind none. */
export function findAccess(access: KeyAccess, execution: Execution, reverse: boolean): FoundAccess {
  switch (access.kind) {
    case 'all':
      return { kind: 'range', range: { reverse } }
    case 'range': {
      const range: { -readonly [Side in Bound['side']]?: Key } = {}
      for (const { side, value } of access.bounds) {
        const bound = value.value(execution)
        if (!isKey(bound)) {
          // A text or a number that is no key (too long, past 64 bits) still has keys before and behind it: the condition finds them.
          if (isOrderedWithKeys(bound)) continue
          return { kind: 'keys', keys: [] }
        }
        // One bound on each side is enough.
        const other = side.startsWith('g') ? (range.gt ?? range.gte) : (range.lt ?? range.lte)
        if (other === undefined) range[side] = bound
      }
      return { kind: 'range', range: { ...range, reverse } }
    }
    case 'keys': {
      const keys = access.keys.map((key) => key.value(execution)).filter(isKey)
      return { kind: 'keys', keys: keys.length <= 1 ? keys : inKeyOrder(keys, reverse) }
    }
  }
}

/** The times between which an access by a column of times lies, ends included. What is no time leaves nothing out: the condition does. */
export function timesOf(access: KeyAccess, execution: Execution): { from?: number; to?: number } {
  const timeOf = (value: Evaluator): number | undefined => {
    const found = value.value(execution)
    return found instanceof Date ? found.getTime() : undefined
  }
  if (access.kind === 'keys') {
    const times = access.keys.map(timeOf).filter((time) => time !== undefined)
    return times.length === 0 ? {} : { from: Math.min(...times), to: Math.max(...times) }
  }
  const window: { from?: number; to?: number } = {}
  for (const { side, value } of access.kind === 'range' ? access.bounds : []) {
    const time = timeOf(value)
    if (time === undefined) continue
    if (side === 'gt' || side === 'gte') window.from = Math.max(window.from ?? time, side === 'gt' ? time + 1 : time)
    else window.to = Math.min(window.to ?? time, side === 'lt' ? time - 1 : time)
  }
  return window
}

export function conjuncts(where: Expression | null): readonly Expression[] {
  if (where === null) return []
  return where.kind === 'and' ? where.operands.flatMap(conjuncts) : [where]
}

function isKeyField(expression: Expression, primaryKey: string): boolean {
  return expression.kind === 'field' && expression.path.length === 1 && expression.path[0] === primaryKey
}

const NO_FIELDS: Scope = {
  columnOf: () => undefined,
  field: () => {
    throw NOT_CONSTANT
  }
}
const NOT_CONSTANT = new Error('an expression with fields')

/** The evaluator of an expression without fields; undefined of any other. */
export function constantOf(expression: Expression): Evaluator | undefined {
  try {
    return compile(expression, NO_FIELDS)
  } catch (thrown) {
    if (thrown === NOT_CONSTANT) return undefined
    throw thrown
  }
}

function isOrderedWithKeys(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
}

function isKey(value: unknown): value is Key {
  if (value === null || typeof value === 'object') return false
  try {
    encodeKey(value, scratch)
    return true
  } catch (thrown) {
    if (thrown instanceof DriftError && thrown.kind === 'invalid') return false
    throw thrown
  }
}

const scratch = new Uint8Array(KEY_SCRATCH_BYTES)

function inKeyOrder(keys: readonly Key[], reverse: boolean): Key[] {
  const encoded = keys.map((key) => ({ key, bytes: keyBytes(key) }))
  encoded.sort((left, right) => (reverse ? compareKeys(right.bytes, left.bytes) : compareKeys(left.bytes, right.bytes)))
  return encoded
    .filter(({ bytes }, index) => index === 0 || compareKeys(encoded[index - 1]?.bytes ?? bytes, bytes) !== 0)
    .map(({ key }) => key)
}
