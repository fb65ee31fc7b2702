import type { Clock } from '../base/clock.js'
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import type { CommitLog } from '../mvcc/commit-log.js'
import type { CommitPipeline } from './commit-pipeline.js'

/** A point in time as it was asked for. */
export type AskedPoint =
  | { readonly kind: 'seq'; readonly seq: number }
  | { readonly kind: 'time'; readonly time: number }
  | { readonly kind: 'now' }

/** A state that can be read: everything up to `seq`, which is the end of a commit. */
export type ReadPoint = {
  readonly seq: number
  /** Commit time of the last event, unix ms; 0 where there is none. */
  readonly time: number
  /** Set where the point lies ahead of the last event, so that the answer can still change. */
  readonly notice: string | undefined
}

export type ReadPointsParts = {
  readonly clock: Clock
  readonly lastSeq: () => number
  /** As they were recovered last. */
  readonly recovered: () => { readonly commits: CommitLog; readonly lastTime: number }
  /** Undefined where nothing is written. */
  readonly pipeline: () => Pick<CommitPipeline, 'now' | 'firstPendingTime'> | undefined
}

/** What a point in time means: a commit's end at or before it, once and for all. */
export class ReadPoints {
  readonly #parts: ReadPointsParts
  #lastNow = 0

  constructor(parts: ReadPointsParts) {
    this.#parts = parts
  }

  /** @throws INVALID_ARGUMENT for what is no point; SEQ_AHEAD, if `strict`, for one whose answer could still change. */
  find(point: AskedPoint, strict: boolean): ReadPoint {
    const visible = this.#parts.lastSeq()
    const { commits, lastTime } = this.#parts.recovered()
    switch (point.kind) {
      case 'now':
        return this.present()
      case 'seq': {
        if (!Number.isSafeInteger(point.seq) || point.seq < 0) {
          throw new DriftError('INVALID_ARGUMENT', `a seq is a whole number from 0 on, got ${String(point.seq)}`, { found: point.seq })
        }
        if (point.seq > visible) return this.#ahead(strict, `@seq:${point.seq} is ahead of the last event, ${visible}`)
        return { ...commits.atSeq(point.seq), notice: undefined }
      }
      case 'time': {
        if (Number.isNaN(point.time) || Math.abs(point.time) > limits.timeMax) {
          throw new DriftError('INVALID_ARGUMENT', `not a time: ${String(point.time)}`, { found: point.time })
        }
        const pipeline = this.#parts.pipeline()
        // A commit that is numbered and not yet visible may still come to stand before this point; a reader beside a writer cannot know.
        const isUnknown = pipeline === undefined && point.time >= lastTime
        if (isUnknown || point.time >= this.now() || point.time >= (pipeline?.firstPendingTime ?? Number.POSITIVE_INFINITY)) {
          return this.#ahead(strict, `${new Date(point.time).toISOString()} is ahead of the last event, ${visible}`)
        }
        return { ...commits.atTime(point.time), notice: undefined }
      }
    }
  }

  /** The last visible event. */
  present(): ReadPoint {
    const seq = this.#parts.lastSeq()
    return { seq, time: this.#parts.recovered().commits.atSeq(seq).time, notice: undefined }
  }

  /** Unix ms; never less than it was, nor than the time of the last commit. */
  now(): number {
    const { pipeline, recovered, clock } = this.#parts
    const writing = pipeline()
    if (writing !== undefined) return writing.now()
    this.#lastNow = Math.max(this.#lastNow, recovered().lastTime, clock.now())
    return this.#lastNow
  }

  #ahead(strict: boolean, what: string): ReadPoint {
    const present = this.present()
    if (strict) throw new DriftError('SEQ_AHEAD', `${what}; the answer could still change`, { lastSeq: present.seq })
    return { ...present, notice: `${what}; the present is shown, and the answer can still change` }
  }
}
