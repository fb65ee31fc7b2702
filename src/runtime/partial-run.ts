import { DriftError } from '../base/errors.js'
import { QueryControl } from '../memory/query-control.js'
import type { Tile } from '../page/page-directory.js'
import type { FragmentOptions, PartialFragment, PartialResult, PartialRun, StepResult } from '../scan/fragment.js'
import { type Morsel, morselCount, type MorselSource, runFragment, tilesOfMorsel } from '../scan/run-fragment.js'
import type { PagesAtSeq } from '../scan/scan-table.js'
import type { QueryReply } from './query-task.js'
import type { SubmittedTask } from './query-threads.js'
import { RunState } from './run-state.js'
import { turn } from './turn.js'

export type PartialRunParts = {
  readonly pages: PagesAtSeq
  readonly tiles: readonly Tile[]
  readonly fragment: PartialFragment
  readonly options: FragmentOptions
  /** Gives a share to each of so many threads. */
  readonly threads: number
  /** Their threads may be free, and nobody has heard of it. */
  readonly isBusy: boolean
  readonly submit: (control: QueryControl, participant: number) => SubmittedTask
  readonly onEnd: () => void
}

/**
 * A fragment under way, of which every thread that takes part keeps one partial result over all morsels that it takes. It is done when no
 * morsel is left and all that took some have told; who comes too late is not waited for, so that a busy pool holds nobody up.
 */
export class PooledPartialRun<Partial extends PartialResult> implements PartialRun<Partial> {
  readonly #parts: PartialRunParts
  readonly #state: RunState
  readonly #partials: Partial[] = []
  readonly #submitted = new Map<number, SubmittedTask>()
  #here: Generator<number, PartialResult> | undefined
  #isHereDone = false
  /** Who asks one question after the other never hears of an answer, and would be alone with all of them. */
  #turn: Promise<void> | undefined

  constructor(parts: PartialRunParts) {
    this.#parts = parts
    const { tiles, fragment, options, threads, isBusy, submit, onEnd } = parts
    const control = QueryControl.create(morselCount(fragment, tiles.length))
    this.#state = new RunState(control, options.signal, () => {
      this.#leave()
      onEnd()
    })
    this.#isHereDone = options.here === 'only-there' && threads > 0
    if (threads > 0 && isBusy) this.#turn = turn().then(() => (this.#turn = undefined))
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

  get partials(): readonly Partial[] {
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
    if (this.#turn !== undefined) return 'waiting'
    if (!this.#isHereDone) {
      try {
        const step = (this.#here ??= this.#runHere(state.control)).next()
        if (step.done !== true) {
          state.control.looked(step.value)
          return 'worked'
        }
        this.#keep(step.value)
      } catch (error) {
        state.fail(error)
        state.throwIfFailed()
      }
      if (state.isOver) return 'done'
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
    return this.#turn ?? this.#state.changed()
  }

  stop(): void {
    this.#state.end()
  }

  #runHere(control: QueryControl): Generator<number, PartialResult> {
    const { pages, tiles, fragment } = this.#parts
    return runFragment(fragment, pages, new MorselsHere(control, fragment, tiles))
  }

  #heard(control: QueryControl, participant: number, reply: QueryReply): void {
    if (control !== this.#state.control || this.#state.isOver) return
    this.#submitted.delete(participant)
    switch (reply.kind) {
      case 'partial':
        this.#keep(reply.partial)
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
        this.#state.fail(new DriftError('INVARIANT', 'a thread answered a fragment with rows'))
    }
    this.#state.change()
  }

  /** What a fragment gives is of its kind. Where one share of it cannot be had, the others are of no use. */
  #keep(partial: PartialResult): void {
    this.#partials.push(partial as Partial)
    if (partial === undefined) this.#state.end()
  }

  /** What a value in its frame needs is here only: all of it once more in this thread. */
  #again(): void {
    this.#leave()
    this.#isHereDone = false
    this.#partials.length = 0
    const { tiles, fragment } = this.#parts
    this.#state.control = QueryControl.create(morselCount(fragment, tiles.length))
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
    this.#here?.return(undefined)
    this.#here = undefined
    for (const submitted of this.#submitted.values()) submitted.withdraw()
    this.#submitted.clear()
  }
}

class MorselsHere implements MorselSource {
  readonly #control: QueryControl
  readonly #fragment: PartialFragment
  readonly #tiles: readonly Tile[]
  #taken: Morsel[] = []

  constructor(control: QueryControl, fragment: PartialFragment, tiles: readonly Tile[]) {
    this.#control = control
    this.#fragment = fragment
    this.#tiles = tiles
  }

  take(count: number): readonly Morsel[] {
    for (const { tiles } of this.#taken) for (const tile of tiles) tile.letGo?.()
    this.#taken = []
    while (this.#taken.length < count) {
      const index = this.#control.take()
      if (index < 0) break
      this.#taken.push({ index, tiles: tilesOfMorsel(this.#fragment, index, (tile) => this.#tiles[tile] as Tile) })
    }
    return this.#taken
  }
}
