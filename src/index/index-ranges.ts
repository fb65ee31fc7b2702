/** The ranges of an index in which values lie: as bytes, see `index-keys.ts`. */
import { type IndexColumn } from '../catalog/index-definition.js'
import { sortClassOf } from '../codec/sort-key.js'
import { IndexKeys, startingWith } from './index-keys.js'
import { type IndexRange } from './index-reader.js'

export type Bound = { readonly value: unknown; readonly isInclusive: boolean }

/** What is asked of the column behind those whose values are known. */
export type NextColumn =
  | { readonly kind: 'any' }
  | { readonly kind: 'not-null' }
  /** Both of one class; a value of another class lies outside. */
  | { readonly kind: 'between'; readonly low: Bound | undefined; readonly high: Bound | undefined }
  /** Texts that begin so. */
  | { readonly kind: 'text'; readonly prefix: string }

const TAG_NULL = 0xf0

/**
 * The keys whose first columns have these values, and whose next column is as asked: a range that holds all such rows, others too where
 * values are cut. Undefined: no row can be so.
 */
export function indexRange(columns: readonly IndexColumn[], values: readonly unknown[], next: NextColumn): IndexRange | undefined {
  const keys = keysOf(columns)
  const prefix = keys.prefix(values)
  if (prefix === undefined) return undefined
  const isDescending = columns[values.length]?.isDescending === true
  switch (next.kind) {
    case 'any':
      return values.length === 0 ? {} : startingWith(prefix)
    case 'not-null': {
      const whole = values.length === 0 ? { from: undefined, to: undefined } : startingWith(prefix)
      return isDescending
        ? { from: followedBy(prefix, 0xff - TAG_NULL + 1), to: whole.to }
        : { from: whole.from, to: followedBy(prefix, TAG_NULL) }
    }
    case 'text': {
      const bytes = keys.textPrefix(values, next.prefix)
      return { from: bytes, to: successor(bytes) }
    }
    default:
      return between(keys, prefix, values, next, isDescending)
  }
}

/** One for each index: it has room for the longest key. */
const made = new WeakMap<readonly IndexColumn[], IndexKeys>()

function keysOf(columns: readonly IndexColumn[]): IndexKeys {
  let keys = made.get(columns)
  if (keys === undefined) {
    keys = new IndexKeys(columns)
    made.set(columns, keys)
  }
  return keys
}

function between(
  keys: IndexKeys,
  prefix: Uint8Array,
  values: readonly unknown[],
  { low, high }: Extract<NextColumn, { readonly kind: 'between' }>,
  isDescending: boolean
): IndexRange | undefined {
  const sample = low ?? high
  const valueClass = sample === undefined ? undefined : sortClassOf(sample.value)
  if (sample === undefined || valueClass === undefined) return undefined
  if (low !== undefined && high !== undefined && sortClassOf(high.value) !== sortClassOf(low.value)) return undefined
  const tag = isDescending ? 0xff - valueClass : valueClass
  let from = followedBy(prefix, tag)
  let to = followedBy(prefix, tag + 1)
  for (const [bound, isLow] of [
    [low, true],
    [high, false]
  ] as const) {
    if (bound === undefined) continue
    const bytes = keys.prefix([...values, bound.value])
    // No document has it, but some have what is before or behind it: the condition itself leaves out what it must.
    if (bytes === undefined) continue
    // Others share the bytes of what is cut: the condition is asked of them.
    const { from: begin, to: end } = startingWith(bytes)
    const isInclusive = bound.isInclusive || keys.isCut
    if (isLow !== isDescending) from = isInclusive ? begin : end
    else to = isInclusive ? end : begin
  }
  return { from, to }
}

function followedBy(prefix: Uint8Array, byte: number): Uint8Array {
  const bytes = new Uint8Array(prefix.length + 1)
  bytes.set(prefix)
  bytes[prefix.length] = byte
  return bytes
}

/** The least bytes behind all that begin with these. */
function successor(bytes: Uint8Array): Uint8Array | undefined {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0xff) end--
  if (end === 0) return undefined
  const next = bytes.slice(0, end)
  next[end - 1] = (next[end - 1] as number) + 1
  return next
}
