import type { Document } from '../codec/value.js'
import { compareKeys } from '../codec/key-codec.js'
import type { KeyRange } from '../index/ordered-keys.js'

/**
 * What a read depends on: `row`: the whole row; `presence`: only whether there is one (a count, a list of keys).
 */
export type ReadKind = 'row' | 'presence'

/** A part of a table that was read. `matches`: only rows for which it is true; a function of the document alone. */
export type RangeRead = {
  readonly range: KeyRange
  readonly kind: ReadKind
  readonly matches: ((document: Document) => boolean) | undefined
}

export type TableReads = {
  /** By ordinal, which a key keeps for ever. */
  readonly keys: Map<number, ReadKind>
  /** Keys that nobody had ever written when they were read, by their bytes as a text. */
  readonly unborn: Map<string, { readonly key: Uint8Array; kind: ReadKind }>
  ranges: RangeRead[]
}

/** More than that of one table are taken as all of it: coarser, never less. */
const KEYS_MAX = 100_000
const RANGES_MAX = 1000

const EVERYTHING: RangeRead = { range: {}, kind: 'row', matches: undefined }

/** What a SERIALIZABLE transaction has read: keys, there or not, and ranges with their conditions. Bounded for each table. */
export class ReadSet<Table> {
  readonly tables = new Map<Table, TableReads>()
  /** Most reads are of the table of the read before. */
  #last: { readonly table: Table; readonly reads: TableReads } | undefined

  readKey(table: Table, ordinal: number, kind: ReadKind): void {
    const reads = this.#of(table)
    if (reads.ranges[0] === EVERYTHING) return
    const known = reads.keys.get(ordinal)
    if (known === kind || known === 'row') return
    if (reads.keys.size >= KEYS_MAX) this.#readAll(table)
    else reads.keys.set(ordinal, kind)
  }

  /** A key that has no ordinal yet; its bytes are kept. */
  readUnborn(table: Table, key: Uint8Array, kind: ReadKind): void {
    const { unborn, ranges } = this.#of(table)
    if (ranges[0] === EVERYTHING) return
    const name = keyName(key)
    const known = unborn.get(name)
    if (known !== undefined) {
      if (kind === 'row') known.kind = kind
    } else if (unborn.size >= KEYS_MAX) this.#readAll(table)
    else unborn.set(name, { key, kind })
  }

  readRange(table: Table, read: RangeRead): void {
    const { ranges } = this.#of(table)
    if (ranges[0] === EVERYTHING) return
    if (ranges.length >= RANGES_MAX) this.#readAll(table)
    else ranges.push(read)
  }

  #readAll(table: Table): void {
    const reads = this.#of(table)
    reads.keys.clear()
    reads.unborn.clear()
    reads.ranges = [EVERYTHING]
  }

  #of(table: Table): TableReads {
    if (this.#last?.table === table) return this.#last.reads
    let reads = this.tables.get(table)
    if (reads === undefined) {
      reads = { keys: new Map(), unborn: new Map(), ranges: [] }
      this.tables.set(table, reads)
    }
    this.#last = { table, reads }
    return reads
  }
}

/** Canonical bytes as a text: one character a byte. */
export function keyName(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}

export function isWithin(key: Uint8Array, { from, fromInclusive = true, to, toInclusive = true }: KeyRange): boolean {
  if (from !== undefined) {
    const order = compareKeys(key, from)
    if (order < 0 || (order === 0 && !fromInclusive)) return false
  }
  if (to === undefined) return true
  const order = compareKeys(key, to)
  return order < 0 || (order === 0 && toInclusive)
}
