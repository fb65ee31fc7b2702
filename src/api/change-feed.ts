import { DriftError } from '../base/errors.js'
import { CATALOG_TABLE_ID } from '../base/ids.js'
import { indexColumnText, type IndexDefinition } from '../catalog/index-definition.js'
import type { Key } from '../codec/key-codec.js'
import type { Document, Value } from '../codec/value.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import { EVENT_NAMES } from '../format/frame.js'
import { metadataOf, type CommitRecord } from '../mvcc/commit-record.js'
import { turn } from '../runtime/turn.js'
import { FeedFilter } from './feed-filter.js'

export type ChangesOptions = {
  /**
   * The first seq that is wanted; `last.seq + 1` resumes behind a commit that was seen. `'start'` (unless given): all there is; `'now'`:
   * what becomes visible after this call.
   */
  readonly from?: number | 'start' | 'now'
  /** The last seq that is wanted: commits that end behind it are left out. Where nothing follows, the last visible one at most. */
  readonly to?: number
  /** Only events of these tables; their making counts as one. */
  readonly tables?: readonly string[]
  /** Only events of this key. */
  readonly key?: Key
  /** Waits for new commits, up to `to` or for ever. */
  readonly follow?: boolean
  /** Ends the feed with ABORTED. */
  readonly signal?: AbortSignal
}

/** What happened to one row; of a table that was made, `SCHEMA`. */
export type Change = {
  readonly seq: number
  readonly table: string
  /** Null for SCHEMA. */
  readonly key: Key | null
  readonly event: 'INSERT' | 'PATCH' | 'SOFT_DELETE' | 'SCHEMA'
  /** The document (INSERT, an object that is `document` too), the patch (PATCH), null (SOFT_DELETE), what was made (SCHEMA). */
  readonly payload: Document | null
  /** The row after the event; null after a delete, and for SCHEMA. */
  readonly document: Document | null
}

/** A commit and its events, in their order, that were asked for. Plain data: it can be kept, changed, and sent to another thread. */
export type CommitChanges = {
  readonly seq: number
  readonly firstSeq: number
  /** Unix ms. */
  readonly time: number
  /** As it was given; null where none was. */
  readonly metadata: Value
  readonly events: readonly Change[]
}

/** Events that are read between two turns of the event loop; a commit counts as one more. */
const EVENTS_PER_TURN = 512
/** Commits that are taken out of the log together: few where most of them may not be wanted. */
const COMMITS_PER_PIECE = 128
const FILTERED_COMMITS_PER_PIECE = 8

/**
 * The log as a feed: each commit that has become visible, once and in order, whole (SEQ-8). Whoever reads it sets its pace: between two commits it
 * keeps the seq that it has come to, and a few commits without their events. Events are read when their commit's turn has come, out of
 * the log in memory or out of segments, wherever they are by then. So a reader that is far behind holds nothing of the log, and a writer
 * never waits for one.
 */
export class ChangeFeed implements AsyncIterableIterator<CommitChanges, void>, AsyncDisposable {
  readonly #coordinator: Coordinator
  readonly #filter: FeedFilter
  readonly #signal: AbortSignal | undefined
  readonly #to: number
  readonly #follow: boolean
  readonly #commits: AsyncGenerator<CommitChanges, void>
  /** Everything up to here was given or left out. */
  #seen: number
  #untilTurn = EVENTS_PER_TURN
  #isLeft = false
  #wake = (): void => {}

  /** @internal Use `Database.changes`. */
  constructor(coordinator: Coordinator, { from = 'start', to, tables, key, follow = false, signal }: ChangesOptions) {
    const present = coordinator.lastSeq
    this.#coordinator = coordinator
    this.#filter = new FeedFilter(coordinator, tables, key)
    this.#signal = signal
    this.#follow = follow
    // Inside of a commit, all of it is wanted.
    this.#seen = coordinator.readPoint({ kind: 'seq', seq: Math.max(0, firstSeqOf(from, present) - 1) }, false).seq
    this.#to = Math.min(to === undefined ? Number.POSITIVE_INFINITY : seqOf('to', to), follow ? Number.POSITIVE_INFINITY : present)
    this.#commits = this.#read()
  }

  /** @throws ABORTED, CLOSED; POISONED where new commits are waited for and none can come; CORRUPT for damage in a segment. */
  next(): Promise<IteratorResult<CommitChanges, void>> {
    return this.#commits.next()
  }

  /** Ends the feed, also while it waits. */
  return(): Promise<IteratorResult<CommitChanges, void>> {
    this.#isLeft = true
    this.#wake()
    return this.#commits.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  async *#read(): AsyncGenerator<CommitChanges, void> {
    for (;;) {
      this.#check()
      const visible = this.#coordinator.lastSeq
      for (const commit of this.#piece(Math.min(this.#to, visible))) {
        const events = await this.#eventsOf(commit)
        this.#seen = commit.seq
        const { seq, firstSeq, time } = commit
        if (events.length > 0) yield { seq, firstSeq, time, metadata: metadataOf(commit), events }
        if (--this.#untilTurn <= 0) await this.#turn()
        else this.#check()
      }
      if (this.#isLeft) return
      if (this.#seen < Math.min(this.#to, this.#coordinator.lastSeq)) continue
      if (!this.#follow || this.#seen >= this.#to) return
      await this.#untilArrival()
    }
  }

  /** The next commits that may be wanted; without any, everything up to `through` was seen. */
  #piece(through: number): readonly CommitRecord[] {
    if (this.#seen >= through) return []
    const filtered = !this.#filter.takesAll
    if (filtered) this.#seen = Math.min(through, this.#filter.nextSeq(this.#seen, through) - 1)
    const piece = this.#coordinator.commitsAfter(this.#seen, through, filtered ? FILTERED_COMMITS_PER_PIECE : COMMITS_PER_PIECE)
    if (piece.length === 0) this.#seen = through
    return piece
  }

  async #eventsOf({ firstSeq, runs }: CommitRecord): Promise<Change[]> {
    const events: Change[] = []
    let seq = firstSeq
    for (const { tableId, count } of runs) {
      const end = seq + count
      if (tableId === CATALOG_TABLE_ID) {
        for (; seq < end; seq++) if (this.#filter.takesMaking(seq)) events.push(this.#schemaChange(seq))
        continue
      }
      for (let version = 0; ;) {
        version = this.#filter.versionIn(tableId, seq, end - 1, version)
        if (version === 0) break
        const event = this.#change(tableId, version)
        events.push(event)
        seq = event.seq + 1
        if (--this.#untilTurn <= 0) await this.#turn()
      }
      seq = end
    }
    return events
  }

  #change(tableId: number, version: number): Change {
    // Read-only, a turn of the event loop may have brought another state of the files.
    const { definition, versions, frames } = this.#coordinator.tableById(tableId)
    const event = EVENT_NAMES[versions.eventOf(version)] as 'INSERT' | 'PATCH' | 'SOFT_DELETE'
    const payload = frames.payload(version)
    const document = event === 'INSERT' ? payload : (frames.document(version) ?? null)
    return { seq: versions.seqOf(version), table: definition.name, key: frames.key(version), event, payload, document }
  }

  #schemaChange(seq: number): Change {
    const event = this.#coordinator.schemaEventAt(seq)
    const { name, primaryKey, indexes } = event.table
    const payload =
      event.kind === 'create-table'
        ? { table: name, primaryKey, indexes: indexes.map(shownIndex) }
        : { table: name, [event.kind === 'create-index' ? 'createIndex' : 'dropIndex']: shownIndex(event.index) }
    return { seq, table: name, key: null, event: 'SCHEMA', payload, document: null }
  }

  async #turn(): Promise<void> {
    await turn()
    this.#untilTurn = EVENTS_PER_TURN
    this.#check()
  }

  #check(): void {
    if (this.#signal?.aborted === true) throw new DriftError('ABORTED', 'the feed was cancelled', {})
    this.#coordinator.assertOpen()
  }

  /** Until there is more to see, or somebody ends the feed. */
  #untilArrival(): Promise<void> {
    this.#check()
    this.#coordinator.assertAlive()
    const signal = this.#signal
    return new Promise((resolve) => {
      const wake = (): void => {
        takeBack()
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const takeBack = this.#coordinator.onArrival(wake)
      signal?.addEventListener('abort', wake)
      this.#wake = wake
    })
  }
}

function firstSeqOf(from: number | 'start' | 'now', present: number): number {
  if (from === 'start') return 1
  if (from === 'now') return present + 1
  const seq = seqOf('from', from)
  // Who has seen more than there is follows another history: nothing says what it has missed.
  if (seq <= present + 1) return seq
  throw new DriftError(
    'SEQ_AHEAD',
    `from ${seq} is ahead of the last event, ${present}: there is no commit behind which that would resume`,
    {
      lastSeq: present
    }
  )
}

function seqOf(name: 'from' | 'to', seq: unknown): number {
  if (typeof seq === 'number' && Number.isSafeInteger(seq) && seq >= 0) return seq
  const others = name === 'from' ? ", 'start' or 'now'" : ''
  throw new DriftError('INVALID_ARGUMENT', `${name} is a seq, a whole number from 0 on${others}, not ${String(seq)}`, { name, found: seq })
}

function shownIndex({ name, columns, isUnique }: IndexDefinition) {
  return { name, columns: columns.map(indexColumnText), ...(isUnique ? { unique: true } : {}) }
}
