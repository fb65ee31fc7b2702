/** The changes that pages tell, as batches with the columns of DIFF that a query names. */
import { type Document, type Value } from '../codec/value.js'
import { type Path } from '../parser/ast.js'
import { CHANGE_DELETE, CHANGE_INSERT, type Changes, type WantedOfChanges } from '../scan/changes.js'
import { readValues } from '../scan/column-values.js'
import { type ShapePlan } from '../scan/document-reader.js'
import { FieldReader } from '../scan/field-reader.js'
import { HitWindows } from '../scan/scan-rows.js'
import { type ScanTable } from '../scan/scan-table.js'
import { valueAt, vectorOf, type Batch, type Vector } from '../expression/batch.js'
import { changedNames } from '../relation/diff-rows.js'
import { type TableScan } from '../planner/source-plan.js'

/** The row before, or after. Which of them a name means depends on the direction. */
type Side = 'earlier' | 'later'

const NAMES: readonly string[] = ['insert', 'update', 'delete']
const NAMES_BACKWARDS: readonly string[] = ['delete', 'update', 'insert']

export class ChangeBatches {
  readonly wanted: WantedOfChanges
  readonly #table: ScanTable
  readonly #scan: TableScan
  readonly #before: Side
  readonly #after: Side
  readonly #names: readonly string[]
  readonly #readers = new Map<string, FieldReader>()
  #changes: Changes | undefined
  #windows: Readonly<Record<Side, HitWindows>> | undefined

  constructor(table: ScanTable, scan: TableScan, isBackwards: boolean) {
    this.#table = table
    this.#scan = scan
    this.#before = isBackwards ? 'later' : 'earlier'
    this.#after = isBackwards ? 'earlier' : 'later'
    this.#names = isBackwards ? NAMES_BACKWARDS : NAMES
    const needs = (name: string): boolean => scan.hasStar || scan.fields.some(([first]) => first === name)
    const [earlier, later] = isBackwards ? ['after', 'before'] : ['before', 'after']
    const isCompared = needs('changed')
    this.wanted = { before: needs(earlier) || isCompared, after: needs(later) || isCompared, seqs: needs('_seq') }
  }

  /** Goes on with other changes. */
  begin(changes: Changes): void {
    const { reverse } = this.#scan
    this.#changes = changes
    this.#windows = { earlier: new HitWindows(changes.before, reverse), later: new HitWindows(changes.after, reverse) }
  }

  /** The next so many of them. */
  next(rowCount: number): Batch {
    const { fields, hasStar, reverse } = this.#scan
    const [changes, windows] = [this.#changes, this.#windows]
    if (changes === undefined || windows === undefined) return { rowCount: 0, columns: [] }
    const found = { earlier: windows.earlier.next(rowCount), later: windows.later.next(rowCount) }
    const window = new ChangeWindow(this.#table, changes, found, windows.later.first, rowCount)
    const columns = fields.map((path) => this.#column(window, path))
    const documents = hasStar ? this.#rows(window) : undefined
    if (!reverse) return documents === undefined ? { rowCount, columns } : { rowCount, columns, documents }
    const turned = columns.map(({ values, nulls }) => ({ values: values.toReversed(), nulls: nulls.toReversed() }))
    return documents === undefined ? { rowCount, columns: turned } : { rowCount, columns: turned, documents: documents.reverse() }
  }

  #column(window: ChangeWindow, [name, ...rest]: Path): Vector {
    if (name === 'before' || name === 'after') return this.#sideColumn(window, name === 'before' ? this.#before : this.#after, rest)
    const column = this.#topColumn(window, String(name))
    return rest.length === 0 ? column : atPath(column, rest)
  }

  #topColumn(window: ChangeWindow, name: string): Vector {
    switch (name) {
      case '_key':
        return window.keys()
      case '_change':
        return window.kinds(this.#names)
      case '_seq':
        return window.seqs()
      case 'changed':
        return vectorOf(window.changed())
      default:
        return { values: new Array<unknown>(window.rowCount).fill(null), nulls: new Uint8Array(window.rowCount).fill(1) }
    }
  }

  #sideColumn(window: ChangeWindow, side: Side, [field, ...rest]: Path): Vector {
    if (field === undefined) return vectorOf(window.documents(side).map((document) => document ?? null))
    if (typeof field === 'number') return atPath(vectorOf(window.documents(side).map((document) => document ?? null)), [field])
    let reader = this.#readers.get(field)
    if (reader === undefined) this.#readers.set(field, (reader = new FieldReader(this.#table, field)))
    const column = window.field(side, reader)
    return rest.length === 0 ? column : atPath(column, rest)
  }

  #rows(window: ChangeWindow): Document[] {
    const [before, after] = [window.documents(this.#before), window.documents(this.#after)]
    const [keys, kinds, seqs, changed] = [window.keys().values, window.kinds(this.#names).values, window.seqs().values, window.changed()]
    return before.map((document, row) => ({
      _key: keys[row] as Value,
      _change: kinds[row] as string,
      before: document ?? null,
      after: after[row] ?? null,
      changed: changed[row] as readonly string[],
      _seq: seqs[row] as number
    }))
  }
}

type Windows = Readonly<Record<Side, ReturnType<HitWindows['next']>>>

/** Some changes side by side, in key order. */
class ChangeWindow {
  readonly rowCount: number
  readonly #table: ScanTable
  readonly #changes: Changes
  readonly #windows: Windows
  readonly #first: number
  readonly #documents = new Map<Side, readonly (Document | undefined)[]>()

  constructor(table: ScanTable, changes: Changes, windows: Windows, first: number, rowCount: number) {
    this.#table = table
    this.#changes = changes
    this.#windows = windows
    this.#first = first
    this.rowCount = rowCount
  }

  keys(): Vector {
    const values = this.#table.keyValues(this.#changes.ordinals, this.#first, this.rowCount)
    return { values, nulls: new Uint8Array(this.rowCount) }
  }

  kinds(names: readonly string[]): Vector {
    const values = new Array<unknown>(this.rowCount)
    const { kinds } = this.#changes
    for (let row = 0; row < this.rowCount; row++) values[row] = names[kinds[this.#first + row] as number]
    return { values, nulls: new Uint8Array(this.rowCount) }
  }

  seqs(): Vector {
    const values = new Array<unknown>(this.rowCount)
    const { seqs } = this.#changes
    for (let row = 0; row < this.rowCount; row++) values[row] = seqs[this.#first + row]
    return { values, nulls: new Uint8Array(this.rowCount) }
  }

  changed(): string[][] {
    const [earlier, later] = [this.documents('earlier'), this.documents('later')]
    return earlier.map((document, row) => changedNames(document, later[row]))
  }

  /** A new list of documents that are made once. */
  documents(side: Side): readonly (Document | undefined)[] {
    const known = this.#documents.get(side)
    if (known !== undefined) return known
    const documents: (Document | undefined)[] = Array.from({ length: this.rowCount }, () => undefined)
    const columns = new Map<ShapePlan, readonly unknown[][]>()
    for (const { hits, from, to } of this.#windows[side]) {
      const { page, rows, places } = hits
      this.#table.documents.read({ page, rows, places, from, to, first: this.#first, documents: documents as Document[], columns })
    }
    this.#documents.set(side, documents)
    return documents
  }

  /** A field of the documents of a side. */
  field(side: Side, reader: FieldReader): Vector {
    const { kinds } = this.#changes
    const absent = side === 'earlier' ? CHANGE_INSERT : CHANGE_DELETE
    const values = new Array<unknown>(this.rowCount).fill(null)
    const nulls = new Uint8Array(this.rowCount)
    for (let row = 0; row < this.rowCount; row++) if (kinds[this.#first + row] === absent) nulls[row] = 1
    for (const { hits, from, to } of this.#windows[side]) {
      readValues(reader, { page: hits.page, rows: hits.rows, places: hits.places, from, to, first: this.#first, values, nulls })
    }
    return { values, nulls }
  }
}

function atPath({ values }: Vector, path: Path): Vector {
  return vectorOf(values.map((value) => valueAt(value as Document, path)))
}
