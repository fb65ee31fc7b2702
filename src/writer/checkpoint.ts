import { encodeValue } from '../codec/document-codec.js'
import { DriftError } from '../base/errors.js'
import { COMMITS_TABLE_ID } from '../base/ids.js'
import { FORMAT_VERSION } from '../format/file-header.js'
import { EVENT_COMMIT, frameBytes, frameHeadBytes, sealFrame, writeFrameHead } from '../format/frame.js'
import { encodeManifest, type Manifest, type ManifestPages, type ManifestSnapshot, type StoredColumns } from '../format/manifest.js'
import { readRecordHeader, recordFramesOffset, type RecordHeader } from '../format/wal-record.js'
import { replaceFile, type Io } from '../io/io.js'
import type { SegmentSummary } from '../segment/block-builder.js'
import { SegmentAppender } from '../segment/segment-appender.js'

/** What the files of one database have in common. Plain data, crosses threads. */
export type DatabaseIdentity = {
  readonly databaseId: Uint8Array
  readonly hashSeed: number
  /** Unix ms. */
  readonly created: number
}

/** The files of one table. Plain data, crosses threads. */
export type TableFiles = {
  readonly tableId: number
  /** Path of the table's folder. */
  readonly directory: string
  readonly checkpointSeq: number
  readonly segments: readonly SegmentSummary[]
  /** Those of the events up to the checkpoint. */
  readonly columns?: StoredColumns
  /** The chain of snapshots that is live. */
  readonly snapshots?: readonly ManifestSnapshot[]
  /** The live snapshot of its version pages. */
  readonly pages?: ManifestPages | undefined
}

/** The columns of a table at a checkpoint's seq, for its manifest: of every table where they changed since its last one. Plain data. */
export type TableColumns = { readonly tableId: number; readonly columns: StoredColumns }

/** What a checkpoint made of one table: its segments from the first one that it touched. */
export type CheckpointedTable = { readonly tableId: number; readonly segments: readonly SegmentSummary[] }
export type CheckpointResult = { readonly checkpointSeq: number; readonly tables: readonly CheckpointedTable[] }

/** A table as the one who writes its segments knows it. */
export class TableWriter {
  readonly tableId: number
  readonly directory: string
  readonly appender: SegmentAppender
  checkpointSeq: number
  columns: StoredColumns | undefined
  snapshots: readonly ManifestSnapshot[]
  pages: ManifestPages | undefined

  constructor(io: Io, identity: DatabaseIdentity, files: TableFiles) {
    this.tableId = files.tableId
    this.directory = files.directory
    this.checkpointSeq = files.checkpointSeq
    this.columns = files.columns
    this.snapshots = files.snapshots ?? []
    this.pages = files.pages
    this.appender = new SegmentAppender(io, `${files.directory}/segments`, identity.databaseId, files.tableId, files.segments)
  }

  manifest(identity: DatabaseIdentity): Manifest {
    return {
      formatVersion: FORMAT_VERSION,
      tableId: this.tableId,
      databaseId: Buffer.from(identity.databaseId).toString('hex'),
      hashSeed: identity.hashSeed,
      created: identity.created,
      checkpointSeq: this.checkpointSeq,
      segments: this.appender.segments.map(({ file, number, bytes, crc, sealed }) => ({ file, number, bytes, crc, sealed })),
      ...(this.columns === undefined ? {} : { columns: this.columns }),
      ...(this.snapshots.length === 0 ? {} : { snapshots: this.snapshots }),
      ...(this.pages === undefined ? {} : { pages: this.pages })
    }
  }
}

/** The next batch at or below the checkpoint's seq: its record in `source` at `offset`; undefined after the last. */
export type RecordSource = () => { readonly source: Uint8Array; readonly offset: number } | undefined

/** Bytes of frames that one step appends, at most (and one frame more). */
const STEP_BYTES = 1024 * 1024

type Piece = { readonly table: TableWriter; readonly source: Uint8Array; readonly end: number; at: number }

/**
 * Moves events from the log into segments, in small steps between group commits:
 *
 * 1. append the frames of every batch up to `upTo` to the active segments, and a COMMIT frame for each batch to `drift.commits`;
 * 2. fdatasync the segments (on another thread, while commits go on);
 * 3. install each changed `meta.json`, one a step.
 *
 * A crash before 3 leaves bytes past the manifest's length, which the next opening cuts; during 3, some tables at the old seq, whose
 * events are still in the WAL (CMP-1: a WAL file goes only after every manifest).
 */
export class Checkpoint {
  readonly #io: Io
  readonly #identity: DatabaseIdentity
  readonly #tables: ReadonlyMap<number, TableWriter>
  readonly #records: RecordSource
  readonly #upTo: number
  readonly #columns: ReadonlyMap<number, StoredColumns>
  readonly #touched = new Map<TableWriter, number>()
  readonly #pieces: Piece[] = []
  #phase: 'append' | 'sync' | 'syncing' | 'install' | 'done' = 'append'
  #toInstall: TableWriter[] = []
  #syncFault: { error: unknown } | undefined
  waiting: Promise<void> | undefined

  constructor(
    io: Io,
    identity: DatabaseIdentity,
    tables: ReadonlyMap<number, TableWriter>,
    records: RecordSource,
    upTo: number,
    columns: readonly TableColumns[]
  ) {
    this.#io = io
    this.#identity = identity
    this.#tables = tables
    this.#records = records
    this.#upTo = upTo
    this.#columns = new Map(columns.map((changed) => [changed.tableId, changed.columns]))
  }

  /** One bounded piece of work. `waiting`: nothing to do before the promise {@link waiting} settles. */
  step(): 'worked' | 'waiting' | 'done' {
    if (this.#syncFault !== undefined) throw this.#syncFault.error
    switch (this.#phase) {
      case 'append':
        if (!this.#append()) this.#phase = 'sync'
        return 'worked'
      case 'sync':
        this.#startSync()
        return 'waiting'
      case 'syncing':
        return 'waiting'
      case 'install':
        this.#installOne()
        return 'worked'
      case 'done':
        return 'done'
    }
  }

  /** Installs the manifests of these tables too, whether or not they have new events. */
  installAlso(tables: readonly TableWriter[]): void {
    for (const table of tables) this.#touch(table)
  }

  get result(): CheckpointResult {
    const tables = [...this.#touched].map(([table, firstNumber]) => ({
      tableId: table.tableId,
      segments: table.appender.segments.filter((segment) => segment.number >= firstNumber)
    }))
    return { checkpointSeq: this.#upTo, tables }
  }

  #append(): boolean {
    let budget = STEP_BYTES
    while (budget > 0) {
      const piece = this.#pieces[0]
      if (piece === undefined) {
        const record = this.#records()
        if (record === undefined) return false
        budget -= this.#take(record.source, record.offset)
        continue
      }
      let to = piece.at
      while (to < piece.end && to - piece.at < budget) to += frameBytes(piece.source, to)
      piece.table.appender.append(piece.source, piece.at, to)
      budget -= to - piece.at
      piece.at = to
      if (to === piece.end) this.#pieces.shift()
    }
    return true
  }

  /** Queues a batch's runs and writes its COMMIT frame. */
  #take(source: Uint8Array, offset: number): number {
    const header = readRecordHeader(source, offset)
    let at = recordFramesOffset(source, offset)
    for (const run of header.runs) {
      const table = this.#table(run.tableId)
      // A table that a crash left ahead of the others has these events already.
      if (header.firstSeq + header.count - 1 > table.checkpointSeq) {
        this.#touch(table)
        this.#pieces.push({ table, source, end: at + run.bytes, at })
      }
      at += run.bytes
    }
    const commits = this.#table(COMMITS_TABLE_ID)
    if (header.firstSeq + header.count - 1 <= commits.checkpointSeq) return 0
    this.#touch(commits)
    const frame = encodeCommitFrame(header)
    commits.appender.append(frame, 0, frame.length)
    return frame.length
  }

  #table(tableId: number): TableWriter {
    const table = this.#tables.get(tableId)
    if (table === undefined) throw new DriftError('INVARIANT', `CAT-1: an event of table ${tableId}, which nobody made`, { tableId })
    return table
  }

  #touch(table: TableWriter): void {
    if (!this.#touched.has(table)) this.#touched.set(table, table.appender.segments.at(-1)?.number ?? 1)
  }

  #startSync(): void {
    this.#phase = 'syncing'
    const tables = [...this.#touched.keys()]
    for (const table of tables) {
      table.appender.flush()
      table.appender.sealIfFull()
    }
    this.waiting = Promise.all(tables.map((table) => table.appender.sync())).then(
      () => {
        this.#phase = 'install'
        this.#toInstall = tables
      },
      (error: unknown) => {
        this.#syncFault = { error }
      }
    )
  }

  #installOne(): void {
    const table = this.#toInstall.shift()
    if (table === undefined) {
      this.#phase = 'done'
      return
    }
    table.appender.closeSealed()
    table.checkpointSeq = this.#upTo
    table.columns = this.#columns.get(table.tableId) ?? table.columns
    replaceFile(this.#io, table.directory, 'meta.json', encodeManifest(table.manifest(this.#identity)))
  }
}

const MSGPACK_NIL = 0xc0
const MSGPACK_ARRAY_OF_4 = 0x94

/** `drift.commits`: seq = the batch's last; payload `[first seq, [[table id, events], …], metadata or nil, hash or nil]`. */
export function encodeCommitFrame(header: RecordHeader): Uint8Array {
  const { firstSeq, count, time, metadata } = header
  const head = encodeValue([firstSeq, header.runs.map((run) => [run.tableId, run.count])], 'commit')
  const metadataBytes = Math.max(1, metadata.length)
  const lastSeq = firstSeq + count - 1
  const payloadBytes = head.length + metadataBytes + 1
  const frame = new Uint8Array(frameHeadBytes(lastSeq) + payloadBytes)
  const at = writeFrameHead(frame, 0, lastSeq, time, EVENT_COMMIT, payloadBytes)
  frame.set(head, at)
  frame[at] = MSGPACK_ARRAY_OF_4
  frame[at + head.length] = MSGPACK_NIL
  frame.set(metadata, at + head.length)
  frame[at + head.length + metadataBytes] = MSGPACK_NIL
  sealFrame(frame, 0)
  return frame
}
