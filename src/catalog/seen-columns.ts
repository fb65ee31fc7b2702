import { limits } from '../base/limits.js'
import {
  CLASS_BOOL,
  CLASS_BYTES,
  CLASS_FLOAT,
  CLASS_INT,
  CLASS_LONG,
  CLASS_NULL,
  CLASS_TEXT,
  CLASS_TIME,
  eachField,
  shapeOfDocument,
  VALUE_CLASSES,
  type Shape,
  type ValueClass
} from '../codec/document-shape.js'
import type { StoredColumn, StoredColumns } from '../format/manifest.js'

/** What all values of a column have in common. `jsonb`: arrays, objects, integers past 2^63-1, and values that have no other in common. */
export type ColumnType = 'int8' | 'float8' | 'bool' | 'text' | 'timestamptz' | 'bytea' | 'jsonb'

/** A column of a table at one point. Not nullable: it is the primary key. */
export type ColumnInfo = { readonly name: string; readonly type: ColumnType; readonly nullable: boolean }

/** `firsts[c]`: the first seq at which a value of class c was seen; 0: none yet. `first`: the least of them; the key's: the table's creation. */
type Column = { readonly name: string; readonly first: number; readonly firsts: number[] }

/** Shapes that a table remembers to have taken in; beyond it all are forgotten, and taken in again when they come. */
const KNOWN_SHAPES_MAX = 4096

/**
 * The columns of one table at every point in time: each name that an INSERT or PATCH had a field under, with the classes of its values
 * and the first seq of each (the coordinator's). A row of a shape that came before costs one comparison or one lookup.
 *
 * Kept up to the checkpoint in the table's manifest; what is lost there is found again by reading the segments.
 */
export class SeenColumns {
  readonly #createdSeq: number
  readonly #primaryKey: string
  readonly #columns: Column[] = []
  readonly #byName = new Map<string, Column>()
  #unlistedSince = 0
  #lastChange = 0
  readonly #knownShapes = new Set<number>()
  #lastShape = 0
  /** The answer for every seq in `[cachedFrom, cachedTo)`. */
  #cached: readonly ColumnInfo[] | undefined
  #cachedFrom = 0
  #cachedTo = 0

  /** The key is a column from the table's creation on. */
  constructor(primaryKey: string, createdSeq: number) {
    this.#primaryKey = primaryKey
    this.#createdSeq = createdSeq
    this.#add(primaryKey, createdSeq)
  }

  /** The columns at `seq`, in order of first appearance, the primary key first; none before the table's creation. */
  at(seq: number): readonly ColumnInfo[] {
    if (seq < this.#createdSeq) return []
    if (this.#cached !== undefined && seq >= this.#cachedFrom && seq < this.#cachedTo) return this.#cached
    let from = this.#createdSeq
    let to = Number.POSITIVE_INFINITY
    const columns: ColumnInfo[] = []
    for (const { name, first, firsts } of this.#columns) {
      let classes = 0
      for (let valueClass = 0; valueClass < firsts.length; valueClass++) {
        const seen = firsts[valueClass] ?? 0
        if (seen === 0) continue
        if (seen > seq) {
          to = Math.min(to, seen)
        } else {
          classes |= 1 << valueClass
          from = Math.max(from, seen)
        }
      }
      if (first <= seq) columns.push(Object.freeze({ name, type: typeOf(classes), nullable: name !== this.#primaryKey }))
    }
    this.#cached = Object.freeze(columns)
    this.#cachedFrom = from
    this.#cachedTo = to
    return columns
  }

  /** True if documents up to `seq` had more names than the limit: the further ones are not among the columns. */
  hasUnlistedAt(seq: number): boolean {
    return this.#unlistedSince !== 0 && this.#unlistedSince <= seq
  }

  /** The last seq that changed anything here; 0: none did. */
  get lastChange(): number {
    return this.#lastChange
  }

  /** Takes in a document or patch by its shape; seqs never decrease from call to call. */
  see(shape: Shape, seq: number): void {
    if (shape.id === this.#lastShape) return
    if (!this.#knownShapes.has(shape.id)) {
      for (const { field, valueClass } of shape.fields()) this.#note(field, valueClass, seq)
      if (this.#knownShapes.size >= KNOWN_SHAPES_MAX) this.#knownShapes.clear()
      this.#knownShapes.add(shape.id)
    }
    this.#lastShape = shape.id
  }

  /** Takes in the document or patch whose msgpack begins at `offset`. @throws CORRUPT if it is none. */
  seeDocument(source: Uint8Array, offset: number, seq: number): void {
    const shape = shapeOfDocument(source, offset)
    if (shape === undefined) eachField(source, offset, (name, valueClass) => this.#note(name, valueClass, seq))
    else this.see(shape, seq)
  }

  /** Forgets what was first seen at `seq` or later: it was refused. */
  takeBack(seq: number): void {
    if (this.#lastChange < seq) return
    let last = this.#columns.at(-1)
    while (last !== undefined && last.first >= seq && last.name !== this.#primaryKey) {
      this.#columns.pop()
      this.#byName.delete(last.name)
      last = this.#columns.at(-1)
    }
    if (this.#unlistedSince >= seq) this.#unlistedSince = 0
    this.#lastChange = this.#unlistedSince
    for (const { firsts } of this.#columns) {
      for (let valueClass = 0; valueClass < firsts.length; valueClass++) {
        if ((firsts[valueClass] ?? 0) >= seq) firsts[valueClass] = 0
        this.#lastChange = Math.max(this.#lastChange, firsts[valueClass] ?? 0)
      }
    }
    this.#forgetAnswers()
  }

  /** What was seen at or below `seq`, for the manifest. */
  stored(seq: number): StoredColumns {
    const listed: StoredColumn[] = []
    for (const { name, first, firsts } of this.#columns) {
      if (first > seq && name !== this.#primaryKey) continue
      const seen: { [valueClass in ValueClass]?: number } = {}
      for (const [valueClass, className] of VALUE_CLASSES.entries()) {
        const at = firsts[valueClass] ?? 0
        if (at !== 0 && at <= seq) seen[className] = at
      }
      listed.push({ name, seen })
    }
    return this.hasUnlistedAt(seq) ? { listed, unlistedSince: this.#unlistedSince } : { listed }
  }

  /** Takes what {@link stored} gave for `seq` into an empty list. False, and nothing is taken, if it is not that. */
  restore(stored: unknown, seq: number): boolean {
    const columns = parsed(stored, this.#primaryKey, this.#createdSeq, seq)
    if (columns === undefined) return false
    for (const { name, first, firsts } of columns.listed) {
      const column = this.#byName.get(name) ?? this.#add(name, first)
      for (let valueClass = 0; valueClass < firsts.length; valueClass++) column.firsts[valueClass] = firsts[valueClass] ?? 0
    }
    this.#unlistedSince = columns.unlistedSince
    this.#lastChange = Math.max(columns.unlistedSince, ...columns.listed.map(({ firsts }) => Math.max(...firsts)))
    this.#forgetAnswers()
    return true
  }

  #note(name: string, valueClass: number, seq: number): void {
    let column = this.#byName.get(name)
    if (column === undefined) {
      if (this.#columns.length >= limits.columnsPerTableMax) {
        if (this.#unlistedSince !== 0) return
        this.#unlistedSince = seq
        this.#lastChange = seq
        return
      }
      column = this.#add(name, seq)
    }
    if (column.firsts[valueClass] !== 0) return
    column.firsts[valueClass] = seq
    this.#lastChange = seq
    this.#cached = undefined
  }

  #add(name: string, first: number): Column {
    const column = { name, first, firsts: new Array<number>(VALUE_CLASSES.length).fill(0) }
    this.#columns.push(column)
    this.#byName.set(name, column)
    return column
  }

  #forgetAnswers(): void {
    this.#knownShapes.clear()
    this.#lastShape = 0
    this.#cached = undefined
  }
}

/** A mixture has a type of its own only where no value changes by it: integers past 2^53 among floats would be rounded. */
function typeOf(classes: number): ColumnType {
  const rest = classes & ~(1 << CLASS_NULL)
  switch (rest) {
    case 0:
    case 1 << CLASS_TEXT:
      return 'text'
    case 1 << CLASS_INT:
    case 1 << CLASS_LONG:
    case (1 << CLASS_INT) | (1 << CLASS_LONG):
      return 'int8'
    case 1 << CLASS_FLOAT:
    case (1 << CLASS_FLOAT) | (1 << CLASS_INT):
      return 'float8'
    case 1 << CLASS_BOOL:
      return 'bool'
    case 1 << CLASS_TIME:
      return 'timestamptz'
    case 1 << CLASS_BYTES:
      return 'bytea'
    default:
      return 'jsonb'
  }
}

/** A manifest's columns, checked; undefined where they are not what {@link SeenColumns.stored} gives. */
function parsed(
  stored: unknown,
  primaryKey: string,
  createdSeq: number,
  seqMax: number
): { listed: Column[]; unlistedSince: number } | undefined {
  if (!isRecord(stored) || !Array.isArray(stored['listed'])) return undefined
  const unlistedSince = stored['unlistedSince'] ?? 0
  if (unlistedSince !== 0 && !isSeq(unlistedSince, createdSeq, seqMax)) return undefined
  const listed: Column[] = []
  const names = new Set<string>()
  let before = 0
  for (const entry of stored['listed'] as unknown[]) {
    if (!isRecord(entry) || typeof entry['name'] !== 'string' || !isRecord(entry['seen'])) return undefined
    const { name, seen } = entry as { name: string; seen: Record<string, unknown> }
    const firsts = new Array<number>(VALUE_CLASSES.length).fill(0)
    for (const [className, at] of Object.entries(seen)) {
      const valueClass = VALUE_CLASSES.findIndex((known) => known === className)
      if (valueClass < 0 || !isSeq(at, createdSeq, seqMax)) return undefined
      firsts[valueClass] = at
    }
    const isKey = listed.length === 0
    const seqs = firsts.filter((at) => at !== 0)
    if (isKey ? name !== primaryKey : seqs.length === 0) return undefined
    const first = isKey ? createdSeq : Math.min(...seqs)
    if (names.has(name) || first < before) return undefined
    names.add(name)
    before = first
    listed.push({ name, first, firsts })
  }
  if (listed.length === 0 || listed.length > limits.columnsPerTableMax) return undefined
  return { listed, unlistedSince: unlistedSince as number }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** An event of the table stands behind its creation. */
function isSeq(value: unknown, createdSeq: number, seqMax: number): value is number {
  return Number.isSafeInteger(value) && (value as number) > createdSeq && (value as number) <= seqMax
}
