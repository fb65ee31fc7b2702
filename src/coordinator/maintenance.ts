import { DriftError } from '../base/errors.js'
import type { Log } from '../base/log.js'
import { runsToCompact, waitingBytes } from '../compaction/plan.js'
import { type ManifestPages, type ManifestSnapshot, pageFilesOf } from '../format/manifest.js'
import type { CompactionPool } from '../runtime/compaction-pool.js'
import type { WriterLink } from '../runtime/writer-link.js'
import type { PageSnapshotInfo } from '../snapshot/page-snapshots.js'
import { segmentFileBytes, type SegmentSummary } from '../segment/block-builder.js'

/** A table as maintenance sees it: where its files are, and how the readers here take what was merged. */
export type MaintainedTable = {
  readonly tableId: number
  readonly name: string
  readonly directory: string
  segments(): readonly SegmentSummary[]
  /** Of the table, in segments or not. */
  events(): number
  installMerged(merged: SegmentSummary): void
  /** Every event of the table up to here is in its segments. */
  checkpointSeq(): number
  /** The chain that is live. */
  snapshots(): readonly ManifestSnapshot[]
  installSnapshots(snapshots: readonly ManifestSnapshot[]): void
  /** Writes a snapshot of its version pages, of what is in segments; undefined where it has none, and none were to be made. */
  writePages(missing: MissingPages): Promise<PageSnapshotInfo | undefined>
  /** The snapshot of its pages that is live. */
  pages(): ManifestPages | undefined
  installPages(pages: ManifestPages): void
  /** Writes the checkpoints of its indexes; the bytes. Those that are not there are made before, or left. */
  writeIndexes(missing: MissingPages): Promise<number>
  /** Events that the checkpoint of one of its indexes does not have, of the indexes that are there. */
  eventsBehindIndexes(): number
}

/** What SNAPSHOT does about a table that has no version pages, or not all of its indexes, since the opening. */
export type MissingPages = 'make' | 'leave'

/** What COMPACT did to one table. Bytes are those of its segment files. */
export type CompactedTable = {
  readonly table: string
  readonly events: number
  readonly segmentsBefore: number
  readonly segmentsAfter: number
  readonly bytesBefore: number
  readonly bytesAfter: number
}

/** What SNAPSHOT wrote of one table. */
export type SnapshottedTable = {
  readonly table: string
  /** An opening begins from here. */
  readonly seq: number
  /** Events in all snapshots of the table. */
  readonly events: number
  /** The files that an opening reads, oldest first, in the table's folder `snapshots`. */
  readonly files: readonly string[]
  /** Bytes that were written now; 0: there was nothing new. */
  readonly bytes: number
}

export type MaintenanceProgress = {
  /** `pages`: COMPACT goes through version pages, behind the segments. */
  readonly phase: 'compact' | 'pages' | 'snapshot'
  readonly done: number
  readonly total: number
  readonly unit: 'bytes' | 'rows'
}

export type MaintenanceOptions = {
  /** Stops at the next step; what was installed by then stays. */
  readonly signal?: AbortSignal | undefined
  /** At most ten times a second, and once at the end. */
  readonly onProgress?: ((progress: MaintenanceProgress) => void) | undefined
}

type Options = {
  readonly databaseId: Uint8Array
  readonly hashSeed: number
  readonly link: WriterLink
  readonly pool: CompactionPool
  readonly logger: Log
  readonly monotonic: () => number
  /** Compaction runs by itself when a table has so many bytes of frames waiting for it. */
  readonly waitingBytes: number
  /** SNAPSHOT runs by itself when a table has so many events that none of its snapshots has, and nobody writes: see {@link SNAPSHOT_SHARE}. */
  readonly snapshotEvents: number
  /** And of its indexes alone, when there are so many that the checkpoint of one does not have. */
  readonly indexEvents: number
  /** Of both, how much more it must be while somebody writes, who has the less of the machine. */
  readonly busyFactor: number
  readonly tables: () => readonly MaintainedTable[]
}

/** SNAPSHOT runs by itself for what is at least this part of a table: so many files a chain has, and an event is written about once. */
const SNAPSHOT_SHARE = 1 / 8

const PROGRESS_EVERY_MS = 100
/** After failures what runs by itself leaves out 2, 4, 8 … checkpoints, so many at most. */
const PAUSE_CHECKPOINTS_MAX = 64

/**
 * COMPACT and SNAPSHOT, asked for or by themselves behind a checkpoint (the coordinator's): one job at a time, in a thread of the pool.
 * Of a compaction:
 *
 * 1. the pool writes the merged file beside the old ones, proves it and gives it its name; nothing reads it yet;
 * 2. the writer, between two checkpoints, installs a manifest that names it (CMP-4: the same frames at the same places);
 * 3. the readers here take it in place of the old ones, whose files they close;
 * 4. the writer removes the old files. A reader in another process has them open, or finds a new manifest and begins again.
 *
 * Nothing waits for a read view: a view is a seq, and every version of every row is where it was. A failure leaves the old files live.
 */
export class Maintenance {
  readonly #options: Options
  #queue: Promise<unknown> = Promise.resolve()
  #isBusy = false
  #stopped = false
  #failures = 0
  /** Checkpoints to be left out before anything is tried again by itself. */
  #pause = 0
  #compactions = 0
  #lastReport = Number.NEGATIVE_INFINITY

  constructor(options: Options) {
    this.#options = options
  }

  /** Compactions since the opening: files written and installed. */
  get compactions(): number {
    return this.#compactions
  }

  /** Merges and compresses the segments of these tables, the active one included. */
  compact(tables: readonly MaintainedTable[], options: MaintenanceOptions): Promise<CompactedTable[]> {
    return this.#exclusive(async () => {
      const results: CompactedTable[] = []
      for (const table of tables) {
        refuseIfAborted(options.signal)
        const before = sizesOf(table.segments())
        if (before.segments > 0) await this.#seal(table)
        await this.#compactRuns(table, options)
        const after = sizesOf(table.segments())
        const { segments: segmentsBefore, bytes: bytesBefore } = before
        const { segments: segmentsAfter, bytes: bytesAfter, events } = after
        results.push({ table: table.name, events, segmentsBefore, segmentsAfter, bytesBefore, bytesAfter })
      }
      return results
    })
  }

  /** Of the pages that COMPACT goes through; throws where it is to stop. */
  reportPages(options: MaintenanceOptions, done: number, total: number): void {
    refuseIfAborted(options.signal)
    this.#refuseIfStopped()
    this.#report(options, 'pages', done, total, done === total)
  }

  /** Writes a snapshot of each of these tables, up to its last checkpoint. */
  snapshot(tables: readonly MaintainedTable[], options: MaintenanceOptions): Promise<SnapshottedTable[]> {
    return this.#exclusive(async () => {
      const results: SnapshottedTable[] = []
      for (const table of tables) {
        refuseIfAborted(options.signal)
        this.#refuseIfStopped()
        const bytes = await this.#snapshotTable(table, options, 'make')
        const chain = table.snapshots()
        const events = chain.reduce((sum, snapshot) => sum + snapshot.events, 0)
        const files = [...chain.map(({ file }) => file), ...pageFilesOf(table.pages())]
        results.push({ table: table.name, seq: chain.at(-1)?.seq ?? 0, events, files, bytes })
      }
      return results
    })
  }

  async #snapshotTable(table: MaintainedTable, options: MaintenanceOptions, missing: MissingPages): Promise<number> {
    const versions = await this.#snapshotOne(table, options)
    const pages = await this.#snapshotPages(table, options, missing)
    return versions + pages + (await this.#snapshotIndexes(table, options, missing))
  }

  async #snapshotOne(table: MaintainedTable, options: MaintenanceOptions): Promise<number> {
    const { databaseId, hashSeed, pool, link, logger, monotonic } = this.#options
    const { tableId, directory } = table
    const began = monotonic()
    const old = table.snapshots()
    const segments = table.segments().map(({ file, number, bytes, crc, sealed }) => ({ file, number, bytes, crc, sealed }))
    const total = segments.reduce((sum, segment) => sum + 2 * segment.bytes, 0)
    const job = { directory, databaseId, hashSeed, tableId, seq: table.checkpointSeq(), segments, snapshots: old }
    const onBytes = (bytes: number) => this.#report(options, 'snapshot', bytes, total, false)
    const { snapshot } = await pool.run({ kind: 'snapshot', job }, { signal: options.signal, onBytes })
    if (snapshot === undefined) throw new DriftError('INVARIANT', 'CMP-4: a snapshot without a result')
    const { snapshots, bytes } = snapshot
    if (bytes > 0) {
      await link.maintain({ kind: 'snapshots', tableId, snapshots })
      table.installSnapshots(snapshots)
      const live = new Set(snapshots.map(({ file }) => file))
      const gone = old.filter(({ file }) => !live.has(file)).map(({ file }) => `snapshots/${file}`)
      if (gone.length > 0) await link.maintain({ kind: 'remove', tableId, files: gone })
      logger.info({ table: table.name, seq: job.seq, bytes, ms: Math.round(monotonic() - began) }, 'snapshot installed')
    }
    this.#report(options, 'snapshot', total, total, true)
    return bytes
  }

  /** Bytes that were written. A failure leaves the snapshot that was live. */
  async #snapshotPages(table: MaintainedTable, { signal }: MaintenanceOptions, missing: MissingPages): Promise<number> {
    refuseIfAborted(signal)
    const { link, logger, monotonic } = this.#options
    const { tableId, name } = table
    const began = monotonic()
    const old = pageFilesOf(table.pages())
    const written = await table.writePages(missing)
    if (written === undefined || written.bytes === 0) return 0
    const { bytes, ...pages } = written
    await link.maintain({ kind: 'pages', tableId, pages })
    table.installPages(pages)
    const live = new Set(pageFilesOf(pages))
    const gone = old.filter((name) => !live.has(name)).map((name) => `snapshots/${name}`)
    if (gone.length > 0) await link.maintain({ kind: 'remove', tableId, files: gone })
    logger.info({ table: name, seq: pages.seq, bytes, ms: Math.round(monotonic() - began) }, 'snapshot of pages installed')
    return bytes
  }

  /** Bytes that were written. A failure leaves the files that were there. */
  async #snapshotIndexes(table: MaintainedTable, { signal }: MaintenanceOptions, missing: MissingPages): Promise<number> {
    refuseIfAborted(signal)
    const { logger, monotonic } = this.#options
    const began = monotonic()
    const bytes = await table.writeIndexes(missing)
    if (bytes > 0) logger.info({ table: table.name, bytes, ms: Math.round(monotonic() - began) }, 'checkpoints of indexes installed')
    return bytes
  }

  /** A checkpoint was installed: compaction begins where enough waits, else a snapshot where very much is in none. */
  afterCheckpoint(): void {
    if (--this.#pause <= 0) this.#runByItself(this.#options.busyFactor)
  }

  /** Nobody has written for a while, and what was written is in segments. */
  atRest(): void {
    if (this.#failures === 0) this.#runByItself(1)
  }

  /** True if some table has enough events that none of its snapshots, or a checkpoint of its indexes, has. */
  get isSnapshotDue(): boolean {
    return this.#options.tables().some((table) => this.#isDue(table, 1) || this.#areIndexesDue(table, 1))
  }

  /** `factor`: so many times what is enough at rest. */
  #runByItself(factor: number): void {
    if (this.#stopped || this.#isBusy) return
    const work = this.#nextByItself(factor)
    if (work === undefined) return
    const { table, what, run } = work
    this.#exclusive(run).then(
      () => (this.#failures = 0),
      (error: unknown) => this.#failed(table, error, what)
    )
  }

  #nextByItself(
    factor: number
  ): { readonly table: MaintainedTable; readonly what: string; readonly run: () => Promise<unknown> } | undefined {
    const tables = this.#options.tables()
    const waiting = tables.find((table) => waitingBytes(table.segments()) >= this.#options.waitingBytes)
    if (waiting !== undefined) return { table: waiting, what: 'compaction', run: () => this.#compactRuns(waiting, {}) }
    const due = tables.find((table) => this.#isDue(table, factor))
    if (due !== undefined) return { table: due, what: 'a snapshot', run: () => this.#snapshotTable(due, {}, 'leave') }
    const behind = tables.find((table) => this.#areIndexesDue(table, factor))
    if (behind === undefined) return undefined
    return { table: behind, what: 'a checkpoint of indexes', run: () => this.#snapshotIndexes(behind, {}, 'leave') }
  }

  #isDue(table: MaintainedTable, factor: number): boolean {
    const events = table.events()
    const kept = table.snapshots().reduce((sum, snapshot) => sum + snapshot.events, 0)
    return events - kept >= Math.max(this.#options.snapshotEvents * factor, events * SNAPSHOT_SHARE)
  }

  #areIndexesDue(table: MaintainedTable, factor: number): boolean {
    return table.eventsBehindIndexes() >= Math.max(this.#options.indexEvents * factor, table.events() * SNAPSHOT_SHARE)
  }

  /** Ends what runs at its next step; resolves when nothing runs and the pool's thread is gone. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#options.pool.stop()
    await this.#queue
    await this.#options.pool.close()
  }

  #failed(table: MaintainedTable, thrown: unknown, what: string): void {
    if (this.#stopped) return
    const { code, details } = DriftError.from(thrown, table.directory)
    this.#failures++
    this.#pause = Math.min(PAUSE_CHECKPOINTS_MAX, 2 ** this.#failures)
    this.#options.logger.warn({ table: table.name, code, ...details, pause: this.#pause }, `${what} failed; the files are as they were`)
  }

  /** One at a time, in the order of the calls. */
  #exclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(async () => {
      this.#refuseIfStopped()
      this.#isBusy = true
      try {
        return await work()
      } catch (error) {
        this.#refuseIfStopped()
        throw error
      } finally {
        this.#isBusy = false
      }
    })
    this.#queue = result.catch(() => {})
    return result
  }

  async #seal(table: MaintainedTable): Promise<void> {
    if (table.segments().at(-1)?.sealed === true) return
    const segments = await this.#options.link.maintain({ kind: 'seal', tableId: table.tableId })
    const sealed = segments.findLast((segment) => segment.sealed)
    if (sealed !== undefined) table.installMerged(sealed)
  }

  async #compactRuns(table: MaintainedTable, options: MaintenanceOptions): Promise<void> {
    const { databaseId, pool, link, logger, monotonic } = this.#options
    const { tableId } = table
    const runs = runsToCompact(table.segments())
    // Each byte is gone through twice: once to write it, once to prove it.
    const total = runs.flat().reduce((sum, segment) => sum + 2 * segment.bytes, 0)
    let done = 0
    for (const run of runs) {
      this.#refuseIfStopped()
      const began = monotonic()
      const segments = run.map(({ file, number, bytes, crc, sealed }) => ({ file, number, bytes, crc, sealed }))
      const job = { directory: `${table.directory}/segments`, databaseId, tableId, origin: run[0]?.origin ?? 0, segments }
      const onBytes = (bytes: number) => this.#report(options, 'compact', done + bytes, total, false)
      const { merged } = await pool.run({ kind: 'compact', job }, { signal: options.signal, onBytes })
      if (merged === undefined) throw new DriftError('INVARIANT', 'CMP-4: a compaction without a result')
      await link.maintain({ kind: 'replace', tableId, merged })
      table.installMerged(merged)
      await link.maintain({ kind: 'remove', tableId, files: run.map(({ file }) => `segments/${file}`) })
      this.#compactions++
      done += 2 * merged.bytes
      const bytesBefore = run.reduce((sum, segment) => sum + segmentFileBytes(segment), 0)
      logger.info(
        { table: table.name, segments: run.length, bytesBefore, bytesAfter: segmentFileBytes(merged), ms: Math.round(monotonic() - began) },
        'segments compacted'
      )
    }
    this.#report(options, 'compact', total, total, true)
  }

  #report({ onProgress }: MaintenanceOptions, phase: MaintenanceProgress['phase'], done: number, total: number, isLast: boolean): void {
    if (onProgress === undefined) return
    const now = this.#options.monotonic()
    if (!isLast && now - this.#lastReport < PROGRESS_EVERY_MS) return
    this.#lastReport = now
    onProgress({ phase, done: Math.min(done, total), total, unit: phase === 'pages' ? 'rows' : 'bytes' })
  }

  #refuseIfStopped(): void {
    if (this.#stopped) throw new DriftError('CLOSED', 'the database was closed meanwhile; open it again', {})
  }
}

function refuseIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new DriftError('ABORTED', 'the work was cancelled; nothing was changed', {})
}

function sizesOf(segments: readonly SegmentSummary[]): { segments: number; bytes: number; events: number } {
  return {
    segments: segments.length,
    bytes: segments.reduce((sum, segment) => sum + segmentFileBytes(segment), 0),
    events: segments.reduce((sum, segment) => sum + segment.count, 0)
  }
}
