import { DriftError } from '../base/errors.js'
import { QueryControl } from '../memory/query-control.js'
import type { Tile } from '../page/page-directory.js'
import type { PartialAggregates } from '../scan/aggregate-query.js'
import { aggregateTiles } from '../scan/aggregate-tiles.js'
import { bytesWithin } from '../scan/bytes-within.js'
import type { AggregateFragment, FragmentOptions, PartialRun, StepResult } from '../scan/fragment.js'
import type { PagesAtSeq } from '../scan/scan-table.js'
import type { QueryReply } from './query-task.js'
import type { SubmittedTask } from './query-threads.js'
import { RunState } from './run-state.js'

export type AggregateRunParts = {
  readonly pages: PagesAtSeq
  readonly tiles: readonly Tile[]
  readonly fragment: AggregateFragment
  readonly options: FragmentOptions
  /** Gives a share to each of so many threads. */
  readonly threads: number
  readonly submit: (control: QueryControl, participant: number) => SubmittedTask
  readonly onEnd: () => void
}

/** Of an aggregation that is left early. */
const NOTHING: PartialAggregates = { groupCount: 0, keys: [], states: [], isUnsure: false }

/**
 * An aggregation under way. Every thread that takes part keeps one partial result over all morsels that it takes. The run is done when
 * no morsel is left and all that took some have told; who comes too late is not waited for, so that a busy pool holds nobody up.
 */
export class AggregateRun implements PartialRun {
  readonly #parts: AggregateRunParts
  readonly #state: RunState
  readonly #partials: PartialAggregates[] = []
  readonly #submitted = new Map<number, SubmittedTask>()
  #here: Generator<number, PartialAggregates> | undefined
  #isHereDone = false

  constructor(parts: AggregateRunParts) {
    this.#parts = parts
    const { tiles, options, threads, submit, onEnd } = parts
    const control = QueryControl.create(tiles.length)
    this.#state = new RunState(control, options.signal, () => {
      this.#leave()
      onEnd()
    })
    this.#isHereDone = options.here === 'only-there' && threads > 0
    if (this.#state.isOver) return
    for (let participant = 0; participant < threads; participant++) {
      const submitted = submit(control, participant)
      this.#submitted.set(participant, submitted)
      submitted.reply.then(
        (reply) => this.#heard(control, participant, reply),
        (error: unknown) => {
          // Whose thread is gone before it took anything has lost nothing.
          const isHarmless = error instanceof DriftError && error.code === 'DRIFT_WORKER_LOST' && !control.hasEntered(participant)
          if (isHarmless) this.#heard(control, participant, { kind: 'nothing' })
          else if (control === this.#state.control) this.#state.fail(error)
        }
      )
    }
  }

  get partials(): readonly PartialAggregates[] {
    return this.#partials
  }

  get isOver(): boolean {
    return this.#state.isOver
  }

  fail(error: DriftError): void {
    this.#state.fail(error)
  }

  get rowsLooked(): number {
    return this.#state.control.rowsLooked
  }

  get morselsTaken(): number {
    return this.#state.control.taken
  }

  step(): StepResult {
    const state = this.#state
    state.throwIfFailed()
    if (state.isOver) return 'done'
    if (!this.#isHereDone) {
      try {
        const step = (this.#here ??= this.#aggregateHere(state.control)).next()
        if (step.done !== true) {
          state.control.looked(step.value)
          return 'worked'
        }
        this.#partials.push(step.value)
      } catch (error) {
        state.fail(error)
        state.throwIfFailed()
      }
      this.#isHereDone = true
      this.#closeIfExhausted()
    }
    if (this.#submitted.size > 0) return 'waiting'
    if (!state.control.isExhausted) {
      // Nobody there could take part.
      this.#isHereDone = false
      return 'worked'
    }
    state.end()
    return 'done'
  }

  changed(): Promise<void> {
    return this.#state.changed()
  }

  stop(): void {
    this.#state.end()
  }

  #aggregateHere(control: QueryControl): Generator<number, PartialAggregates> {
    const { pages, tiles, fragment } = this.#parts
    const { query, isBounded, groupBytesMax } = fragment
    return aggregateTiles(pages, taken(control, tiles), query, { isBounded, keep: bytesWithin(groupBytesMax) })
  }

  #heard(control: QueryControl, participant: number, reply: QueryReply): void {
    if (control !== this.#state.control || this.#state.isOver) return
    this.#submitted.delete(participant)
    switch (reply.kind) {
      case 'partial':
        this.#partials.push(reply.partial)
        this.#closeIfExhausted()
        break
      case 'nothing':
        break
      case 'elsewhere':
        this.#again()
        break
      case 'failed':
        this.#state.fail(DriftError.fromData(reply.error))
        break
      case 'rows':
        this.#state.fail(new DriftError('INVARIANT', 'a thread answered an aggregation with rows'))
    }
    this.#state.change()
  }

  /** What a value in its frame needs is here only: all of it once more in this thread. */
  #again(): void {
    this.#leave()
    this.#isHereDone = false
    this.#partials.length = 0
    this.#state.control = QueryControl.create(this.#parts.tiles.length)
  }

  /** Who did not begin yet need not. */
  #closeIfExhausted(): void {
    const { control } = this.#state
    if (!control.isExhausted) return
    control.close()
    for (const [participant, submitted] of this.#submitted) {
      if (control.hasEntered(participant)) continue
      submitted.withdraw()
      this.#submitted.delete(participant)
    }
  }

  /** Lets go of working memory, and of tasks that no thread has. */
  #leave(): void {
    this.#here?.return(NOTHING)
    this.#here = undefined
    for (const submitted of this.#submitted.values()) submitted.withdraw()
    this.#submitted.clear()
  }
}

function* taken(control: QueryControl, tiles: readonly Tile[]): Generator<Tile, void> {
  for (let morsel = control.take(); morsel >= 0; morsel = control.take()) yield tiles[morsel] as Tile
}
