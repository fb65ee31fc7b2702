import type { Clock } from '../base/clock.js'
import type { Durability } from '../base/durability.js'
import { DriftError, type ErrorData } from '../base/errors.js'
import { limits } from '../base/limits.js'
import type { Log } from '../base/log.js'
import { Catalog, type SchemaEvent } from '../catalog/catalog.js'
import { paddedBytes, recordHeadBytes, writeRecordHead } from '../format/wal-record.js'
import { CATALOG_TABLE_ID } from '../base/ids.js'
import type { ApplyMemory } from '../memory/apply-memory.js'
import type { LogMemory } from '../memory/log-memory.js'
import type { SharedLog } from '../memory/shared-log.js'
import type { CommitLog } from '../mvcc/commit-log.js'
import { Publication } from '../runtime/publication.js'
import { turn } from '../runtime/turn.js'
import type { WriterLink } from '../runtime/writer-link.js'
import { WriteSet } from '../txn/write-set.js'
import type { Staging } from './staging.js'
import type { TableState } from './table-state.js'
import { validate, type Basis } from './validation.js'

/** What a write resolves to. Seqs are numbers of events, `time` is unix ms; `count` 0: nothing changed, `seq` is the last one there was. */
export type Commit = { readonly seq: number; readonly firstSeq: number; readonly count: number; readonly time: number }

export type CommitRequest = {
  /** Msgpack; empty: none. */
  readonly metadata: Uint8Array
  /** For importers of existing history; unix ms. */
  readonly time?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Of a transaction: what it was based on, and must still be so. */
  readonly basis?: Basis | undefined
}

/** `declare` checks the change against the catalog when its turn has come; `made` is told when it is numbered. */
export type SchemaChange = {
  readonly declare: (seq: number) => SchemaEvent
  readonly made: (event: SchemaEvent, seq: number) => void
}

type Waiting = {
  readonly set: WriteSet<TableState> | undefined
  readonly schema: SchemaChange | undefined
  readonly request: CommitRequest
  readonly resolve: (commit: Commit) => void
  readonly reject: (error: DriftError) => void
}

type Pending = {
  readonly commit: Commit
  readonly deltas: ReadonlyMap<TableState, number>
  readonly resolve: (commit: Commit) => void
  readonly reject: (error: DriftError) => void
}

/** Zeros are asked for before they are needed: this much ahead. */
const ROOM_AHEAD_BYTES = 2 * 1024 * 1024
const ROOM_STEP_BYTES = 8 * 1024 * 1024
/** So many commits that become visible together are worth the message that more will follow. */
const BURST_COMMITS_MIN = 4

/**
 * The one place where commits are ordered. What is simple: validate, number, append, wait. What makes it hard:
 *
 * - A call is numbered in the call itself, so calls get their seqs in the order they are made; only when the log has no room does it
 *   wait, encoded, and then everything behind it waits too, in order.
 * - Numbering happens against everything numbered before, durable or not, and a refused commit leaves nothing behind: see `Staging`.
 * - A promise resolves when the writer has published its seq. One listener waits on the shared word for all of them.
 * - Room is granted before a batch is numbered: chunks of the shared log, and zeros of the WAL on the disk. So a full disk refuses
 *   calls (NO_SPACE) and poisons nothing.
 *
 * Laws: SEQ-1 (numbers grow by one along the commits), SEQ-3 (in the order of the calls), ATM-3 (a refused commit
 * leaves nothing), TIM-1 (times never decrease),
 * DUR-1 (resolved means published).
 */
export class CommitPipeline {
  readonly #log: SharedLog
  readonly #memory: LogMemory
  readonly #apply: ApplyMemory
  readonly #link: WriterLink
  readonly #publication: Publication
  readonly #commits: CommitLog
  readonly #clock: Clock
  readonly #durability: Durability
  readonly #logger: Log
  readonly #staging: Staging
  readonly #onLogged: () => void
  readonly #onVisible: () => void
  readonly #onFailed: () => void
  readonly #onLogFull: () => void
  readonly #pending: Pending[] = []
  #pendingHead = 0
  readonly #waiting: Waiting[] = []
  #waitingHead = 0
  #waitingBytes = 0
  #nextSeq: number
  #visibleSeq: number
  #lastTime: number
  #lastNow = 0
  #assignedBytes = 0
  #reservedBytes: number
  #listening = false
  #isBurst = false
  /** The first commit behind the last turn of the event loop, in ms; undefined: there was none. */
  #noTurnSince: number | undefined
  #isTurning = false
  #poison: DriftError | undefined
  #onIdle: (() => void)[] = []

  constructor(parts: {
    readonly log: SharedLog
    readonly link: WriterLink
    readonly apply: ApplyMemory
    readonly commits: CommitLog
    readonly staging: Staging
    readonly clock: Clock
    readonly durability: Durability
    readonly logger: Log
    readonly lastSeq: number
    readonly lastTime: number
    /** Called after a batch was put into the log. */
    readonly onLogged: () => void
    /** Called after the visible seq moved. */
    readonly onVisible: () => void
    /** Called when nothing will become visible any more: see {@link failure}. */
    readonly onFailed: () => void
    /** Called when a commit waits for chunks of the log: a checkpoint frees them. */
    readonly onLogFull: () => void
  }) {
    this.#log = parts.log
    this.#memory = parts.log.memory
    this.#link = parts.link
    this.#apply = parts.apply
    this.#onLogged = parts.onLogged
    this.#commits = parts.commits
    this.#staging = parts.staging
    this.#clock = parts.clock
    this.#publication = new Publication(parts.log.memory, parts.clock)
    this.#durability = parts.durability
    this.#logger = parts.logger
    this.#onVisible = parts.onVisible
    this.#onFailed = parts.onFailed
    this.#onLogFull = parts.onLogFull
    this.#nextSeq = parts.lastSeq + 1
    this.#visibleSeq = parts.lastSeq
    this.#lastTime = parts.lastTime
    // A clock that stands before the last commit is held there.
    this.#lastNow = parts.lastTime
    this.#reservedBytes = this.#memory.walReserved
    this.#link.onLost((reason) => this.#fail(reason))
  }

  /** The last seq that was given, visible or not. */
  get numberedSeq(): number {
    return this.#nextSeq - 1
  }

  get visibleSeq(): number {
    return this.#visibleSeq
  }

  /** The time of the first commit that is numbered and not visible yet; Infinity if there is none. */
  get firstPendingTime(): number {
    return this.#pending[this.#pendingHead]?.commit.time ?? Number.POSITIVE_INFINITY
  }

  /** Why nothing is accepted any more; undefined as long as it is. */
  get failure(): DriftError | undefined {
    return this.#poison === undefined ? undefined : new DriftError('POISONED', this.#poison.message, this.#poison.details, this.#poison)
  }

  get pendingCount(): number {
    return this.#pending.length - this.#pendingHead + this.#waiting.length - this.#waitingHead
  }

  /** Now, as this database knows it: a clock that steps back is held. Unix ms. */
  now(): number {
    const wall = this.#clock.now()
    if (wall < this.#lastNow - CLOCK_HELD_WARNING_MS) {
      this.#logger.warn({ heldAt: this.#lastNow, wall }, 'the clock stepped back; time is held')
    }
    this.#lastNow = Math.max(this.#lastNow, wall)
    return this.#lastNow
  }

  /** Numbers and logs the set's writes now, or in order when there is room: see {@link keeps}. */
  submit(set: WriteSet<TableState>, request: CommitRequest): Promise<Commit> {
    return this.#submit(set, undefined, request)
  }

  /** True if the set given to the last {@link submit} is still in use: the caller makes another one. */
  keeps(set: WriteSet<TableState>): boolean {
    return this.#waiting.at(-1)?.set === set && this.#waitingHead < this.#waiting.length
  }

  /** Numbers a schema change. */
  submitSchema(change: SchemaChange, request: CommitRequest): Promise<Commit> {
    return this.#submit(undefined, change, request)
  }

  /** Resolves when everything up to `seq`, which is numbered, is visible. */
  untilVisible(seq: number): Promise<Commit> {
    return new Promise((resolve, reject) => {
      if (this.#poison !== undefined && seq > this.#visibleSeq) return reject(this.#poisoned('unknown'))
      this.#remember({ seq, firstSeq: seq + 1, count: 0, time: this.#lastTime }, NO_DELTAS, {
        set: undefined,
        schema: undefined,
        request: NO_REQUEST,
        resolve,
        reject
      })
    })
  }

  /** Resolves when every call made before this one is numbered, and `seq` is visible. Undefined: it is so now. */
  settled(seq: number): Promise<unknown> | undefined {
    if (this.#waitingHead < this.#waiting.length) return this.submit(new WriteSet<TableState>(), NO_REQUEST)
    return seq <= this.#visibleSeq ? undefined : this.untilVisible(seq)
  }

  /** Resolves when nothing is pending or waiting any more, acknowledged or refused. */
  idle(): Promise<void> {
    if (this.pendingCount === 0) return Promise.resolve()
    return new Promise((resolve) => this.#onIdle.push(resolve))
  }

  /** Chunks became free: calls that wait may go on. */
  roomFreed(): void {
    this.#admitWaiting()
  }

  #submit(set: WriteSet<TableState> | undefined, schema: SchemaChange | undefined, request: CommitRequest): Promise<Commit> {
    return new Promise((resolve, reject) => {
      const call: Waiting = { set, schema, request, resolve, reject }
      if (this.#poison !== undefined) return reject(this.#refused())
      if (request.signal?.aborted === true) return reject(aborted())
      // A poisoned writer refuses what comes after: the listener fetches its reason.
      const isOpen = this.#waitingHead === this.#waiting.length && !this.#memory.poisoned
      if (isOpen && this.#admit(call)) return
      this.#wait(call)
    })
  }

  #wait(call: Waiting): void {
    const bytes = call.set?.bytes ?? 0
    if (this.#waitingBytes + bytes > limits.pendingBytesMax) {
      const details = { name: 'pendingBytesMax', limit: limits.pendingBytesMax, seen: this.#waitingBytes + bytes }
      call.reject(new DriftError('LIMIT', 'too many writes wait for the disk; await some of them before making more', details))
      return
    }
    this.#waiting.push(call)
    this.#waitingBytes += bytes
    this.#listen()
  }

  /** False if there is no room; the call is settled otherwise, or pending. */
  #admit(call: Waiting): boolean {
    const { request } = call
    const estimate = (call.set?.bytes ?? 0) + (call.set?.operations.length ?? 1) * 32 + request.metadata.length
    if (!this.#hasRoom(estimate)) return false
    try {
      if (request.signal?.aborted === true) throw aborted()
      const time = this.#commitTime(request.time)
      const firstSeq = this.#nextSeq
      if (call.set !== undefined && request.basis !== undefined) validate(call.set, request.basis, this.#commits)
      if (call.set !== undefined) this.#staging.stage(call.set, firstSeq, time)
      const made = call.schema?.declare(firstSeq)
      if (made !== undefined) this.#staging.stageSchema(CATALOG_TABLE_ID, Catalog.encode(made), firstSeq, time)
      const count = this.#staging.events
      if (count === 0) {
        this.#remember({ seq: firstSeq - 1, firstSeq, count: 0, time }, new Map(), call)
        return true
      }
      const seq = firstSeq + count - 1
      if (seq > limits.seqMax) {
        this.#staging.takeBack()
        throw new DriftError('LIMIT', 'no seq is left', { name: 'seqMax', limit: limits.seqMax, seen: seq })
      }
      // Moving the frames lets go of what was staged.
      const { runs } = this.#staging
      if (!this.#append(firstSeq, count, time, request.metadata)) {
        this.#staging.takeBack()
        return false
      }
      this.#nextSeq = seq + 1
      this.#lastTime = time
      this.#commits.append(firstSeq, seq, time, request.metadata, runs)
      if (made !== undefined) call.schema?.made(made, firstSeq)
      this.#remember({ seq, firstSeq, count, time }, this.#deltas, call)
    } catch (error) {
      call.reject(DriftError.from(error, 'commit'))
    }
    return true
  }

  #deltas = NO_DELTAS

  #append(firstSeq: number, count: number, time: number, metadata: Uint8Array): boolean {
    const { runs, bytes: frames } = this.#staging
    const recordBytes = recordHeadBytes(runs.length, metadata.length) + frames.length
    const bytes = paddedBytes(recordBytes)
    if (!this.#hasRoom(bytes)) return false
    const at = this.#log.reserve(bytes)
    if (at === undefined) {
      this.#onLogFull()
      return false
    }
    const target = this.#memory.bytes()
    const framesAt = writeRecordHead(target, at, { flags: 0, firstSeq, time, count, runs, metadata }, frames.length)
    target.set(frames, framesAt)
    target.fill(0, at + recordBytes, at + bytes)
    this.#deltas = this.#staging.moved(framesAt, this.#apply)
    this.#assignedBytes += bytes
    this.#log.publish(bytes, firstSeq + count - 1)
    this.#askForRoom(0)
    this.#link.poke()
    this.#onLogged()
    return true
  }

  /** True if zeros for a record of `bytes` are on the disk. */
  #hasRoom(bytes: number): boolean {
    if (this.#assignedBytes + bytes <= this.#reservedBytes) return true
    this.#reservedBytes = this.#memory.walReserved
    if (this.#assignedBytes + bytes <= this.#reservedBytes) return true
    this.#askForRoom(bytes)
    return false
  }

  #askForRoom(bytes: number): void {
    if (this.#reservedBytes - this.#assignedBytes >= bytes + ROOM_AHEAD_BYTES) return
    const wanted = this.#assignedBytes + bytes + ROOM_STEP_BYTES
    if (this.#memory.walWanted >= this.#assignedBytes + bytes + ROOM_AHEAD_BYTES && !this.#memory.noRoom) return
    this.#memory.walWanted = wanted
    this.#memory.noRoom = false
    this.#memory.wakeWriter()
    this.#link.poke()
  }

  #commitTime(asked: number | undefined): number {
    const now = this.now()
    if (asked === undefined) return Math.max(this.#lastTime, now)
    if (!Number.isInteger(asked) || asked < 0 || asked > limits.timeMax) {
      throw new DriftError('INVALID_ARGUMENT', `time must be unix milliseconds, got ${String(asked)}`, { found: asked })
    }
    if (asked < this.#lastTime || asked > now) {
      const range = `${new Date(this.#lastTime).toISOString()} and ${new Date(now).toISOString()}`
      throw new DriftError(
        'INVALID_ARGUMENT',
        `time ${new Date(asked).toISOString()} is not between the last commit's and now (${range})`,
        {
          found: asked,
          lastTime: this.#lastTime,
          now
        }
      )
    }
    return asked
  }

  #remember(commit: Commit, deltas: ReadonlyMap<TableState, number>, call: Waiting): void {
    const { resolve, reject } = call
    if (commit.count === 0 && commit.seq <= this.#visibleSeq) return resolve(commit)
    this.#pending.push({ commit, deltas, resolve, reject })
    if (this.#durability === 'none') {
      this.#memory.durableSeq = commit.seq
      this.#memory.visibleSeq = commit.seq
      if (!this.#listening && this.#isTurnDue()) this.#publishBehindTurn()
      else this.#published()
    } else {
      this.#listen()
    }
  }

  /**
   * With durability `none` a commit waits for nothing: who awaits one after the other would never let the event loop turn, and no message of
   * another thread, no timer and no socket would be heard.
   */
  #isTurnDue(): boolean {
    const now = this.#clock.monotonic()
    if (this.#noTurnSince === undefined) {
      this.#noTurnSince = now
      void turn().then(() => (this.#noTurnSince = undefined))
      return false
    }
    return now - this.#noTurnSince > NO_TURN_MS_MAX
  }

  #publishBehindTurn(): void {
    if (this.#isTurning) return
    this.#isTurning = true
    void turn().then(() => {
      this.#isTurning = false
      if (this.#poison !== undefined) return
      this.#published()
      if (this.pendingCount === 0) for (const resolve of this.#onIdle.splice(0)) resolve()
    })
  }

  #listen(): void {
    if (this.#listening) return
    this.#listening = true
    this.#link.hold()
    void this.#listenLoop()
  }

  async #listenLoop(): Promise<void> {
    while (this.pendingCount > 0 && this.#poison === undefined) {
      const seen = this.#memory.published()
      this.#published()
      this.#admitWaiting()
      if (this.#memory.poisoned) {
        this.#fail((await this.#link.fault().catch((error: unknown) => DriftError.from(error, 'writer').toData())) ?? UNKNOWN_FAULT)
        break
      }
      if (this.pendingCount > 0) await this.#publication.next(seen, this.pendingCount)
    }
    this.#listening = false
    this.#link.release()
    for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  /** Takes over what the writer published: the visible seq first, then the promises. */
  #published(): void {
    const visible = this.#memory.visibleSeq
    let first = this.#pending[this.#pendingHead]
    if (first === undefined || first.commit.seq > visible) return
    this.#visibleSeq = visible
    const head = this.#pendingHead
    while (first !== undefined && first.commit.seq <= visible) {
      for (const [table, delta] of first.deltas) table.liveCount += delta
      first.resolve(first.commit)
      first = this.#pending[++this.#pendingHead]
    }
    if (this.#pendingHead - head >= BURST_COMMITS_MIN) this.#expectBurst()
    if (this.#pendingHead === this.#pending.length) {
      this.#pending.length = 0
      this.#pendingHead = 0
    } else if (this.#pendingHead > 4096) {
      this.#pending.splice(0, this.#pendingHead)
      this.#pendingHead = 0
    }
    this.#onVisible()
  }

  /** Whose commits were acknowledged together go on one after another, up to the event loop's next turn. */
  #expectBurst(): void {
    if (this.#isBurst) return
    this.#isBurst = true
    this.#memory.beginBurst()
    void turn().then(() => {
      this.#isBurst = false
      this.#memory.endBurst()
    })
  }

  #admitWaiting(): void {
    if (this.#poison !== undefined || this.#memory.poisoned) return
    for (;;) {
      const call = this.#waiting[this.#waitingHead]
      if (call === undefined) break
      if (this.#memory.noRoom) {
        this.#shift(call)
        call.reject(new DriftError('NO_SPACE', 'no space is left for the log; free some and try again', { outcome: 'refused' }))
        continue
      }
      if (!this.#admit(call)) break
      this.#shift(call)
    }
  }

  #shift(call: Waiting): void {
    this.#waitingHead++
    this.#waitingBytes -= call.set?.bytes ?? 0
    if (this.#waitingHead < this.#waiting.length && this.#waitingHead < 1024) return
    this.#waiting.splice(0, this.#waitingHead)
    this.#waitingHead = 0
  }

  /** The writer is gone or poisoned: what waits is refused, what was numbered may or may not be found by the next opening. */
  #fail(reason: ErrorData): void {
    if (this.#poison !== undefined) return
    this.#published()
    this.#poison = DriftError.fromData(reason)
    this.#logger.error({ code: this.#poison.code, ...reason.details }, 'the writer is poisoned')
    const pending = this.#pending.splice(0)
    const waiting = this.#waiting.splice(0)
    const head = this.#pendingHead
    const waitingHead = this.#waitingHead
    this.#pendingHead = 0
    this.#waitingHead = 0
    for (const { reject } of pending.slice(head)) reject(this.#poisoned('unknown'))
    for (const { reject } of waiting.slice(waitingHead)) reject(this.#refused())
    if (!this.#listening) for (const resolve of this.#onIdle.splice(0)) resolve()
    this.#onFailed()
  }

  #refused(): DriftError {
    return this.#poisoned('refused')
  }

  #poisoned(outcome: 'unknown' | 'refused'): DriftError {
    const details = { ...this.#poison?.details, outcome }
    return new DriftError('POISONED', this.#poison?.message ?? 'the writer is poisoned', details, this.#poison)
  }
}

const NO_DELTAS: ReadonlyMap<TableState, number> = new Map()
const NO_REQUEST: CommitRequest = { metadata: new Uint8Array(0) }
const CLOCK_HELD_WARNING_MS = 1000
const NO_TURN_MS_MAX = 10
const UNKNOWN_FAULT: ErrorData = { name: 'POISONED', message: 'the writer is poisoned', details: {} }

function aborted(): DriftError {
  return new DriftError('ABORTED', 'the write was cancelled before it was numbered', { outcome: 'refused' })
}
