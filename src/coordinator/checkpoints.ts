import type { Clock } from '../base/clock.js'
import { DriftError } from '../base/errors.js'
import { COMMITS_TABLE_ID } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { SharedLog } from '../memory/shared-log.js'
import type { CommitLog } from '../mvcc/commit-log.js'
import type { WriterLink } from '../runtime/writer-link.js'
import type { CheckpointResult, TableColumns } from '../writer/checkpoint.js'
import type { CommitPipeline } from './commit-pipeline.js'
import type { PageAccess } from './page-access.js'
import type { TableState } from './table-state.js'

export type CheckpointsParts = {
  readonly log: SharedLog
  readonly link: WriterLink
  /** Asked when it is there: who makes commits visible begins checkpoints. */
  readonly pipeline: () => CommitPipeline
  readonly pages: PageAccess
  readonly commits: CommitLog
  readonly tables: ReadonlyMap<number, TableState>
  readonly clock: Clock
  readonly logger: Log
  /** Everything up to here is in segments already. */
  readonly seq: number
  readonly isClosed: () => boolean
  readonly onInstalled: () => void
}

/**
 * What is visible moves from the log into segments, one checkpoint at a time: the writer writes, the coordinator says up to where, and
 * gives the log's room back when it is applied too.
 */
export class Checkpoints {
  readonly #parts: CheckpointsParts
  #running: Promise<void> | undefined
  #failure: DriftError | undefined
  #isFreeing = false
  /** Checkpoints that were installed. */
  count = 0
  /** Everything up to here is in segments. */
  seq: number

  constructor(parts: CheckpointsParts) {
    this.#parts = parts
    this.seq = parts.seq
  }

  /** Moves everything visible into segments. @throws what the writer says; the log then keeps what it has. */
  async run(): Promise<void> {
    await this.attempt()
    if (this.#failure !== undefined) throw this.#failure
  }

  /** The same, where a failure is for the log alone: the next opening has it all. */
  async attempt(): Promise<void> {
    await this.#running
    this.start()
    await this.#running
  }

  /** Resolves when none is under way. */
  async idle(): Promise<void> {
    await this.#running
  }

  /** Begins one, unless one is under way or there is nothing for it. */
  start(): void {
    const { log, link, pipeline, clock, logger } = this.#parts
    if (this.#running !== undefined || log.memory.poisoned) return
    const upTo = pipeline().visibleSeq
    if (upTo <= this.seq) return
    const began = clock.monotonic()
    link.hold()
    this.#failure = undefined
    this.#running = link
      .checkpoint(upTo, this.#changedColumns(upTo))
      .then(
        (result) => this.#installed(result, clock.monotonic() - began),
        (error: unknown) => {
          this.#failure = DriftError.from(error, 'checkpoint')
          logger.error({ code: this.#failure.code }, 'a checkpoint failed')
        }
      )
      .finally(() => {
        this.#running = undefined
        link.release()
        pipeline().roomFreed()
      })
  }

  /** Frees what is in segments and applied; where apply is behind, the rest when it has caught up. */
  #freeLog(): void {
    const { log, pages, pipeline, isClosed, logger } = this.#parts
    const { freeSeq } = pages
    log.freeThrough(Math.min(this.seq, freeSeq))
    if (freeSeq >= this.seq || this.#isFreeing) return
    this.#isFreeing = true
    void pages.untilFree(this.seq).then(
      () => {
        this.#isFreeing = false
        this.#freeLog()
        pipeline().roomFreed()
      },
      (error: unknown) => {
        this.#isFreeing = false
        if (!isClosed()) logger.error({ code: DriftError.from(error, 'apply').code }, 'the log cannot be freed')
      }
    )
  }

  /** The columns of the tables where they changed since their last checkpoint, as of this one. */
  #changedColumns(upTo: number): TableColumns[] {
    return [...this.#parts.tables.values()]
      .filter((table) => table.columns.lastChange > table.checkpointSeq)
      .map((table) => ({ tableId: table.definition.id, columns: table.columns.stored(upTo) }))
  }

  #installed({ checkpointSeq, tables }: CheckpointResult, ms: number): void {
    this.count++
    this.seq = checkpointSeq
    for (const { tableId, segments } of tables) {
      if (tableId === COMMITS_TABLE_ID) this.#parts.commits.flushThrough(checkpointSeq, segments)
      else this.#parts.tables.get(tableId)?.flushThrough(checkpointSeq, segments)
    }
    this.#freeLog()
    this.#parts.onInstalled()
    this.#parts.logger.info({ checkpointSeq, tables: tables.length, ms: Math.round(ms) }, 'checkpoint installed')
  }
}
