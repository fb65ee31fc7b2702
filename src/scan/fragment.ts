/**
 * Pieces of a query that threads can share: a fragment runs over the tiles of a table at one seq, each morsel of them, one tile or some, by
 * whoever takes it. It is plain data. Aggregates give a partial result for each thread, which the caller merges; rows come in batches, in
 * the order of tiles.
 */
import { type Tile } from '../page/page-directory.js'
import { type AggregateQuery, type PartialAggregates } from './aggregate-query.js'
import { type RowBatch, type RowQuery } from './scan-rows.js'
import { type PagesAtSeq } from './scan-table.js'

export type AggregateFragment = {
  readonly kind: 'aggregate'
  readonly query: AggregateQuery
  /** The tiles were asked for with bounds: they may be less than their pages. */
  readonly isBounded: boolean
  /** What the groups of one thread may take. */
  readonly groupBytesMax: number
}

/** COUNT, SUM and AVG at many points in one pass, over the tiles of `sweepTiles`. */
export type SweepFragment = {
  readonly kind: 'sweep'
  readonly query: AggregateQuery
  /** Ascending seqs. */
  readonly points: readonly number[]
}

/** COUNT of the changes of each kind since an earlier point, over the tiles of `changedTiles`, one behind the other. */
export type ChangesFragment = {
  readonly kind: 'changes'
  readonly earlier: number
  readonly isBounded: boolean
  /** By morsel: where its tiles begin; one more than there are morsels. */
  readonly starts: readonly number[]
  readonly isChain: readonly boolean[]
}

export type ChangeCounts = { readonly inserts: number; readonly updates: number; readonly deletes: number }

/** Fragments of which each thread keeps one partial result. */
export type PartialFragment = AggregateFragment | SweepFragment | ChangesFragment

/** Of a sweep by point, see `sweepQuery`; undefined where the kernels do not serve it. */
type SweepPartial = PartialAggregates | undefined

export type PartialResult = PartialAggregates | SweepPartial | ChangeCounts

export type PartialOf<Fragment extends PartialFragment> = Fragment extends AggregateFragment
  ? PartialAggregates
  : Fragment extends SweepFragment
    ? SweepPartial
    : ChangeCounts

export type RowsFragment = {
  readonly kind: 'rows'
  /** With `reverse` from the last tile to the first. */
  readonly query: RowQuery
  readonly isBounded: boolean
  /** No more rows than this are wanted. */
  readonly rowsMax: number
}

export type FragmentOptions = {
  /** Ends the run with ABORTED. */
  readonly signal?: AbortSignal | undefined
  /** `only-there`: the caller's thread takes a morsel only where nobody else can. */
  readonly here?: 'also-here' | 'only-there'
}

/** What a step of a run in the caller's thread came to. */
export type StepResult = 'worked' | 'waiting' | 'done'

/**
 * Partial results being made. The caller's thread takes part by {@link step}: one tile a call, so that it can look up in between. Where a
 * step says `waiting`, {@link changed} tells when to go on.
 */
export type PartialRun<Partial> = {
  /** @throws DriftError ABORTED, WORKER_LOST, CLOSED, or what the fragment met: the run is over then. */
  step(): StepResult
  /** Resolves when another step may find something to do. */
  changed(): Promise<void>
  /** One for each thread that took part, once a step said `done`. */
  readonly partials: readonly Partial[]
  readonly rowsLooked: number
  /** By all threads together. */
  readonly morselsTaken: number
  /** For a caller that leaves. The pages are his again at once. */
  stop(): void
}

/** Rows being read. What was read ahead is bounded. */
export type RowRun = {
  /** The next batch, in the order of tiles; undefined where it has to be waited for, or where there is none. */
  take(): RowBatch | undefined
  /** No batch comes any more. */
  readonly isDone: boolean
  changed(): Promise<void>
  readonly rowsLooked: number
  /** Rows that threads have sent, or may send without being asked again. */
  readonly rowsAhead: number
  stop(): void
}

/**
 * Runs fragments on several threads; `src/runtime` has them. The tiles must be pinned until the run is done or stopped, by the caller.
 * Whoever begins a run ends it: by the last step or batch, or by `stop`.
 */
export type FragmentRunner = {
  /** Whether a scan of so many rows, at so many ns each, gains more than what waking a thread costs. */
  worthwhile(rows: number, nanosecondsPerRow?: number): boolean
  begin<Fragment extends PartialFragment>(
    pages: PagesAtSeq,
    tiles: readonly Tile[],
    fragment: Fragment,
    options?: FragmentOptions
  ): PartialRun<PartialOf<Fragment>>
  rows(pages: PagesAtSeq, tiles: readonly Tile[], fragment: RowsFragment, options?: FragmentOptions): RowRun
}
