import type { Document } from '../codec/value.js'
import { compareKeys } from '../codec/key-codec.js'
import type { KeyRange } from '../index/ordered-keys.js'
import type { CommitRecord } from '../mvcc/commit-record.js'

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

export type TableReads<Table> = {
  readonly table: Table
  /** By ordinal, which a key keeps for ever. */
  readonly keys: Map<number, ReadKind>
  /** Keys that nobody had ever written when they were read, by their bytes as a text. */
  unborn: Map<string, { readonly key: Uint8Array; kind: ReadKind }> | undefined
  ranges: RangeRead[]
}

/** Whether a commit that came since would have been found by a read of the log of commits. */
export type LogRead = (commit: CommitRecord) => boolean

/** More than that of one table are taken as all of it: coarser, never less. */
const KEYS_MAX = 100_000
const RANGES_MAX = 1000

const EVERYTHING: RangeRead = { range: {}, kind: 'row', matches: undefined }

/** Shared by all tables without ranges. */
const NO_RANGES: RangeRead[] = []

/** What a SERIALIZABLE transaction has read: keys, there or not, and ranges with their conditions. Bounded for each table. */
export class ReadSet<Table> {
  /** A few as a rule: looked through from the one that was read last. */
  readonly tables: TableReads<Table>[] = []
  #last: TableReads<Table> | undefined
  /** Of the log of commits: what is there never changes, so only what came behind the read point matters. */
  logReads: readonly LogRead[] = []

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
    const reads = this.#of(table)
    if (reads.ranges[0] === EVERYTHING) return
    const unborn = (reads.unborn ??= new Map())
    const name = keyName(key)
    const known = unborn.get(name)
    if (known !== undefined) {
      if (kind === 'row') known.kind = kind
    } else if (unborn.size >= KEYS_MAX) this.#readAll(table)
    else unborn.set(name, { key, kind })
  }

  readLog(read: LogRead): void {
    this.logReads = this.logReads.length >= RANGES_MAX ? [() => true] : [...this.logReads, read]
  }

  readRange(table: Table, read: RangeRead): void {
    const reads = this.#of(table)
    if (reads.ranges[0] === EVERYTHING) return
    if (reads.ranges.length >= RANGES_MAX) this.#readAll(table)
    else if (reads.ranges === NO_RANGES) reads.ranges = [read]
    else reads.ranges.push(read)
  }

  #readAll(table: Table): void {
    const reads = this.#of(table)
    reads.keys.clear()
    reads.unborn = undefined
    reads.ranges = [EVERYTHING]
  }

  #of(table: Table): TableReads<Table> {
    if (this.#last?.table === table) return this.#last
    let reads = this.tables.find((known) => known.table === table)
    if (reads === undefined) {
      reads = { table, keys: new Map(), unborn: undefined, ranges: NO_RANGES }
      this.tables.push(reads)
    }
    this.#last = reads
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
