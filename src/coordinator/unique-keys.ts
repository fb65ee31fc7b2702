/**
 * UNIQUE, checked where commits are ordered: behind a commit no two rows may have the same values in the columns of a unique index, unless
 * one of the values is NULL. What counts is how the commit leaves the rows: two rows may change places in it.
 *
 * Who has the values is asked of the index, up to what is applied, and of what was numbered since; whether that row still has them is asked
 * of the row itself. So nothing needs to be taken back with a commit that is refused.
 *
 *   CAT-6  no two live rows have the same values in a unique index
 */
import { DriftError } from '../base/errors.js'
import type { IndexDefinition } from '../catalog/index-definition.js'
import type { Document, Value } from '../codec/value.js'
import { identityOf } from '../codec/value-order.js'
import { IndexKeys, startingWith } from '../index/index-keys.js'
import type { ReadableIndex } from '../index/readable-index.js'
import { valueAt } from '../expression/batch.js'
import type { TableState } from './table-state.js'

/** A version that a commit would make. */
export type StagedVersion = { readonly table: TableState; readonly ordinal: number; readonly version: number }

type Claim = { readonly values: string; readonly ordinal: number; readonly seq: number }

type Watched = {
  readonly definition: IndexDefinition
  readonly keys: IndexKeys
  /** Who took values since what is applied, by the values. */
  readonly claims: Map<string, number[]>
  /** The same, oldest first, from `first` on. */
  queue: Claim[]
  first: number
  /** Checked, and not only noted down. */
  isEnforced: boolean
}

export type UniqueKeysParts = {
  readonly appliedSeq: () => number
  /** The index as far as it is applied; undefined where it is not there (yet). */
  readonly readable: (indexId: number) => ReadableIndex | undefined
}

export class UniqueKeys {
  readonly #parts: UniqueKeysParts
  readonly #byTable = new Map<number, Map<number, Watched>>()

  constructor(parts: UniqueKeysParts) {
    this.#parts = parts
  }

  /** From now on the values of the index are noted down, and checked if `isEnforced`. */
  watch(tableId: number, definition: IndexDefinition, isEnforced: boolean): void {
    let watched = this.#byTable.get(tableId)
    if (watched === undefined) this.#byTable.set(tableId, (watched = new Map()))
    const keys = new IndexKeys(definition.columns)
    watched.set(definition.id, { definition, keys, claims: new Map(), queue: [], first: 0, isEnforced })
  }

  enforce(tableId: number, indexId: number): void {
    const watched = this.#byTable.get(tableId)?.get(indexId)
    if (watched !== undefined) watched.isEnforced = true
  }

  forget(tableId: number, indexId: number): void {
    const watched = this.#byTable.get(tableId)
    watched?.delete(indexId)
    if (watched?.size === 0) this.#byTable.delete(tableId)
  }

  /**
   * Checks what a commit leaves, and notes it down.
   * @throws DriftError ALREADY_EXISTS: a row has the values already; OVERLOADED: the index that would say so is not there.
   */
  check(staged: readonly StagedVersion[], seq: number): void {
    if (this.#byTable.size === 0) return
    for (const { table, ordinal, version } of staged) {
      const indexes = this.#byTable.get(table.definition.id)
      // Only what is last of the row counts.
      if (indexes === undefined || table.versions.latestOf(ordinal) !== version) continue
      const after = table.frames.document(version)
      if (after === undefined) continue
      // Before the whole commit, not before its last change of the row.
      let previous = table.versions.previousOf(version)
      while (previous !== 0 && table.versions.seqOf(previous) >= seq) previous = table.versions.previousOf(previous)
      const before = previous === 0 ? undefined : table.frames.document(previous)
      for (const index of indexes.values()) this.#checkRow(index, table, ordinal, before, after, seq)
    }
  }

  /** The keys of two rows with the same values at S, which is applied; in steps. */
  *twins(table: TableState, index: ReadableIndex, S: number): Generator<void, readonly [unknown, unknown] | undefined> {
    const { columns } = index.definition
    let last: { readonly values: string; readonly ordinal: number } | undefined
    // Values that are cut stand in no order: all of one beginning are kept.
    const seen = new Map<string, number>()
    for (const { values: ordinals, count } of index.reader.batches({}, S, false)) {
      for (let at = 0; at < count; at++) {
        const ordinal = ordinals[at] as number
        const document = table.documentAt(ordinal, S)
        const values = document === undefined ? undefined : identityOfRow(columns, document)
        if (values === undefined) continue
        const twin = last?.values === values ? last.ordinal : index.reader.memory.hasCut ? seen.get(values) : undefined
        if (twin !== undefined) return [table.key(twin), table.key(ordinal)]
        if (index.reader.memory.hasCut) seen.set(values, ordinal)
        last = { values, ordinal }
      }
      yield
    }
    return undefined
  }

  #checkRow(index: Watched, table: TableState, ordinal: number, before: Document | undefined, after: Document, seq: number): void {
    const { columns } = index.definition
    const values = identityOfRow(columns, after)
    if (values === undefined || (before !== undefined && identityOfRow(columns, before) === values)) return
    if (index.isEnforced) {
      for (const other of this.#candidates(
        index,
        columns.map(({ path }) => valueAt(after, path)),
        values
      )) {
        if (other === ordinal) continue
        const latest = table.versions.latestOf(other)
        const document = latest === 0 ? undefined : table.frames.document(latest)
        if (document !== undefined && identityOfRow(columns, document) === values) throw taken(index.definition, table, other, after)
      }
    }
    this.#claim(index, { values, ordinal, seq })
  }

  /** Rows that may have the values. */
  *#candidates(index: Watched, row: readonly unknown[], values: string): Generator<number, void> {
    yield* index.claims.get(values) ?? []
    const { definition, keys } = index
    const readable = this.#parts.readable(definition.id)
    if (readable === undefined || readable.reader.memory.isEnded) {
      throw new DriftError('OVERLOADED', `unique index ${definition.name} is not there; page memory has no room for it`, {
        index: definition.name
      })
    }
    const prefix = keys.prefix(row)
    if (prefix === undefined) return
    for (const { values: ordinals, count } of readable.reader.batches(startingWith(prefix), this.#parts.appliedSeq(), false)) {
      yield* ordinals.slice(0, count)
    }
  }

  #claim(index: Watched, claim: Claim): void {
    const claims = index.claims.get(claim.values)
    if (claims === undefined) index.claims.set(claim.values, [claim.ordinal])
    else claims.push(claim.ordinal)
    index.queue.push(claim)
    // What the index has by now it is asked for.
    if (!index.isEnforced) return
    const applied = this.#parts.appliedSeq()
    for (let left = 4; left > 0; left--) {
      const oldest = index.queue[index.first]
      if (oldest === undefined || oldest.seq > applied) break
      const ordinals = index.claims.get(oldest.values)
      ordinals?.shift()
      if (ordinals?.length === 0) index.claims.delete(oldest.values)
      index.first++
    }
    if (index.first > 1024 && index.first * 2 > index.queue.length) {
      index.queue = index.queue.slice(index.first)
      index.first = 0
    }
  }
}

/** Undefined where a value is NULL: such a row is like no other. */
function identityOfRow(columns: IndexDefinition['columns'], document: Document): string | undefined {
  let identity = ''
  for (const { path } of columns) {
    const value = valueAt(document, path)
    if (value === null) return undefined
    identity += identityOf(value)
  }
  return identity
}

function taken({ name, columns }: IndexDefinition, table: TableState, other: number, after: Document): DriftError {
  const key = table.key(other)
  const own = (after as { readonly [field: string]: Value })[table.definition.primaryKey]
  const what = columns.map(({ path }) => path.join('.')).join(', ')
  const values = Object.fromEntries(columns.map(({ path }) => [path.join('.'), valueAt(after, path)]))
  return new DriftError('ALREADY_EXISTS', `the row with key ${JSON.stringify(key)} has the same ${what}: index ${name} is unique`, {
    table: table.definition.name,
    index: name,
    key: own,
    other: key,
    values
  })
}
