/** The rows of what stands after FROM, where that is more than one table at one point. */
import { type Document, type Value } from '../codec/value.js'
import { documentBatches, EMPTY_BATCH, type Batch } from './batch.js'
import { compile, type Execution, type Scope } from './evaluate.js'
import { hashJoin } from './hash-join.js'
import { findAccess, type KeyAccess } from './key-access.js'
import { filter, followed, type Batches } from './operators.js'
import { diffByPages } from './page-diff.js'
import { versionRowsByPages } from './page-versions.js'
import { type QueryMemory } from './query-memory.js'
import { type QuerySource } from './query-source.js'
import { tellRead } from './source-read.js'
import { type JoinPlan, type LeafPlan, type SourcePlan, type TableScan } from './source-plan.js'
import { type TableSource } from './table-source.js'
import { wantedFields } from './wanted-fields.js'

export type SourceRun = {
  readonly tables: readonly TableSource[]
  readonly execution: Execution
  readonly memory: QueryMemory
  /** The rows of a table at one point. */
  scan(plan: TableScan, source: QuerySource, wanted: number): Batches
  readonly scanned: (rows: number) => void
  /** Named by {@link leafStep} and {@link joinStep}. */
  probe(step: string, batches: Batches): Batches
}

/** `wanted`: so many rows may be enough. */
export function sourceRows(plan: SourcePlan, run: SourceRun, wanted: number): Batches {
  if (plan.kind === 'leaf') return leafRows(plan, run, wanted)
  const { left, right } = plan
  const widths = { left: widthOf(left), right: right.scan.fields.length, hasDocuments: hasStar(left) || right.scan.hasStar }
  const join = (leftRows: Batches, rightRows: Batches): Batches =>
    hashJoin(leftRows, rightRows, plan, widths, run.execution, run.memory.part(joinStep(right)))
  const leftRows = sideRows(left, run, wanted)
  const joined = plan.isByKey ? byKeyOrHash(leftRows, plan, run, join) : join(leftRows, sideRows(right, run, Number.POSITIVE_INFINITY))
  return run.probe(joinStep(right), joined)
}

/** So few rows of the left are joined by reading the rows of the right by their keys, instead of all of them. */
const BY_KEY_ROWS_MAX = 1024

function* byKeyOrHash(left: Batches, plan: JoinPlan, run: SourceRun, join: (left: Batches, right: Batches) => Batches): Batches {
  const { leftKeys, right } = plan
  const begin: Batch[] = []
  let rowCount = 0
  let isWhole = false
  while (!isWhole && rowCount <= BY_KEY_ROWS_MAX) {
    const next = left.next()
    if (next.done === true) isWhole = true
    else {
      begin.push(next.value)
      rowCount += next.value.rowCount
      yield EMPTY_BATCH
    }
  }
  const keys = begin
    .filter((batch) => batch.rowCount > 0)
    .flatMap((batch) => leftKeys.flatMap((key) => key.vector(batch, run.execution).values))
  const access: KeyAccess = { kind: 'keys', keys: keys.map((value) => compile({ kind: 'literal', value: value as Value }, NO_FIELDS)) }
  const scan = isWhole ? { ...right.scan, access } : right.scan
  yield* join(followed(begin, left), sideRows({ ...right, scan }, run, Number.POSITIVE_INFINITY))
}

const NO_FIELDS: Scope = { columnOf: () => undefined, field: () => 0 }

export function leafStep({ index }: LeafPlan): string {
  return `leaf ${index}`
}

/** Of the conditions that a table's rows must fulfil before they are joined. */
export function leafFilterStep({ index }: LeafPlan): string {
  return `leaf filter ${index}`
}

export function joinStep(right: LeafPlan): string {
  return `join ${right.index}`
}

/** In a join the documents of a table stand under its name. */
function sideRows(plan: SourcePlan, run: SourceRun, wanted: number): Batches {
  return plan.kind === 'leaf' && plan.scan.hasStar ? named(sourceRows(plan, run, wanted), plan.name) : sourceRows(plan, run, wanted)
}

function* named(batches: Batches, name: string): Batches {
  for (const { documents, ...batch } of batches) {
    yield documents === undefined ? batch : { ...batch, documents: documents.map((document): Document => ({ [name]: document })) }
  }
}

function leafRows(plan: LeafPlan, run: SourceRun, wanted: number): Batches {
  const table = run.tables[plan.index] as TableSource
  // Rows that are not documents depend on all of the table's.
  if (table.rows === undefined) tellRead(table.source, plan.scan, plan.where, run.execution)
  else tellRead(table.source, { ...plan.scan, keysOnly: false }, undefined, run.execution, table.table)
  const rows = table.rows === undefined ? run.scan(plan.scan, table.source, wanted) : rowsOf(plan, table, run, wanted)
  const found = run.probe(leafStep(plan), rows)
  return plan.where === undefined ? found : run.probe(leafFilterStep(plan), filter(found, plan.where.evaluator, run.execution))
}

function* rowsOf({ scan }: LeafPlan, table: TableSource, run: SourceRun, wanted: number): Batches {
  const access = findAccess(scan.access, run.execution, scan.reverse)
  if (access.kind === 'range' && (yield* diffByPages(scan, table, access.range, wanted, run.scanned))) return
  if (access.kind === 'range' && (yield* versionRowsByPages(scan, table, access.range, wanted, run.scanned))) return
  const documents = table.rows?.(access, wantedFields(scan.fields, scan.hasStar)) ?? []
  yield* documentBatches(documents, { paths: scan.fields, documents: scan.hasStar ? 'keep' : 'drop' }, wanted, run.scanned)
}

function widthOf(plan: SourcePlan): number {
  return plan.kind === 'leaf' ? plan.scan.fields.length : widthOf(plan.left) + plan.right.scan.fields.length
}

function hasStar(plan: SourcePlan): boolean {
  return plan.kind === 'leaf' ? plan.scan.hasStar : hasStar(plan.left) || plan.right.scan.hasStar
}
