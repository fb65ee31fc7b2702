/** The rows of what stands after FROM, where that is more than one table at one point. */
import { type Document, type Value } from '../codec/value.js'
import { documentBatches, EMPTY_BATCH, type Batch } from '../expression/batch.js'
import { compile, type Execution, type Scope } from '../expression/evaluate.js'
import { estimatedSourceRows } from '../planner/estimate-join.js'
import { hashJoin } from './hash-join.js'
import { rowsOfIndex } from './index-rows.js'
import { type AskedRows, type JoinSelect, lookupChoice } from '../planner/join-select.js'
import { findAccess, type KeyAccess } from '../planner/key-access.js'
import { filter, followed, type Batches } from './operators.js'
import { diffByPages } from './page-diff.js'
import { versionRowsByPages } from './page-versions.js'
import { type QueryMemory } from './query-memory.js'
import { type QuerySource } from '../relation/query-source.js'
import { tellRead } from './source-read.js'
import { type JoinPlan, type LeafPlan, type SourcePlan } from '../planner/source-plan.js'
import { type TableSource } from '../relation/table-source.js'
import { wantedFields } from '../relation/wanted-fields.js'

export type SourceRun = {
  readonly tables: readonly TableSource[]
  readonly execution: Execution
  readonly memory: QueryMemory
  /** The rows of a table at one point. */
  scan(plan: LeafPlan, source: QuerySource, wanted: number): Batches
  /** By number of the right table. */
  readonly joins: ReadonlyMap<number, JoinSelect>
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
  const select = run.joins.get(right.index)
  const joined =
    select === undefined || !plan.mayLookUp
      ? join(leftRows, sideRows(right, run, Number.POSITIVE_INFINITY))
      : byLookupOrHash(leftRows, plan, run, select, join)
  return run.probe(joinStep(right), joined)
}

/**
 * Partners are looked up for one batch of the left after the other, until that has cost as much as a hash of all rows of the right would:
 * then that is made for the batches that are left. So a join never costs more than twice what the better way would have.
 */
function* byLookupOrHash(
  left: Batches,
  plan: JoinPlan,
  run: SourceRun,
  select: JoinSelect,
  join: (left: Batches, right: Batches) => Batches
): Batches {
  const { right } = plan
  const { lookup } = select
  const hashed = (begin: readonly Batch[]): Batches => {
    select.isHashed = true
    return join(followed(begin, left), sideRows(right, run, Number.POSITIVE_INFINITY))
  }
  if (lookup === undefined || !(select.isForced || select.isLookupExpected(estimatedSourceRows(plan.left, run.tables, run.execution)))) {
    yield* hashed([])
    return
  }
  if (lookup.kind === 'index') tellLeaf(right, run)
  for (const batch of left) {
    if (batch.rowCount === 0) {
      yield EMPTY_BATCH
      continue
    }
    const most = select.isForced ? Number.POSITIVE_INFINITY : select.hashCost(batch.rowCount) - select.spent
    const asked = select.asked(lookup, batch, most)
    if (asked.cost > most) {
      yield* hashed([batch])
      return
    }
    select.spent += asked.cost
    select.lookedUp += batch.rowCount
    yield* join(only(batch), askedRows(asked, right, run))
  }
}

function* only(batch: Batch): Batches {
  yield batch
}

/** The rows of the right that a batch of the left asks for, in the order of their keys. */
function askedRows(asked: AskedRows, right: LeafPlan, run: SourceRun): Batches {
  if (asked.kind === 'key') {
    const keys = asked.keys.map((value) => compile({ kind: 'literal', value: value as Value }, NO_FIELDS))
    const access: KeyAccess = { kind: 'keys', keys }
    return sideRows({ ...right, scan: { ...right.scan, access } }, run, Number.POSITIVE_INFINITY)
  }
  const { source } = run.tables[right.index] as TableSource
  const found = run.probe(leafStep(right), rowsOfIndex(lookupChoice(asked), right.scan, source, Number.POSITIVE_INFINITY, run.scanned))
  const filtered = filteredLeaf(right, found, run)
  return right.scan.hasStar ? named(filtered, right.name) : filtered
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
  tellLeaf(plan, run)
  const rows = table.rows === undefined ? run.scan(plan, table.source, wanted) : rowsOf(plan, table, run, wanted)
  return filteredLeaf(plan, run.probe(leafStep(plan), rows), run)
}

function filteredLeaf(plan: LeafPlan, rows: Batches, run: SourceRun): Batches {
  return plan.where === undefined ? rows : run.probe(leafFilterStep(plan), filter(rows, plan.where.evaluator, run.execution))
}

function tellLeaf(plan: LeafPlan, run: SourceRun): void {
  const table = run.tables[plan.index] as TableSource
  // Rows that are not documents depend on all of the table's.
  if (table.rows === undefined) tellRead(table.source, plan.scan, plan.where, run.execution)
  else tellRead(table.source, { ...plan.scan, keysOnly: false }, undefined, run.execution, table.table)
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
