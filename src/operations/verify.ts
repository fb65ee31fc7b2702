import { DriftError } from '../base/errors.js'
import { CATALOG_TABLE_ID, COMMITS_TABLE_ID } from '../base/ids.js'
import { Catalog, type TableDefinition } from '../catalog/catalog.js'
import { schemaYaml } from '../catalog/schema-yaml.js'
import { crc32 } from '../codec/checksum.js'
import { CATALOG_FOLDER, COMMITS_FOLDER } from '../coordinator/recovery.js'
import { FORMAT_VERSION } from '../format/file-header.js'
import { type Frame } from '../format/frame.js'
import { decodeManifest, type Manifest } from '../format/manifest.js'
import { readRecordHeader } from '../format/wal-record.js'
import { readWhole, type Io } from '../io/io.js'
import { decodeCommit } from './check-event.js'
import { ColumnCheck } from './check-columns.js'
import { DocumentCheck } from './check-documents.js'
import { checkIndexes } from './check-indexes.js'
import { checkPages } from './check-pages.js'
import { checkSegments, framesOf, type EventSink, type SegmentScan } from './check-segments.js'
import { checkStatistics } from './check-statistics.js'
import { checkSnapshots } from './check-snapshots.js'
import { checkWal, type WalScan } from './check-wal.js'
import { EventTrace } from './event-trace.js'
import { Findings, type Note, type Problem } from './findings.js'
import { type HeldEvent, WalEvents } from './wal-events.js'

/** What was checked of one table. Sizes in bytes. */
export type VerifiedTable = {
  /** The name in the catalog; that of the folder for the system's tables and for folders that the catalog does not know. */
  readonly name: string
  readonly tableId: number
  /** In segments and WAL together. */
  readonly events: number
  readonly segments: number
  readonly segmentBytes: number
  readonly checkpointSeq: number
}

export type VerifyReport = {
  /** No problem was found. */
  readonly ok: boolean
  readonly problems: readonly Problem[]
  /** What a crash or a live writer left, and the next opening puts right. */
  readonly notes: readonly Note[]
  readonly lastSeq: number
  readonly commits: number
  readonly events: number
  readonly files: number
  readonly bytes: number
  readonly tables: readonly VerifiedTable[]
  /** How often everything was read: more than once where a live writer moved the files meanwhile. */
  readonly tries: number
  /** The files moved during the last try too: what it found may be the movement. */
  readonly moving: boolean
}

/** `total` is an estimate made at the begin; both in bytes. */
export type VerifyProgress = { readonly phase: 'verify'; readonly done: number; readonly total: number; readonly unit: 'bytes' }

export type VerifyOptions = {
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined
  /** Lets the event loop turn, now and then. */
  readonly breathe?: (() => Promise<void>) | undefined
  /** Memory for the documents of one table; 256 MiB where it is not said. */
  readonly documentBytes?: number | undefined
}

const TRIES_MAX = 3
/** Work between two yields. */
const PIECE_BYTES = 4 * 1024 * 1024

/**
 * Reads every byte of a database and checks it against the format and the laws: headers, checksums and order of all frames, footers and
 * manifests, that each event can be decoded and follows from those of its row before it, and that the commit log counts exactly the events
 * that are there. Opens nothing for writing, takes no lock, changes nothing. Beside a live writer it may see files move; then it begins
 * again, up to three times.
 *
 * @throws INVALID_ARGUMENT where the directory is no database; IO where the file system refuses. What is damaged is not thrown but
 * listed, and the other files are still checked.
 */
export async function verify(io: Io, directory: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  if (io.kind(directory) !== 'directory' || io.kind(`${directory}/tables/${CATALOG_FOLDER}`) !== 'directory') {
    throw new DriftError('INVALID_ARGUMENT', `${directory} is no database`, { directory })
  }
  for (let tries = 1; ; tries++) {
    const before = stateOf(io, directory)
    const run = new Verification(io, directory, options)
    try {
      await run.all()
    } catch (error) {
      // A file that was there when it was listed is gone: compaction removed it.
      if (stateOf(io, directory) === before) throw error
      if (tries === TRIES_MAX) return run.report(tries, true)
      continue
    }
    const moving = stateOf(io, directory) !== before
    if (!moving || tries === TRIES_MAX) return run.report(tries, moving)
  }
}

/** Changes whenever a checkpoint, a rotation or a new table does. */
function stateOf(io: Io, directory: string): string {
  const tables = io.list(`${directory}/tables`).map((folder) => {
    const path = `${directory}/tables/${folder}/meta.json`
    const bytes = io.kind(path) === 'file' ? readIfThere(io, path) : undefined
    return `${folder} ${bytes === undefined ? '-' : `${bytes.length} ${crc32(bytes)}`}`
  })
  const wal = io.kind(`${directory}/wal`) === 'directory' ? io.list(`${directory}/wal`) : []
  return [...tables, ...wal].sort().join('\n')
}

/** Undefined where the file went away meanwhile. */
function readIfThere(io: Io, path: string): Uint8Array | undefined {
  try {
    return readWhole(io, path)
  } catch (error) {
    if (io.kind(path) === 'absent') return undefined
    throw error
  }
}

type Table = {
  readonly folder: string
  readonly directory: string
  readonly tableId: number
  readonly manifest: Manifest | undefined
  scan: SegmentScan
}

const nothingScanned: SegmentScan = { trace: new EventTrace(), files: 0, bytes: 0, lastSeq: 0, lastTime: 0, sound: false }

/** One reading of everything. */
class Verification {
  readonly #io: Io
  readonly #directory: string
  readonly #options: VerifyOptions
  readonly #findings = new Findings()
  readonly #catalog = new Catalog()
  readonly #tables = new Map<number, Table>()
  /** Events of each table as the commit log promises them. */
  readonly #promised = new Map<number, EventTrace>()
  readonly #columns = new Map<number, ColumnCheck>()
  /** What was found of the documents of each table. */
  readonly #documents = new Map<number, Findings>()
  /** Tables whose events are not those that the commit log counts. */
  readonly #uneven = new Set<number>()
  #identity: Manifest | undefined
  #databaseId: Uint8Array | undefined
  #wal: WalScan = { images: [], bytes: 0, events: 0, sound: true }
  #walEvents = new WalEvents([])
  #commits = 0
  #lastSeq = 0
  #lastTime = 0
  #commitsSound = true
  #catalogSound = true
  #files = 0
  #doneBytes = 0
  #totalBytes = 0

  constructor(io: Io, directory: string, options: VerifyOptions) {
    this.#io = io
    this.#directory = directory
    this.#options = options
  }

  async all(): Promise<void> {
    this.#findTables()
    this.#wal = await this.#drive(checkWal(this.#io, `${this.#directory}/wal`, this.#databaseId, this.#findings))
    this.#files += this.#wal.images.length
    if (this.#wal.sound) this.#walEvents = new WalEvents(this.#wal.images)
    const takeCommit = (frame: Frame, file: string, offset: number) => this.#commitFrame(frame, file, offset)
    const takeSchema = (frame: Frame, file: string, offset: number) => this.#schema(frame, file, offset)
    await this.#scan(COMMITS_TABLE_ID, takeCommit)
    await this.#checkDerived(COMMITS_TABLE_ID)
    await this.#scan(CATALOG_TABLE_ID, takeSchema)
    await this.#checkDerived(CATALOG_TABLE_ID)
    this.#replayCatalog()
    for (const { tableId } of this.#tables.values()) {
      if (!isUsers(tableId)) continue
      await this.#scanRows(tableId)
      await this.#checkDerived(tableId)
    }
    this.#replayWal()
    await this.#checkLateDocuments()
    this.#checkCheckpoints()
    this.#checkCatalog()
    if (this.#commitsSound && this.#wal.sound) this.#compare()
    else this.#findings.note(this.#directory, 0, 'the commit log or the WAL is damaged, so events were not counted against it')
    this.#checkColumns()
    this.#reportDocuments()
    this.#checkStatistics()
    await this.#checkIndexes()
  }

  report(tries: number, moving: boolean): VerifyReport {
    const { problems, notes } = this.#findings
    const tables = [...this.#tables.values()].map(({ folder, tableId, manifest, scan }) => ({
      name: this.#catalog.byId(tableId)?.name ?? folder,
      tableId,
      events: scan.trace.count,
      segments: scan.files,
      segmentBytes: scan.bytes,
      checkpointSeq: manifest?.checkpointSeq ?? scan.lastSeq
    }))
    const events = tables.reduce((sum, table) => sum + (table.tableId === COMMITS_TABLE_ID ? 0 : table.events), 0)
    if (moving)
      this.#findings.note(this.#directory, 0, `a writer moved the files during each of ${tries} tries; problems may come from that`)
    const counts = { lastSeq: this.#lastSeq, commits: this.#commits, events, files: this.#files, bytes: this.#doneBytes }
    return { ok: problems.length === 0, problems, notes, ...counts, tables, tries, moving }
  }

  async #scan(tableId: number, sink: EventSink): Promise<void> {
    const table = this.#tables.get(tableId)
    if (table === undefined) return
    const { directory, manifest } = table
    table.scan = await this.#drive(
      checkSegments(this.#io, `${directory}/segments`, tableId, manifest, this.#databaseId, this.#findings, sink)
    )
    this.#files += table.scan.files
  }

  /** What was made of a table's segments. What is wrong in those would be found wrong here too. */
  async #checkDerived(tableId: number): Promise<void> {
    const table = this.#tables.get(tableId)
    if (table?.manifest === undefined || !table.scan.sound) return
    const { directory, manifest } = table
    await this.#drive(checkSnapshots(this.#io, directory, manifest, this.#findings))
    this.#files += manifest.snapshots?.length ?? 0
    if (manifest.pages === undefined) return
    await this.#drive(checkPages(this.#io, `${directory}/snapshots`, tableId, manifest.pages, this.#findings))
    this.#files += manifest.pages.files.length
  }

  /** A user's table: with its documents, and with its columns where the catalog knows it. */
  async #scanRows(tableId: number): Promise<void> {
    const table = this.#tables.get(tableId)
    if (table === undefined) return
    const definition = this.#catalog.byId(tableId)
    const columns = definition === undefined ? undefined : new ColumnCheck(definition)
    if (columns !== undefined) this.#columns.set(tableId, columns)
    const documents = this.#documentCheck(table)
    await this.#scan(tableId, (frame, file, offset) => {
      columns?.take(frame)
      documents.take(frame, file, offset)
    })
    await this.#drive(this.#checkDocuments(table, documents))
  }

  #documentCheck({ tableId, manifest }: Table): DocumentCheck {
    const found = new Findings()
    this.#documents.set(tableId, found)
    const inSegments = manifest?.segments.reduce((sum, segment) => sum + segment.bytes, 0) ?? Number.MAX_SAFE_INTEGER
    const seed = this.#identity?.hashSeed ?? 0
    return new DocumentCheck(inSegments + this.#walEvents.bytesOf(tableId), seed, found, this.#options.documentBytes)
  }

  /** `documents` was told the events of the segments; yields the bytes of those that it is told here. */
  *#checkDocuments(table: Table, documents: DocumentCheck): Generator<number, void> {
    if (!table.scan.sound) return
    yield* told(documents, this.#walEventsOf(table.tableId))
    while (documents.nextPass()) {
      if (table.manifest === undefined && table.scan.files > 0) {
        return this.#findings.note(table.directory, 0, 'without a manifest the documents of some of its keys only were checked')
      }
      yield* told(documents, this.#heldEvents(table))
    }
  }

  /** Those of tables that only the WAL has. */
  async #checkLateDocuments(): Promise<void> {
    for (const table of this.#tables.values()) {
      if (!isUsers(table.tableId) || this.#documents.has(table.tableId)) continue
      await this.#drive(this.#checkDocuments(table, this.#documentCheck(table)))
    }
  }

  /** As with columns. */
  #reportDocuments(): void {
    for (const [tableId, found] of this.#documents) {
      if (this.#tables.get(tableId)?.scan.sound === true && !this.#uneven.has(tableId)) this.#findings.take(found)
    }
  }

  /** Where events are damaged or missing, columns that differ say nothing more. */
  #checkColumns(): void {
    for (const [tableId, columns] of this.#columns) {
      const table = this.#tables.get(tableId)
      if (table?.manifest === undefined || !table.scan.sound || this.#uneven.has(tableId)) continue
      columns.compare(table.manifest, `${table.directory}/meta.json`, this.#findings)
    }
  }

  #checkStatistics(): void {
    for (const { tableId, directory, scan } of this.#tables.values()) {
      if (!isUsers(tableId) || this.#databaseId === undefined || !scan.sound) continue
      const lastSeq = this.#commitsSound && this.#wal.sound ? this.#lastSeq : undefined
      const owner = { tableId, databaseId: this.#databaseId, lastSeq, events: scan.trace.count }
      const bytes = checkStatistics(this.#io, directory, owner, this.#findings)
      this.#doneBytes += bytes
      if (bytes > 0) this.#files++
    }
  }

  async #checkIndexes(): Promise<void> {
    for (const { tableId, directory, manifest, scan } of this.#tables.values()) {
      const definition = this.#catalog.byId(tableId)
      if (definition === undefined || manifest === undefined || this.#databaseId === undefined || !scan.sound) continue
      const table = { definition, directory, databaseId: this.#databaseId, manifest }
      this.#files += await this.#drive(checkIndexes(this.#io, table, this.#findings))
    }
  }

  async #drive<Result>(work: Generator<number, Result> | AsyncGenerator<number, Result>): Promise<Result> {
    for (;;) {
      const step = await work.next()
      if (step.done === true) return step.value
      this.#doneBytes += step.value
      const total = Math.max(this.#totalBytes, this.#doneBytes)
      this.#options.onProgress?.({ phase: 'verify', done: this.#doneBytes, total, unit: 'bytes' })
      await this.#options.breathe?.()
    }
  }

  // Manifests.

  #findTables(): void {
    const folder = `${this.#directory}/tables`
    const names = this.#io.list(folder).filter((name) => this.#io.kind(`${folder}/${name}`) === 'directory')
    // The commit log comes first, then the catalog: what they say is what the others are held against.
    const order = [COMMITS_FOLDER, CATALOG_FOLDER, ...names.filter((name) => name !== COMMITS_FOLDER && name !== CATALOG_FOLDER)]
    const manifests = new Map(order.map((name) => [name, this.#manifest(`${folder}/${name}`)]))
    this.#identity = manifests.get(CATALOG_FOLDER) ?? manifests.get(COMMITS_FOLDER)
    if (this.#identity !== undefined) this.#databaseId = new Uint8Array(Buffer.from(this.#identity.databaseId, 'hex'))
    for (const name of order) {
      const directory = `${folder}/${name}`
      const manifest = manifests.get(name)
      if (manifest !== undefined) this.#checkIdentity(`${directory}/meta.json`, manifest)
      const tableId = name === COMMITS_FOLDER ? COMMITS_TABLE_ID : name === CATALOG_FOLDER ? CATALOG_TABLE_ID : manifest?.tableId
      this.#files++
      if (tableId === undefined) continue
      if (manifest !== undefined && manifest.tableId !== tableId) {
        this.#findings.problem(`${directory}/meta.json`, 0, `belongs to table ${manifest.tableId}, not ${tableId}`)
      }
      this.#add(name, tableId, manifest)
    }
    this.#totalBytes += walBytes(this.#io, `${this.#directory}/wal`)
  }

  #add(folder: string, tableId: number, manifest: Manifest | undefined): void {
    const directory = `${this.#directory}/tables/${folder}`
    const other = this.#tables.get(tableId)
    if (other !== undefined) {
      this.#findings.problem(`${directory}/meta.json`, 0, `table ${tableId} has another folder too: ${other.directory} (CAT-3)`)
      return
    }
    this.#tables.set(tableId, { folder, directory, tableId, manifest, scan: nothingScanned })
    this.#totalBytes += manifest?.segments.reduce((sum, segment) => sum + segment.bytes, 0) ?? 0
  }

  #manifest(directory: string): Manifest | undefined {
    const path = `${directory}/meta.json`
    try {
      const bytes = this.#io.kind(path) === 'file' ? readIfThere(this.#io, path) : undefined
      const manifest = bytes === undefined ? undefined : decodeManifest(bytes, path, FORMAT_VERSION)
      if (manifest === undefined) {
        const what = bytes === undefined ? 'is missing' : 'is damaged'
        this.#findings.problem(path, 0, `the manifest ${what}; the next opening for writing rebuilds it from the segments`)
      }
      if (this.#io.kind(`${path}.tmp`) === 'file') this.#findings.note(`${path}.tmp`, 0, 'a manifest that was not installed')
      return manifest
    } catch (error) {
      this.#findings.thrown(error, path)
      return undefined
    }
  }

  #checkIdentity(path: string, manifest: Manifest): void {
    for (const name of ['databaseId', 'hashSeed', 'created'] as const) {
      const expected = this.#identity?.[name]
      if (manifest[name] !== expected) this.#findings.problem(path, 0, `${name} is ${manifest[name]}, the catalog has ${expected}`)
    }
  }

  // Commits and catalog.

  #commitFrame(frame: Frame, file: string, offset: number): void {
    const commit = decodeCommit(frame.payload)
    if (commit === undefined) return
    this.#commit(commit.firstSeq, frame.seq, frame.time, commit.runs, file, offset)
  }

  #commit(
    firstSeq: number,
    lastSeq: number,
    time: number,
    runs: readonly { readonly tableId: number; readonly count: number }[],
    file: string,
    offset: number
  ): void {
    const fault = (message: string) => {
      this.#commitsSound = false
      this.#findings.problem(file, offset, message)
    }
    const count = runs.reduce((sum, run) => sum + run.count, 0)
    if (firstSeq !== this.#lastSeq + 1) fault(`the commit begins with event ${firstSeq}, expected ${this.#lastSeq + 1} (SEQ-1)`)
    if (count !== lastSeq - firstSeq + 1) fault(`commit ${firstSeq} to ${lastSeq} counts ${count} events (SEQ-2)`)
    if (time < this.#lastTime) fault(`commit ${firstSeq} has time ${time}, the one before it has ${this.#lastTime} (TIM-1)`)
    this.#lastSeq = lastSeq
    this.#lastTime = Math.max(this.#lastTime, time)
    this.#commits++
    if (count !== lastSeq - firstSeq + 1) return
    let seq = firstSeq
    for (const run of runs) {
      let trace = this.#promised.get(run.tableId)
      if (trace === undefined) this.#promised.set(run.tableId, (trace = new EventTrace()))
      for (const end = seq + run.count; seq < end; seq++) trace.add(seq, time, seq < lastSeq)
    }
  }

  #schema(frame: Frame, file: string, offset: number): void {
    try {
      this.#catalog.apply(frame.payload, frame.seq)
    } catch (error) {
      this.#catalogSound = false
      this.#findings.thrown(error, file, offset)
    }
  }

  /** The schema events that only the WAL has, and the tables whose manifest is lost: the catalog knows whose folder it is. */
  #replayCatalog(): void {
    for (const { frame, file, offset } of this.#walEventsOf(CATALOG_TABLE_ID)) this.#schema(frame, file, offset)
    for (const { id, folder } of this.#catalog.tables) {
      const directory = `${this.#directory}/tables/${folder}`
      if (this.#tables.has(id) || this.#io.kind(directory) !== 'directory') continue
      if (this.#io.kind(`${directory}/meta.json`) === 'absent' && this.#io.kind(`${directory}/segments`) === 'absent') continue
      this.#add(folder, id, undefined)
    }
  }

  /** The commits and events that only the WAL has, behind those of the segments. */
  #replayWal(): void {
    const commits = this.#tables.get(COMMITS_TABLE_ID)
    const commitsTo = commits === undefined ? 0 : checkpointOf(commits)
    // A damaged commit log says nothing of where the WAL goes on.
    if (commits?.scan.sound !== true) this.#commitsSound = false
    for (const { path, offset, lastSeq, firstSeq, time, runs } of this.#walBatches()) {
      if (lastSeq > commitsTo && this.#commitsSound && this.#wal.sound) this.#commit(firstSeq, lastSeq, time, runs, path, offset)
    }
    for (const tableId of this.#walEvents.tableIds) {
      for (const { frame } of this.#walEventsOf(tableId)) {
        const table = this.#tables.get(tableId) ?? (this.#catalog.byId(tableId) === undefined ? undefined : this.#lateTable(tableId))
        table?.scan.trace.add(frame.seq, frame.time, frame.more)
      }
    }
  }

  *#walBatches() {
    for (const { path, bytes, records } of this.#wal.images) {
      for (const offset of records) {
        const { firstSeq, count, time, runs } = readRecordHeader(bytes, offset)
        yield { path, bytes, offset, firstSeq, lastSeq: firstSeq + count - 1, time, runs }
      }
    }
  }

  /** Events of the WAL that are not in the segments of their table. */
  #walEventsOf(tableId: number): Iterable<HeldEvent> {
    const table = this.#tables.get(tableId)
    return this.#walEvents.of(tableId, table === undefined ? 0 : checkpointOf(table))
  }

  /** A table whose event is in the WAL and whose folder was not made when the folders were listed. */
  #lateTable(tableId: number): Table {
    const folder = this.#catalog.byId(tableId)?.folder ?? String(tableId)
    const scan = { ...nothingScanned, trace: new EventTrace(), sound: true }
    const table = { folder, directory: `${this.#directory}/tables/${folder}`, tableId, manifest: undefined, scan }
    this.#tables.set(tableId, table)
    return table
  }

  #checkCheckpoints(): void {
    for (const { tableId, directory, manifest, scan } of this.#tables.values()) {
      if (manifest === undefined || !scan.sound) continue
      const path = `${directory}/meta.json`
      const { checkpointSeq } = manifest
      if (scan.lastSeq > checkpointSeq)
        this.#findings.problem(path, 0, `checkpointSeq is ${checkpointSeq}, but event ${scan.lastSeq} is in its segments`)
      if (tableId === COMMITS_TABLE_ID && scan.lastSeq < checkpointSeq) {
        this.#commitsSound = false
        this.#findings.problem(path, 0, `checkpointSeq is ${checkpointSeq}, but the commits end at ${scan.lastSeq}`)
      }
      if (this.#commitsSound && this.#wal.sound && checkpointSeq > this.#lastSeq) {
        this.#findings.problem(path, 0, `checkpointSeq is ${checkpointSeq}, but the last event is ${this.#lastSeq}`)
      }
    }
  }

  #checkCatalog(): void {
    const catalogTable = this.#tables.get(CATALOG_TABLE_ID)
    if (catalogTable?.scan.sound !== true) this.#catalogSound = false
    const inSegments = catalogTable === undefined ? 0 : checkpointOf(catalogTable)
    for (const definition of this.#catalog.tables) this.#checkDefinition(definition, definition.createdSeq <= inSegments)
    if (!this.#catalogSound) return
    const known = new Set([COMMITS_FOLDER, CATALOG_FOLDER, ...this.#catalog.tables.map((table) => table.folder)])
    for (const name of this.#io.list(`${this.#directory}/tables`)) {
      if (!known.has(name)) this.#findings.note(`${this.#directory}/tables/${name}`, 0, 'the catalog knows no table with this folder')
    }
  }

  #checkDefinition(definition: TableDefinition, isOld: boolean): void {
    const { id, name, folder, createdSeq } = definition
    const directory = `${this.#directory}/tables/${folder}`
    if (this.#io.kind(directory) !== 'directory') {
      if (isOld) this.#findings.problem(directory, 0, `the folder of table ${name} is missing`)
      else this.#findings.note(directory, 0, `the folder of table ${name} is not made yet`)
      return
    }
    const table = this.#tables.get(id)
    if (table !== undefined && table.folder !== folder) {
      this.#findings.problem(`${table.directory}/meta.json`, 0, `table ${id} (${name}) belongs into folder ${folder} (CAT-3)`)
    }
    const first = table?.scan.trace.firstSeq ?? 0
    if (first !== 0 && first <= createdSeq) {
      this.#findings.problem(directory, 0, `table ${name} was made by event ${createdSeq} and has event ${first} (CAT-1)`)
    }
    const schema = `${directory}/schema.yaml`
    const text = this.#io.kind(schema) === 'file' ? readIfThere(this.#io, schema) : undefined
    if (text === undefined) this.#findings.note(schema, 0, 'schema.yaml is missing; nothing reads it, the catalog counts')
    else if (Buffer.from(text).toString() !== schemaYaml(definition)) {
      this.#findings.note(schema, 0, 'schema.yaml says something else than the catalog; nothing reads it, the catalog counts')
    }
  }

  // The commit log against the events.

  #compare(): void {
    for (const tableId of new Set([...this.#promised.keys(), ...this.#tables.keys()])) {
      if (tableId === COMMITS_TABLE_ID) continue
      const promised = this.#promised.get(tableId) ?? new EventTrace()
      const table = this.#tables.get(tableId)
      if (table === undefined) {
        const where = `${this.#directory}/tables`
        this.#findings.problem(
          where,
          0,
          `the commit log counts ${promised.count} events of table ${tableId}, which has no folder with a manifest`
        )
      } else if (table.scan.sound && !table.scan.trace.equals(promised)) {
        this.#uneven.add(tableId)
        this.#locate(table, promised)
      }
    }
  }

  /** Reads once more, to name the first event that the commit log and the table's files do not agree on. */
  #locate(table: Table, promised: EventTrace): void {
    const { count } = table.scan.trace
    const sums = `${count} events in its files, the commit log counts ${promised.count}`
    const expected = this.#promisedEvents(table.tableId)
    let last = { file: `${table.directory}/segments`, offset: 0 }
    for (const { frame, file, offset } of this.#heldEvents(table)) {
      last = { file, offset }
      const next = expected.next()
      const same = next.done !== true && next.value.seq === frame.seq && next.value.time === frame.time && next.value.more === frame.more
      if (same) continue
      const what = next.done === true ? 'no further event' : `event ${next.value.seq} of time ${next.value.time}`
      return this.#findings.problem(file, offset, `event ${frame.seq} of time ${frame.time} where the commit log has ${what}: ${sums}`)
    }
    const missing = expected.next()
    const what = missing.done === true ? 'the files changed meanwhile' : `event ${missing.value.seq} is missing behind this one`
    this.#findings.problem(last.file, last.offset, `${what}: ${sums}`)
  }

  *#promisedEvents(tableId: number): Generator<{ seq: number; time: number; more: boolean }, void> {
    for (const { firstSeq, lastSeq, time, runs } of this.#commitRuns()) {
      let seq = firstSeq
      for (const run of runs) {
        for (const end = seq + run.count; seq < end; seq++) if (run.tableId === tableId) yield { seq, time, more: seq < lastSeq }
      }
    }
  }

  *#commitRuns() {
    const commits = this.#tables.get(COMMITS_TABLE_ID)
    if (commits?.manifest !== undefined) {
      for (const { frame } of framesOf(this.#io, `${commits.directory}/segments`, commits.manifest)) {
        const commit = decodeCommit(frame.payload)
        if (commit !== undefined) yield { firstSeq: commit.firstSeq, lastSeq: frame.seq, time: frame.time, runs: commit.runs }
      }
    }
    const done = commits === undefined ? 0 : checkpointOf(commits)
    for (const batch of this.#walBatches()) if (batch.lastSeq > done) yield batch
  }

  *#heldEvents(table: Table): Generator<HeldEvent, void> {
    if (table.manifest !== undefined) yield* framesOf(this.#io, `${table.directory}/segments`, table.manifest)
    yield* this.#walEventsOf(table.tableId)
  }
}

function* told(documents: DocumentCheck, events: Iterable<HeldEvent>): Generator<number, void> {
  let bytes = 0
  for (const { frame, file, offset } of events) {
    documents.take(frame, file, offset)
    bytes += frame.payload.length
    if (bytes < PIECE_BYTES) continue
    yield bytes
    bytes = 0
  }
  if (bytes > 0) yield bytes
}

function isUsers(tableId: number): boolean {
  return tableId !== COMMITS_TABLE_ID && tableId !== CATALOG_TABLE_ID
}

/** Up to where a table's events are in its segments. */
function checkpointOf({ manifest, scan }: Table): number {
  return manifest?.checkpointSeq ?? scan.lastSeq
}

/** 0 where the file went away meanwhile. */
function sizeIfThere(io: Io, path: string): number {
  try {
    const file = io.openRead(path)
    try {
      return file.size()
    } finally {
      file.close()
    }
  } catch (error) {
    if (io.kind(path) === 'absent') return 0
    throw error
  }
}

function walBytes(io: Io, directory: string): number {
  if (io.kind(directory) !== 'directory') return 0
  let bytes = 0
  for (const name of io.list(directory).filter((file) => file.startsWith('wal.log'))) {
    bytes += sizeIfThere(io, `${directory}/${name}`)
  }
  return bytes
}
