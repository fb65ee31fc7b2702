import { DriftError } from '../base/errors.js'
import type { ColumnInfo, SeenColumns } from '../catalog/seen-columns.js'
import { compareKeys, keyBytes } from '../codec/key-codec.js'
import { decodeDocument, decodePatchInto, encodeDocument } from '../codec/document-codec.js'
import type { Document } from '../codec/value.js'
import type { KeyRange } from '../index/ordered-keys.js'
import { isWithin, keyName } from './read-set.js'
import type { WriteConditions, WriteOperation, WriteSet } from './write-set.js'

type Keyed = {
  readonly definition: { readonly name: string; readonly primaryKey: string }
  readonly keys: { keyOf(ordinal: number): Uint8Array }
  ordinalOf(key: unknown): number
}

/** One write of the transaction that has not happened yet for anybody else. */
export type OwnEvent<Table> = {
  /** Ascending; one that was taken back is not given again. */
  readonly number: number
  readonly operation: WriteOperation<Table>
  readonly row: OwnRow<Table>
  /** The one before it of the same key. */
  readonly previous: OwnEvent<Table> | undefined
  /** What the row rests on where only patches stand: the committed one. */
  readonly rests: 'committed' | 'own' | 'nothing'
  /** The row after it, kept where many patches would be folded: at the point `at`. */
  whole: { readonly at: number; readonly bytes: Uint8Array } | undefined
}

/** `key`: its bytes, where they were asked for. */
type OwnRow<Table> = { readonly ordinal: number; key: Uint8Array | undefined; latest: OwnEvent<Table> | undefined }

type OwnTable<Table> = {
  readonly table: Table
  /** By ordinal, which a key keeps for ever. */
  readonly rows: Map<number, OwnRow<Table>>
  /** Of keys that had no ordinal at their first write, by their bytes as a text: others may have given them one since. */
  unborn: Map<string, OwnRow<Table>> | undefined
  /** In key order; those of `added` are not in it yet. A new array each time. */
  sorted: readonly OwnRow<Table>[]
  added: OwnRow<Table>[]
  events: number
  /** Number of the first of them. */
  first: number
  /** Of the committed rows at a point and the first events: gone where what it was made of is. */
  columns: { readonly seen: SeenColumns; readonly at: number; readonly epoch: number; read: number } | undefined
}

/** A place to come back to. */
export type Mark = { readonly operations: number; readonly number: number }

/** Every so many patches of one row the folded row is kept. */
const FOLDED_EVERY = 16

/**
 * The writes of one transaction, and what each row is after them. A reader that began at event number n sees those up to n: what comes
 * later does not change what it reads. The folded rows take memory beside the set only where a row is patched again and again.
 */
export class OwnWrites<Table extends Keyed> {
  readonly set: WriteSet<Table>
  /** A few as a rule: looked through from the one that was asked for last. */
  readonly #tables: OwnTable<Table>[] = []
  #last: OwnTable<Table> | undefined
  readonly #events: OwnEvent<Table>[] = []
  #number = 0
  #epoch = 0

  constructor(set: WriteSet<Table>) {
    this.set = set
  }

  /** Of the last event; 0: none yet. */
  get number(): number {
    return this.#number
  }

  get events(): readonly OwnEvent<Table>[] {
    return this.#events
  }

  /** Grows with each {@link takeBack}: what was read from before it is not what is here. */
  get epoch(): number {
    return this.#epoch
  }

  get mark(): Mark {
    return { operations: this.set.operations.length, number: this.#number }
  }

  /** The table has events up to number `through`. */
  hasAny(table: Table, through: number): boolean {
    const own = this.#of(table)
    return own !== undefined && own.events > 0 && own.first <= through
  }

  document(kind: 'insert' | 'upsert', table: Table, document: unknown, conditions: WriteConditions): OwnEvent<Table> {
    this.set.document(kind, table, document, conditions)
    return this.#added((document as { readonly [field: string]: unknown })[table.definition.primaryKey])
  }

  patch(table: Table, key: unknown, set: unknown, conditions: WriteConditions): OwnEvent<Table> {
    this.set.patch(table, key, set, conditions)
    return this.#added(key)
  }

  softDelete(table: Table, key: unknown, conditions: WriteConditions): OwnEvent<Table> {
    this.set.softDelete(table, key, conditions)
    return this.#added(key)
  }

  /** The last event of a key, which has this ordinal or -1, with number <= `through`. */
  eventOf(table: Table, ordinal: number, key: unknown, through: number): OwnEvent<Table> | undefined {
    const own = this.#of(table)
    return own === undefined ? undefined : upTo(rowOf(own, ordinal, key)?.latest, through)
  }

  /** Of a key, oldest first. */
  eventsOf(table: Table, key: unknown, through: number): OwnEvent<Table>[] {
    const events: OwnEvent<Table>[] = []
    for (let event = this.eventOf(table, table.ordinalOf(key), key, through); event !== undefined; event = event.previous)
      events.push(event)
    return events.reverse()
  }

  /** Rows of a range that have an event with number <= `through`, in key order. */
  *rows(table: Table, range: KeyRange, through: number): Generator<{ readonly key: Uint8Array; readonly event: OwnEvent<Table> }, void> {
    const own = this.#of(table)
    if (own === undefined) return
    const sorted = inOrder(own)
    const step = range.reverse === true ? -1 : 1
    for (let index = step === 1 ? 0 : sorted.length - 1; index >= 0 && index < sorted.length; index += step) {
      const row = sorted[index] as OwnRow<Table>
      const { key = NO_KEY } = row
      if (!isWithin(key, range)) continue
      const event = upTo(row.latest, through)
      if (event !== undefined) yield { key, event }
    }
  }

  /** The columns of `committed`, those at seq `at`, and behind them what own documents and patches brought. Each event is read once. */
  columns(table: Table, at: number, through: number, committed: () => SeenColumns): readonly ColumnInfo[] {
    const own = this.#of(table)
    if (own === undefined) return committed().at(at)
    let known = own.columns
    // An older statement that is still read has fewer of them.
    if (known === undefined || known.at !== at || known.epoch !== this.#epoch || (this.#events[known.read - 1]?.number ?? 0) > through) {
      known = { seen: committed(), at, epoch: this.#epoch, read: 0 }
      own.columns = known
    }
    for (let event = this.#events[known.read]; event !== undefined && event.number <= through; event = this.#events[++known.read]) {
      const { operation, number } = event
      if (operation.table !== table || operation.kind === 'softDelete') continue
      known.seen.seeDocument(this.set.buffer, operation.valueAt, at + number)
    }
    return known.seen.at(Number.POSITIVE_INFINITY)
  }

  keyOf({ operation }: OwnEvent<Table>): Uint8Array {
    return this.set.buffer.subarray(operation.keyAt, operation.end)
  }

  isLive({ operation, rests }: OwnEvent<Table>, isCommittedLive: () => boolean): boolean {
    if (operation.kind === 'softDelete') return false
    return rests === 'own' || isCommittedLive()
  }

  /** The row after an event, made anew; `committed` gives the one at the point `at`, which patches alone rest on. */
  rowAfter(event: OwnEvent<Table>, at: number, committed: () => Document | undefined): Document | undefined {
    const patches: OwnEvent<Table>[] = []
    let base: OwnEvent<Table> | undefined = event
    while (base !== undefined && base.operation.kind === 'patch' && base.whole?.at !== at) {
      patches.push(base)
      base = base.previous
    }
    let document: Document | undefined
    if (base === undefined) document = committed()
    else if (base.whole?.at === at) document = decodeDocument(base.whole.bytes)
    else if (base.operation.kind !== 'softDelete') {
      document = decodeDocument(this.set.buffer, base.operation.valueAt, base.operation.keyAt)
    }
    if (document === undefined) return undefined
    for (const { operation } of patches.reverse()) {
      decodePatchInto(document, this.set.buffer, operation.valueAt, operation.keyAt)
    }
    if (patches.length >= FOLDED_EVERY) event.whole = { at, bytes: encodeDocument(document, 'document').slice() }
    return document
  }

  /** What the event itself carries. */
  payload({ operation }: OwnEvent<Table>): Document | null {
    return operation.kind === 'softDelete' ? null : decodeDocument(this.set.buffer, operation.valueAt, operation.keyAt)
  }

  /** Undoes everything behind the mark. */
  takeBack({ operations }: Mark): void {
    if (this.#events.length === operations) return
    this.#epoch++
    while (this.#events.length > operations) {
      const event = this.#events.pop() as OwnEvent<Table>
      const own = this.#of(event.operation.table)
      if (own !== undefined) own.events--
      event.row.latest = event.previous
    }
    this.set.truncate(operations)
  }

  /** Everything, at the end: who still reads of it is told by the epoch. */
  forget(): void {
    if (this.#events.length === 0) return
    this.#epoch++
    this.#events.length = 0
    this.#tables.length = 0
    this.#last = undefined
    this.set.truncate(0)
  }

  #of(table: Table): OwnTable<Table> | undefined {
    if (this.#last?.table === table) return this.#last
    const own = this.#tables.find((known) => known.table === table)
    if (own !== undefined) this.#last = own
    return own
  }

  /** Registers the operation that the set took last, of this key. */
  #added(key: unknown): OwnEvent<Table> {
    const { operations } = this.set
    const operation = operations[operations.length - 1]
    if (operation === undefined) throw new DriftError('INVARIANT', 'a write set took an operation and has none')
    const { table, kind } = operation
    let own = this.#of(table)
    if (own === undefined) {
      own = { table, rows: new Map(), unborn: undefined, sorted: NONE, added: [], events: 0, first: 0, columns: undefined }
      this.#tables.push(own)
    }
    const ordinal = table.ordinalOf(key)
    operation.ordinal = ordinal
    const row = ordinal < 0 ? unbornRow(own, keyBytes(key)) : (rowOf(own, ordinal, key) ?? newRow(own, ordinal))
    const previous = row.latest
    const isPatch = kind === 'patch'
    const rests = kind === 'softDelete' ? 'nothing' : isPatch ? (previous?.rests ?? 'committed') : 'own'
    const event: OwnEvent<Table> = { number: ++this.#number, operation, row, previous, rests, whole: undefined }
    row.latest = event
    if (own.events++ === 0) own.first = event.number
    this.#events.push(event)
    return event
  }
}

function upTo<Table>(latest: OwnEvent<Table> | undefined, through: number): OwnEvent<Table> | undefined {
  let event = latest
  while (event !== undefined && event.number > through) event = event.previous
  return event
}

function rowOf<Table extends Keyed>(own: OwnTable<Table>, ordinal: number, key: unknown): OwnRow<Table> | undefined {
  if (ordinal >= 0) {
    const row = own.rows.get(ordinal)
    if (row !== undefined) return row
  }
  if (own.unborn === undefined) return undefined
  const row = own.unborn.get(keyName(keyBytes(key)))
  if (row !== undefined && ordinal >= 0) own.rows.set(ordinal, row)
  return row
}

function newRow<Table>(own: OwnTable<Table>, ordinal: number): OwnRow<Table> {
  const row: OwnRow<Table> = { ordinal, key: undefined, latest: undefined }
  own.rows.set(ordinal, row)
  own.added.push(row)
  return row
}

function unbornRow<Table>(own: OwnTable<Table>, key: Uint8Array): OwnRow<Table> {
  const name = keyName(key)
  const unborn = (own.unborn ??= new Map())
  let row = unborn.get(name)
  if (row === undefined) {
    row = { ordinal: -1, key, latest: undefined }
    unborn.set(name, row)
    own.added.push(row)
  }
  return row
}

const NO_KEY = new Uint8Array(0)
const NONE: readonly never[] = []

/** The sorted rows, brought up to date by merging in those that are new. */
function inOrder<Table extends Keyed>(own: OwnTable<Table>): readonly OwnRow<Table>[] {
  if (own.added.length === 0) return own.sorted
  const { keys } = own.table
  const withKeys = own.added.map((row) => Object.assign(row, { key: row.key ?? keys.keyOf(row.ordinal) }))
  const added = withKeys.sort((a, b) => compareKeys(a.key, b.key))
  const merged: OwnRow<Table>[] = []
  let next = 0
  for (const row of own.sorted) {
    const { key = NO_KEY } = row
    for (let other = added[next]; other !== undefined && compareKeys(other.key, key) < 0; other = added[++next]) merged.push(other)
    merged.push(row)
  }
  for (; next < added.length; next++) merged.push(added[next] as OwnRow<Table>)
  own.sorted = merged
  own.added = []
  return merged
}
