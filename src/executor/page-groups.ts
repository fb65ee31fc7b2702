/** Groups that pages made: their partial results step by step, within the memory of the query, and their rows as batches. */
import { DriftError } from '../base/errors.js'
import { type GroupColumns } from '../scan/finish-partials.js'
import { type FragmentRunner, type PartialRun } from '../scan/fragment.js'
import { rowsOfTile, type Tile } from '../page/page-directory.js'
import { BATCH_ROWS_MAX, EMPTY_BATCH, vectorOf, type Batch } from '../expression/batch.js'
import { type Batches } from './operators.js'
import { type QueryMemory } from './query-memory.js'
import { type QueryStats } from './query-stats.js'
import { type QuerySource } from '../relation/query-source.js'

/** The groups need more memory than the query has for them: rows are grouped instead, and spilled. */
class NoRoomForGroups extends Error {}

/**
 * Rows between two chances to look up: some 50 us of a kernel's work, a few milliseconds where values are looked at one by one. A chance
 * goes through every operator up to the reader, who asks the clock: one for each tile took a sixth of a sum over twenty.
 */
export const ROWS_PER_LOOK = 65_536

/** What `make` gives; undefined where its groups do not fit, which `keep` tells it by throwing, and a thread by LIMIT. */
export function* withinMemory<Result>(
  memory: QueryMemory,
  make: (keep: (bytes: number) => void) => Generator<Batch, Result, void>
): Generator<Batch, Result | undefined, void> {
  let kept = 0
  const keep = (bytes: number): void => {
    if (memory.isFull(kept, bytes)) throw new NoRoomForGroups()
    kept += bytes
    memory.take(bytes)
  }
  try {
    return yield* make(keep)
  } catch (error) {
    if (!(error instanceof NoRoomForGroups || (error instanceof DriftError && error.code === 'DRIFT_LIMIT'))) throw error
    memory.free(kept)
    return undefined
  }
}

/** The partial results of this thread alone. */
export function* partialSteps<Partial>(partials: Generator<number, Partial>, stats: QueryStats): Generator<Batch, Partial, void> {
  let rows = 0
  try {
    for (;;) {
      const step = partials.next()
      if (step.done === true) return step.value
      stats.rowsScanned += step.value
      rows += step.value
      if (rows < ROWS_PER_LOOK) continue
      rows = 0
      yield EMPTY_BATCH
    }
  } finally {
    // It is left early, and gives nothing.
    partials.return(undefined as Partial)
  }
}

/** The partial results of a run in which this thread takes part. */
export function* runSteps<Partial>(run: PartialRun<Partial>, stats: QueryStats): Generator<Batch, readonly Partial[], void> {
  let looked = 0
  try {
    for (;;) {
      const result = run.step()
      if (result === 'done') break
      if (result === 'waiting') stats.until = run.changed()
      else if (run.rowsLooked - looked < ROWS_PER_LOOK) continue
      looked = run.rowsLooked
      yield EMPTY_BATCH
    }
    stats.rowsScanned += run.rowsLooked
    return run.partials
  } finally {
    run.stop()
  }
}

/** Undefined where this thread alone is as quick. */
export function worthwhileRunner(
  { fragments }: QuerySource,
  tiles: readonly Tile[],
  nanosecondsPerRow?: number
): FragmentRunner | undefined {
  if (fragments === undefined || tiles.length < 2) return undefined
  const rows = tiles.reduce((sum, tile) => sum + rowsOfTile(tile), 0)
  return fragments.worthwhile(rows, nanosecondsPerRow) ? fragments : undefined
}

/** The keys as columns, then the first `valueCount` aggregates. */
export function* groupBatches({ count, keys, values }: GroupColumns, valueCount = values.length): Batches {
  const columns = [...keys, ...values.slice(0, valueCount)]
  for (let from = 0; from < count; from += BATCH_ROWS_MAX) {
    const to = Math.min(count, from + BATCH_ROWS_MAX)
    yield { rowCount: to - from, columns: columns.map((column) => vectorOf(column.slice(from, to))) }
  }
}
