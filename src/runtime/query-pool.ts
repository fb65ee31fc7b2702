import { DriftError } from '../base/errors.js'
import type { QueryControl } from '../memory/query-control.js'
import type { Tile } from '../page/page-directory.js'
import { tileHandles } from '../page/tile-handle.js'
import type { FragmentOptions, FragmentRunner, PartialFragment, PartialOf, PartialRun, RowRun, RowsFragment } from '../scan/fragment.js'
import type { RowBatch } from '../scan/scan-rows.js'
import type { PagesAtSeq, ScanTable } from '../scan/scan-table.js'
import { PooledPartialRun } from './partial-run.js'
import type { QueryWork } from './query-task.js'
import { QueryThreads, type QueryThreadsOptions, type SubmittedTask } from './query-threads.js'
import { PARTICIPANT, PooledRowRun } from './row-run.js'
import { turn } from './turn.js'

/** A scan that takes less than this gains nothing: what is sent there and back takes a tenth of a millisecond, and what is merged its time. */
const WORTHWHILE_NS = 600_000
/** Of a sum over one column. */
const NS_PER_ROW = 0.4
/** Steps and batches in this thread between two turns of the event loop. */
const STEPS_PER_TURN = 8

type Submit = (control: QueryControl, participant: number, work: QueryWork) => SubmittedTask

/**
 * Runs fragments of queries over the tiles of a table, on the threads of the pool and the caller's. In-process there are no threads: for
 * databases whose files live in the memory of one thread, and for simulations.
 */
export class QueryPool implements FragmentRunner {
  readonly #threads: QueryThreads | undefined
  readonly #worthwhileNs: number
  readonly #runs = new Set<{ fail(error: DriftError): void }>()
  readonly #tableNumbers = new WeakMap<ScanTable, number>()
  #tableCount = 0
  #isClosed = false

  private constructor(threads: QueryThreads | undefined, worthwhileNs: number) {
    this.#threads = threads
    this.#worthwhileNs = worthwhileNs
  }

  /** @throws DriftError OVERLOADED where page memory has no room for what each thread works with. */
  static onThreads(options: QueryThreadsOptions & { readonly worthwhileNs?: number | undefined }): QueryPool {
    return new QueryPool(new QueryThreads(options), options.worthwhileNs ?? WORTHWHILE_NS)
  }

  static inProcess(): QueryPool {
    return new QueryPool(undefined, WORTHWHILE_NS)
  }

  worthwhile(rows: number, nanosecondsPerRow = NS_PER_ROW): boolean {
    return this.#threads !== undefined && rows * nanosecondsPerRow >= this.#worthwhileNs
  }

  begin<Fragment extends PartialFragment>(
    pages: PagesAtSeq,
    tiles: readonly Tile[],
    fragment: Fragment,
    options: FragmentOptions = {}
  ): PartialRun<PartialOf<Fragment>> {
    const submit = this.#submitter(pages, tiles)
    return this.#begin((onEnd) => {
      const work: QueryWork = { kind: 'partial', fragment }
      return new PooledPartialRun<PartialOf<Fragment>>({
        pages,
        tiles,
        fragment,
        options,
        threads: this.#threads?.count ?? 0,
        isBusy: this.#threads?.isBusy ?? false,
        submit: (control, participant) => submit(control, participant, work),
        onEnd
      })
    })
  }

  rows(pages: PagesAtSeq, tiles: readonly Tile[], fragment: RowsFragment, options: FragmentOptions = {}): RowRun {
    const submit = this.#submitter(pages, tiles)
    return this.#begin(
      (onEnd) =>
        new PooledRowRun({
          pages,
          tiles,
          fragment,
          options,
          threads: this.#threads?.count ?? 0,
          submit: (control, work) => submit(control, PARTICIPANT, work),
          onEnd
        })
    )
  }

  /** Runs a fragment to its end: the partial results of all threads that took part. */
  async run<Fragment extends PartialFragment>(
    pages: PagesAtSeq,
    tiles: readonly Tile[],
    fragment: Fragment,
    options: FragmentOptions = {}
  ): Promise<readonly PartialOf<Fragment>[]> {
    const run = this.begin(pages, tiles, fragment, options)
    for (let steps = 1; ; steps++) {
      const result = run.step()
      if (result === 'done') return run.partials
      if (result === 'waiting') await run.changed()
      else if (steps % STEPS_PER_TURN === 0) await turn()
    }
  }

  /** The rows of a fragment in batches, which may be empty. An iteration that is left stops the threads. */
  async *stream(
    pages: PagesAtSeq,
    tiles: readonly Tile[],
    fragment: RowsFragment,
    options: FragmentOptions = {}
  ): AsyncGenerator<RowBatch, void> {
    const run = this.rows(pages, tiles, fragment, options)
    try {
      for (let batches = 1; ; batches++) {
        const batch = run.take()
        if (batch !== undefined) yield batch
        else if (run.isDone) return
        else await run.changed()
        if (batches % STEPS_PER_TURN === 0) await turn()
      }
    } finally {
      run.stop()
    }
  }

  /** Threads that are up. */
  get threadCount(): number {
    return this.#threads?.upCount ?? 0
  }

  /** Pages that the threads hold at the moment. */
  get pinCount(): number {
    return this.#threads?.pinCount ?? 0
  }

  /** Page memory that the threads work with. */
  get workingBytes(): number {
    return this.#threads?.workingBytes ?? 0
  }

  /** Resolves when no thread reads for a run any more that has ended by now. For who gives back memory that readers do not pin: heaps. */
  async untilLeft(): Promise<void> {
    await this.#threads?.untilLeft()
  }

  /** Runs under way are refused with CLOSED; resolves when the threads are gone. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const run of this.#runs) run.fail(closed())
    await this.#threads?.close()
  }

  #begin<Run extends { fail(error: DriftError): void; readonly isOver: boolean }>(make: (onEnd: () => void) => Run): Run {
    if (this.#isClosed) throw closed()
    const begun: { run?: Run } = {}
    const run = make(() => {
      if (begun.run !== undefined) this.#runs.delete(begun.run)
    })
    // One that was cancelled before it began has ended already.
    if (!run.isOver) this.#runs.add((begun.run = run))
    return run
  }

  /** Makes tasks of one run; what they share is made with the first. */
  #submitter({ table, S }: PagesAtSeq, tiles: readonly Tile[]): Submit {
    let handles: ReturnType<typeof tileHandles> | undefined
    return (control, participant, work) => {
      const threads = this.#threads as QueryThreads
      handles ??= tileHandles(tiles)
      const tableNumber = this.#numberOf(table)
      const { tableId, pageFolder } = table
      const { handle: keys } = table.keys
      return threads.submit({ control: control.words, participant, tableId, pageFolder, tableNumber, keys, S, tiles: handles, work })
    }
  }

  #numberOf(table: ScanTable): number {
    let number = this.#tableNumbers.get(table)
    if (number === undefined) this.#tableNumbers.set(table, (number = ++this.#tableCount))
    return number
  }
}

function closed(): DriftError {
  return new DriftError('CLOSED', 'the database is closed; open it again', {})
}
