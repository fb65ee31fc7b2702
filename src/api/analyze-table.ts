import type { TableDefinition } from '../catalog/catalog.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { TableState } from '../coordinator/table-state.js'
import type { TableStatistics } from '../format/statistics-file.js'
import type { Path, Select } from '../parser/ast.js'
import type { TableColumn } from '../relation/query-source.js'
import { runSelect } from '../executor/run-select.js'
import { StatisticsCollector } from '../statistics/collector.js'
import { seededRandom } from '../statistics/seeded-random.js'
import type { Control } from './control.js'
import { sourceAt } from './query-source.js'
import { StatementPages } from './statement-pages.js'

/** Of a table with more, those that were seen first have statistics. */
const COLUMNS_MAX = 256

/** No column's: a path that begins with it would lose it. */
const ALIAS = 'drift.analyzed'

/** `until`: beside what the rows need, something to wait for before the next step. */
export type AnalyzeOptions = {
  readonly control: Control
  readonly paths?: readonly Path[]
  readonly until?: () => Promise<void> | undefined
}

/**
 * Statistics of a table at the last visible seq, made by the way that queries take to its rows: version pages where there are some, else
 * documents. It runs in steps on the thread of the caller, holds pages as a query does, and locks nothing.
 *
 * `paths`: more of them, beside the fields that documents have been seen to have and those that indexes are over.
 */
export async function analyzeTable(
  coordinator: Coordinator,
  table: TableState,
  { control, paths: nested = [], until = () => undefined }: AnalyzeOptions
): Promise<TableStatistics> {
  const { name, id } = table.definition
  const seq = coordinator.lastSeq
  const pages = new StatementPages(coordinator, {})
  const source = sourceAt(coordinator, seq, { now: coordinator.now(), present: seq, strict: false }, pages)
  const paths = pathsOf(source.columns(name), table.definition, nested)
  const run = runSelect(selectOf(name, paths), source, [], control.memory)
  // The same sample of the same state.
  const collector = new StatisticsCollector(paths, seededRandom(seq * 31 + id))
  const events = table.versions.through(seq)
  pages.want(name, seq, true)
  const steps = function* (): Generator<void, TableStatistics> {
    for (const { rowCount, columns } of run.batches) {
      if (rowCount > 0) yield* collector.add(rowCount, columns)
      yield
    }
    return yield* collector.finish({ seq, events })
  }
  try {
    await pages.begin(control)
    return await control.finish(steps(), () => {
      const { until: ofRows } = run.stats
      run.stats.until = undefined
      return ofRows ?? until()
    })
  } finally {
    run.batches.return()
    pages.end()
  }
}

/** Each once: what has an index always, and of fields the first ones. */
function pathsOf(fields: readonly TableColumn[], { indexes }: TableDefinition, nested: readonly Path[]): Path[] {
  const indexed = indexes.flatMap(({ columns }) => columns.map(({ path }): Path => path))
  const all = [...fields.slice(0, COLUMNS_MAX).map(({ name }): Path => [name]), ...indexed, ...nested]
  return [...new Map(all.map((path) => [JSON.stringify(path), path])).values()]
}

function selectOf(table: string, paths: readonly Path[]): Select {
  return {
    kind: 'select',
    distinct: false,
    items: paths.map((path, index) => ({ kind: 'item', expression: { kind: 'field', path }, name: String(index), aliased: false })),
    from: { kind: 'table', table, alias: ALIAS, asOf: null },
    where: null,
    groupBy: [],
    having: null,
    orderBy: [],
    asOf: null,
    limit: null,
    offset: null
  }
}
