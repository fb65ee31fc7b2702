/** Versions from pages as batches, with the columns that a query names. */
import { type Document } from '../codec/value.js'
import { readValues } from '../scan/column-values.js'
import { FieldReader } from '../scan/field-reader.js'
import { type OrderedVersions } from '../scan/ordered-versions.js'
import { HitWindows } from '../scan/scan-rows.js'
import { type PagesAtSeq } from '../scan/scan-table.js'
import { valueAt, vectorOf, type Batch, type Vector } from '../expression/batch.js'
import { type CommitEnd } from '../relation/query-source.js'
import { type TableScan } from '../planner/source-plan.js'
import { isOfVersion } from '../relation/version-rows.js'

/** Told by pages and the commits alone: no event is read. */
const TOLD: ReadonlySet<string> = new Set(['_seq', '_from', '_to', '_from_seq', '_to_seq'])

export function toldByPages({ fields, hasStar }: TableScan): boolean {
  return !hasStar && fields.every(([name]) => TOLD.has(String(name)) || !isOfVersion(String(name)))
}

export class VersionBatches {
  readonly #scan: TableScan
  readonly #commitEnd: (seq: number) => CommitEnd
  readonly #readers: readonly (FieldReader | undefined)[]

  constructor({ table }: PagesAtSeq, scan: TableScan, commitEnd: (seq: number) => CommitEnd) {
    this.#scan = scan
    this.#commitEnd = commitEnd
    this.#readers = scan.fields.map(([name]) => (TOLD.has(String(name)) ? undefined : new FieldReader(table, String(name))))
  }

  /** `rowsMax` is asked before each batch. */
  *of(versions: OrderedVersions, rowsMax: () => number): Generator<Batch, void> {
    const windows = new HitWindows(versions.hits, false)
    for (let left = versions.count; left > 0;) {
      const rowCount = Math.min(left, rowsMax())
      const window = windows.next(rowCount)
      const columns = this.#scan.fields.map(([name, ...rest], index): Vector => {
        const reader = this.#readers[index]
        const column =
          reader === undefined ? this.#told(versions, String(name), windows.first, rowCount) : read(reader, window, windows.first, rowCount)
        return rest.length === 0 ? column : vectorOf(column.values.map((value) => valueAt(value as Document, rest)))
      })
      yield { rowCount, columns }
      left -= rowCount
    }
  }

  #told({ begins, ends }: OrderedVersions, name: string, first: number, rowCount: number): Vector {
    const seqs = name.startsWith('_to') ? ends : begins
    const values = Array.from(seqs.subarray(first, first + rowCount), (seq): unknown => {
      if (name === '_seq') return seq
      if (seq === Number.POSITIVE_INFINITY) return null
      const end = this.#commitEnd(seq)
      return name === '_from' || name === '_to' ? new Date(end.time) : end.seq
    })
    return vectorOf(values)
  }
}

function read(reader: FieldReader, window: ReturnType<HitWindows['next']>, first: number, rowCount: number): Vector {
  const values = new Array<unknown>(rowCount)
  const nulls = new Uint8Array(rowCount)
  for (const { hits, from, to } of window) {
    readValues(reader, { page: hits.page, rows: hits.rows, places: hits.places, from, to, first, values, nulls })
  }
  return { values, nulls }
}
