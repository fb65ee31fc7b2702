import { DriftError, type ErrorData } from '../base/errors.js'
import type { Durability } from '../base/durability.js'
import {
  writeRecordHead,
  JUMP_MAGIC,
  paddedBytes,
  RECORD_CLOSE,
  recordBytes,
  recordCount,
  recordFirstSeq,
  recordHeadBytes,
  sealRecord
} from '../format/wal-record.js'
import { encodeManifest, type ManifestPages, type ManifestSnapshot, pageFilesOf } from '../format/manifest.js'
import { STATISTICS_FILE } from '../format/statistics-file.js'
import { replaceFile, type Io } from '../io/io.js'
import { LogFollower } from '../memory/log-follower.js'
import type { LogMemory } from '../memory/log-memory.js'
import type { SegmentSummary } from '../segment/block-builder.js'
import { WAL_ZERO_BYTES, WalFile } from '../wal/wal-file.js'
import { Checkpoint, TableWriter, type CheckpointResult, type DatabaseIdentity, type TableColumns, type TableFiles } from './checkpoint.js'

/** What compaction and snapshots ask of the one that installs manifests. Plain data, crosses threads. */
export type MaintenanceRequest =
  /** The active segment gets its footer, whatever its size. */
  | { readonly kind: 'seal'; readonly tableId: number }
  /** The merged segment takes the place of those whose frames it has. */
  | { readonly kind: 'replace'; readonly tableId: number; readonly merged: SegmentSummary }
  /** These snapshots are live from now on. */
  | { readonly kind: 'snapshots'; readonly tableId: number; readonly snapshots: readonly ManifestSnapshot[] }
  /** This snapshot of the version pages is live from now on. */
  | { readonly kind: 'pages'; readonly tableId: number; readonly pages: ManifestPages }
  /** Takes the place of the table's statistics; undefined: they go. */
  | { readonly kind: 'statistics'; readonly tableId: number; readonly bytes: Uint8Array | undefined }
  /** Files that no manifest names any more, in the table's folder; nobody opens them again. */
  | { readonly kind: 'remove'; readonly tableId: number; readonly files: readonly string[] }

/** One group is at most about this much: a reader of the present does not wait for more. */
const GROUP_BYTES = 4 * 1024 * 1024

/** Plain data: what the writer's thread is started with. */
export type WriterConfig = {
  readonly directory: string
  readonly identity: DatabaseIdentity
  readonly durability: Durability
  readonly walNumber: number
  /** The first seq that may be written. */
  readonly firstSeq: number
  readonly tables: readonly TableFiles[]
}

/**
 * The writer actor: the only one that writes to WAL and segments. It follows the shared log and makes it durable.
 *
 * A step is, in this order: one group commit (all records that are there, one write, one fdatasync, then the cursors), zeros ahead if
 * the coordinator asked for room, one step of a checkpoint. Group commit is adaptive by itself: what arrives while one group is being
 * synced is the next group.
 *
 * DUR-1: `visibleSeq` and `durableSeq` move only after the sync of everything at or below them returned (durability `full`).
 * DUR-2: any failure of a write or sync of the WAL or of a segment poisons: after it the kernel may have dropped dirty pages, so
 * nothing is accepted until the database is opened again. The one exception is lack of space while writing zeros ahead, where nothing
 * was promised yet.
 */
export class Writer {
  readonly #io: Io
  readonly #memory: LogMemory
  readonly #config: WriterConfig
  readonly #tables = new Map<number, TableWriter>()
  readonly #group: LogFollower
  readonly #checkpointed: LogFollower
  #wal: WalFile
  /** Bytes of records written since the opening, over all WAL files. */
  #writtenBytes = 0
  #lastSeq: number
  #lastGroupRecords = 0
  #checkpoint:
    | { run: Checkpoint; removeBelow: number; done: (result: CheckpointResult) => void; failed: (error: DriftError) => void }
    | undefined
  /** Requests that wait for the end of a checkpoint. */
  #waitingRequests: { run: () => void; failed: (error: DriftError) => void }[] = []
  #fault: DriftError | undefined

  constructor(io: Io, memory: LogMemory, config: WriterConfig) {
    this.#io = io
    this.#memory = memory
    this.#config = config
    this.#group = new LogFollower(memory, JUMP_MAGIC)
    this.#checkpointed = new LogFollower(memory, JUMP_MAGIC)
    this.#lastSeq = config.firstSeq - 1
    for (const files of config.tables) this.#tables.set(files.tableId, new TableWriter(io, config.identity, files))
    this.#wal = WalFile.create(io, `${config.directory}/wal`, config.identity.databaseId, config.walNumber, config.firstSeq)
    // The opening moved all older events into segments before this writer was started.
    this.#wal.removeBelow(config.walNumber)
    this.#publishRoom()
  }

  /** One bounded piece of work; `waiting`: only the promise {@link waiting} can bring more, beside the log. */
  step(): 'worked' | 'waiting' | 'idle' {
    if (this.#fault !== undefined) return 'idle'
    try {
      const committed = this.#commitGroup()
      const extended = this.#extend()
      const checkpoint = this.#stepCheckpoint()
      if (committed || extended || checkpoint === 'worked') return 'worked'
      return checkpoint
    } catch (error) {
      this.#poison(error)
      return 'idle'
    }
  }

  get waiting(): Promise<void> | undefined {
    return this.#checkpoint?.run.waiting
  }

  /** Records of the last group. */
  get lastGroupRecords(): number {
    return this.#lastGroupRecords
  }

  get isCheckpointing(): boolean {
    return this.#checkpoint !== undefined
  }

  get fault(): ErrorData | undefined {
    return this.#fault?.toData()
  }

  /** Makes a table's folder with its schema and an empty manifest. Safe to repeat. */
  addTable(files: TableFiles, schemaYaml: string): void {
    this.#refuseIfPoisoned()
    try {
      const table = new TableWriter(this.#io, this.#config.identity, files)
      makeTableFolder(this.#io, table, this.#config.identity, schemaYaml)
      this.#tables.set(files.tableId, table)
    } catch (error) {
      throw this.#poison(error)
    }
  }

  /** `schema.yaml` of a table: for people, nothing reads it. */
  writeSchema(directory: string, schemaYaml: string): void {
    this.#refuseIfPoisoned()
    replaceFile(this.#io, directory, 'schema.yaml', Buffer.from(schemaYaml))
  }

  /** Moves everything at or below `upTo` (the last seq of a durable batch) into segments and frees the WAL of it. */
  checkpoint(upTo: number, columns: readonly TableColumns[]): Promise<CheckpointResult> {
    this.#refuseIfPoisoned()
    if (this.#checkpoint !== undefined) throw new DriftError('INVARIANT', 'CMP-2: two checkpoints at once')
    try {
      while (this.#commitGroup());
      // Everything older than the file that is begun now is at or below the last written seq; it may go when that is in segments.
      const full = upTo === this.#lastSeq
      const next = this.#rotated()
      if (next instanceof DriftError) return Promise.reject(next)
      this.#wal = next
      this.#publishRoom()
      const run = new Checkpoint(this.#io, this.#config.identity, this.#tables, () => this.#nextRecord(upTo), upTo, columns)
      const removeBelow = full ? this.#wal.number : this.#wal.number - 1
      return new Promise((done, failed) => {
        this.#checkpoint = { run, removeBelow, done, failed }
      })
    } catch (error) {
      throw this.#poison(error)
    }
  }

  /**
   * Installs what compaction or a snapshot made; never during a checkpoint, whose manifests would not know of it. Resolves to the
   * table's segments as they are then. A failure leaves the old files live and does not poison, unless the sync of a segment failed.
   */
  maintain(request: MaintenanceRequest): Promise<readonly SegmentSummary[]> {
    this.#refuseIfPoisoned()
    if (this.#checkpoint === undefined) return Promise.resolve(this.#maintain(request))
    return new Promise((done, failed) => {
      const run = () => {
        try {
          done(this.#maintain(request))
        } catch (error) {
          failed(DriftError.from(error, 'maintenance'))
        }
      }
      this.#waitingRequests.push({ run, failed })
    })
  }

  #maintain(request: MaintenanceRequest): readonly SegmentSummary[] {
    const table = this.#tables.get(request.tableId)
    if (table === undefined) throw new DriftError('INVARIANT', `CAT-1: no table ${request.tableId} to maintain`)
    const { appender } = table
    switch (request.kind) {
      case 'seal': {
        // A footer that no manifest knows of lies behind the segment's length: it does not count, and is written over or cut.
        if (!appender.seal()) break
        try {
          appender.syncNow()
        } catch (error) {
          throw this.#poison(error)
        }
        appender.closeSealed()
        this.#installManifest(table)
        break
      }
      case 'replace': {
        const old = appender.replace(request.merged)
        this.#installOr(table, () => appender.putBack(request.merged, old))
        break
      }
      case 'snapshots': {
        const old = table.snapshots
        table.snapshots = request.snapshots
        this.#installOr(table, () => void (table.snapshots = old))
        break
      }
      case 'pages': {
        const old = table.pages
        table.pages = request.pages
        this.#installOr(table, () => void (table.pages = old))
        break
      }
      case 'statistics':
        this.#placeStatistics(table, request.bytes)
        break
      case 'remove': {
        const live = new Set(appender.segments.map((segment) => `segments/${segment.file}`))
        for (const { file } of table.snapshots) live.add(`snapshots/${file}`)
        for (const name of pageFilesOf(table.pages)) live.add(`snapshots/${name}`)
        for (const name of request.files) {
          if (live.has(name)) throw new DriftError('INVARIANT', `CMP-5: ${name} is live, and is not removed`)
          this.#io.remove(`${table.directory}/${name}`)
        }
        break
      }
    }
    return appender.segments
  }

  /** Nothing waits for a disk: what a crash leaves of them is told by its crc, and made again. */
  #placeStatistics({ directory }: TableWriter, bytes: Uint8Array | undefined): void {
    const path = `${directory}/${STATISTICS_FILE}`
    if (bytes === undefined) {
      if (this.#io.kind(path) === 'file') this.#io.remove(path)
      return
    }
    const file = this.#io.create(`${path}.tmp`)
    try {
      file.write([bytes], 0)
    } finally {
      file.close()
    }
    this.#io.rename(`${path}.tmp`, path)
  }

  /** Whichever manifest the disk has after a failure: the files of both are there. */
  #installOr(table: TableWriter, undo: () => void): void {
    try {
      this.#installManifest(table)
    } catch (error) {
      undo()
      throw error
    }
  }

  #installManifest(table: TableWriter): void {
    replaceFile(this.#io, table.directory, 'meta.json', encodeManifest(table.manifest(this.#config.identity)))
  }

  /** A clean close: the log is empty, everything is in segments; the WAL ends with CLOSE records (two, so that one can be missed). */
  close(): void {
    if (this.#fault === undefined) {
      try {
        while (this.#commitGroup());
        const bytes = recordHeadBytes(0, 0)
        const head = { flags: RECORD_CLOSE, firstSeq: this.#lastSeq + 1, time: 0, count: 0, runs: [], metadata: new Uint8Array(0) }
        for (let copy = 0; copy < 2; copy++) {
          const record = new Uint8Array(paddedBytes(bytes))
          writeRecordHead(record, 0, head, 0)
          sealRecord(record, 0, this.#wal.syncedBytes, this.#wal.salt)
          this.#wal.append([record], record.length)
          // Each is durable before the next: a whole second one proves the first.
          this.#wal.sync()
        }
      } catch (error) {
        this.#poison(error)
      }
    }
    for (const table of this.#tables.values()) table.appender.close()
    this.#wal.close()
    this.#refuseIfPoisoned()
  }

  #commitGroup(): boolean {
    const memory = this.#memory
    const tail = memory.tail
    const bytes = memory.bytes()
    const parts: Uint8Array[] = []
    let from = 0
    let to = 0
    let total = 0
    let records = 0
    let lastSeq = this.#lastSeq
    while (total < GROUP_BYTES) {
      const at = this.#group.next(tail)
      if (at === undefined) break
      sealRecord(bytes, at, this.#wal.syncedBytes, this.#wal.salt)
      const record = paddedBytes(recordBytes(bytes, at))
      if (at !== to) {
        if (to > from) parts.push(bytes.subarray(from, to))
        from = at
      }
      to = at + record
      total += record
      records++
      lastSeq = recordFirstSeq(bytes, at) + recordCount(bytes, at) - 1
      this.#group.advance(record)
    }
    if (total === 0) return false
    this.#lastGroupRecords = records
    parts.push(bytes.subarray(from, to))
    this.#wal.append(parts, total)
    this.#writtenBytes += total
    if (this.#config.durability === 'full') this.#wal.sync()
    this.#lastSeq = lastSeq
    if (this.#config.durability !== 'none') {
      memory.durableSeq = lastSeq
      memory.visibleSeq = lastSeq
    }
    memory.wakeCoordinator()
    return true
  }

  #extend(): boolean {
    const memory = this.#memory
    const missing = memory.walWanted - memory.walReserved
    if (missing <= 0 || memory.noRoom) return false
    try {
      this.#wal.extend(Math.ceil(missing / WAL_ZERO_BYTES) * WAL_ZERO_BYTES)
    } catch (error) {
      if (DriftError.from(error, 'wal').code !== 'DRIFT_NO_SPACE') throw error
      memory.noRoom = true
    }
    this.#publishRoom()
    memory.wakeCoordinator()
    return true
  }

  /** The next WAL file; the NO_SPACE error where there is no room for it, and then this one goes on. */
  #rotated(): WalFile | DriftError {
    try {
      return this.#wal.rotate(this.#lastSeq + 1)
    } catch (error) {
      const cause = DriftError.from(error, 'wal')
      if (cause.code !== 'DRIFT_NO_SPACE') throw error
      return cause
    }
  }

  #publishRoom(): void {
    this.#memory.walReserved = this.#writtenBytes + this.#wal.zeroBytes
  }

  #stepCheckpoint(): 'worked' | 'waiting' | 'idle' {
    const checkpoint = this.#checkpoint
    if (checkpoint === undefined) return 'idle'
    const outcome = checkpoint.run.step()
    if (outcome !== 'done') return outcome
    this.#wal.removeBelow(checkpoint.removeBelow)
    this.#checkpoint = undefined
    checkpoint.done(checkpoint.run.result)
    for (const { run } of this.#waitingRequests.splice(0)) run()
    return 'worked'
  }

  #nextRecord(upTo: number): { source: Uint8Array; offset: number } | undefined {
    const source = this.#memory.bytes()
    const offset = this.#checkpointed.next(this.#memory.tail)
    if (offset === undefined || recordFirstSeq(source, offset) > upTo) return undefined
    this.#checkpointed.advance(paddedBytes(recordBytes(source, offset)))
    return { source, offset }
  }

  #poison(thrown: unknown): DriftError {
    const cause = DriftError.from(thrown, this.#config.directory)
    this.#fault ??= new DriftError(
      'POISONED',
      `the database accepts no more writes until it is opened again: ${cause.message}`,
      { ...cause.details, causeCode: cause.code },
      cause
    )
    this.#memory.poison()
    this.#checkpoint?.failed(this.#fault)
    this.#checkpoint = undefined
    for (const { failed } of this.#waitingRequests.splice(0)) failed(this.#fault)
    return this.#fault
  }

  #refuseIfPoisoned(): void {
    if (this.#fault !== undefined) throw this.#fault
  }
}

/** The folder of a table as the seed draws it; durable on return. */
export function makeTableFolder(io: Io, table: TableWriter, identity: DatabaseIdentity, schemaYaml: string): void {
  for (const name of ['segments', 'snapshots', 'indexes']) io.makeDirectory(`${table.directory}/${name}`)
  if (schemaYaml !== '') replaceFile(io, table.directory, 'schema.yaml', Buffer.from(schemaYaml))
  replaceFile(io, table.directory, 'meta.json', encodeManifest(table.manifest(identity)))
  io.syncDirectory(table.directory.slice(0, table.directory.lastIndexOf('/')))
}
