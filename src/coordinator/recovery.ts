import { DriftError } from '../base/errors.js'
import { CATALOG_TABLE_ID, COMMITS_TABLE_ID, COMMITS_TABLE_NAME } from '../base/ids.js'
import type { Log } from '../base/log.js'
import { Catalog, type SchemaEvent, type TableDefinition } from '../catalog/catalog.js'
import { schemaYaml } from '../catalog/schema-yaml.js'
import { decodeValue } from '../codec/document-codec.js'
import { FILE_HEADER_BYTES, FORMAT_VERSION } from '../format/file-header.js'
import { EVENT_SCHEMA, frameBytes, readFrame } from '../format/frame.js'
import { decodeManifest, type Manifest, type ManifestSnapshot, pageFilesOf } from '../format/manifest.js'
import { readRecordHeader, recordFramesOffset, type RecordHeader } from '../format/wal-record.js'
import { readWhole, type Io } from '../io/io.js'
import { CommitLog } from '../mvcc/commit-log.js'
import type { VersionBlocksOptions } from '../mvcc/version-blocks.js'
import type { LogBytes } from '../mvcc/version-frames.js'
import type { BlockCache } from '../segment/block-cache.js'
import type { SegmentSummary } from '../segment/block-builder.js'
import { describeSegment, loadSegment, loadSegments, surveySegments, type FrameSink } from '../segment/load-segments.js'
import { SegmentReader } from '../segment/segment-reader.js'
import { SnapshotReader } from '../snapshot/snapshot-reader.js'
import { cutTornTail, readWal, syncWal, type WalImage } from '../wal/read-wal.js'
import { removeWalFiles } from '../wal/wal-file.js'
import { Checkpoint, TableWriter, type DatabaseIdentity, type TableColumns, type TableFiles } from '../writer/checkpoint.js'
import { makeTableFolder } from '../writer/writer.js'
import { removeStrayIndexFiles } from './stray-index-files.js'
import { TableState } from './table-state.js'

/** Names of the two system tables' folders, written as they are. */
export const CATALOG_FOLDER = 'drift.catalog'
export const COMMITS_FOLDER = COMMITS_TABLE_NAME

export type Recovered = {
  readonly identity: DatabaseIdentity
  readonly catalog: Catalog
  readonly tables: Map<number, TableState>
  readonly commits: CommitLog
  readonly lastSeq: number
  readonly lastTime: number
  /** Number of the next WAL file. */
  readonly walNumber: number
  /** Files of every table, the system's two included, as the writer needs them. */
  readonly files: TableFiles[]
  /** Tables whose files are damaged. */
  readonly damaged: readonly TableState[]
  /** WAL images whose events are not in segments: the log of a read-only opening. */
  readonly images: readonly WalImage[]
  readonly report: RecoveryReport
  /** Takes a schema event that was just declared. */
  readonly takeSchema: (event: SchemaEvent, seq: number) => void
}

export type RecoveryReport = {
  readonly eventsFromSnapshots: number
  /** Behind those of the snapshots. */
  readonly eventsFromSegments: number
  readonly eventsFromWal: number
  readonly tornBytes: number
  readonly cleanlyClosed: boolean
  readonly rebuiltManifests: number
  /** Tables whose columns stood in no manifest and were found in their segments. */
  readonly rebuiltColumns: number
}

export type RecoveryOptions = {
  readonly io: Io
  readonly directory: string
  readonly cache: BlockCache
  /** Of the versions of all tables, and where they go that have no room in it. */
  readonly versions: VersionBlocksOptions
  readonly readOnly: boolean
  /** Bytes of events that no segment has; asked when a version in the log is read. */
  readonly log: LogBytes
  readonly logger: Log
  /** Lets the event loop turn, now and then. */
  readonly breathe: () => Promise<void>
}

/**
 * Opening, after a clean close and after a crash alike:
 *
 * 1. read the manifests; a lost or damaged one is rebuilt from its segments, and proved by the commit log's counts;
 * 2. load catalog, commit log and tables from their segments, verifying every byte (bytes past a manifest's length do not count);
 * 3. read the WAL, and replay for each table the events behind its own checkpointSeq: a commit over two tables is whole even where a
 *    crash came between two manifests;
 * 4. unless read-only: cut a torn tail, move what was replayed into segments, and remove the WAL. No state is served before.
 *
 * Damage in one table marks that table; damage in the WAL, the catalog or the commit log refuses the opening.
 */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { io, directory, cache, logger } = options
  const tablesDirectory = `${directory}/tables`
  const walDirectory = `${directory}/wal`
  const images = readWal(io, walDirectory)
  // Beside a living writer nothing is shown that a power cut could still take.
  if (options.readOnly) syncWal(io, images)
  const report = {
    eventsFromSnapshots: 0,
    eventsFromSegments: 0,
    eventsFromWal: 0,
    tornBytes: 0,
    cleanlyClosed: images.at(-1)?.closed ?? false,
    rebuiltManifests: 0,
    rebuiltColumns: 0
  }

  const read = (folder: string, tableId: number, twin: string, seqMax?: number): Manifest => {
    const { manifest, rebuilt } = readManifest(io, tablesDirectory, folder, tableId, twin, seqMax)
    if (rebuilt) {
      report.rebuiltManifests++
      logger.warn({ folder }, 'meta.json was lost or damaged and is rebuilt from the segments')
    }
    return manifest
  }
  const commitsManifest = read(COMMITS_FOLDER, COMMITS_TABLE_ID, CATALOG_FOLDER)
  const catalogManifest = read(CATALOG_FOLDER, CATALOG_TABLE_ID, COMMITS_FOLDER, commitsManifest.checkpointSeq)
  const identity: DatabaseIdentity = {
    databaseId: new Uint8Array(Buffer.from(catalogManifest.databaseId, 'hex')),
    hashSeed: catalogManifest.hashSeed,
    created: catalogManifest.created
  }

  // The two system tables.
  const catalog = new Catalog()
  const takeSchema = (source: Uint8Array, from: number, to: number) => {
    for (let at = from; at < to; at += frameBytes(source, at)) {
      const frame = readFrame(source, at)
      if (frame.event === EVENT_SCHEMA) catalog.apply(frame.payload, frame.seq)
    }
  }
  const catalogSegments = await load(options, CATALOG_FOLDER, catalogManifest, takeSchema)
  const commitSegments = await load(options, COMMITS_FOLDER, commitsManifest, () => {})
  const commits = new CommitLog(new SegmentReader(io, `${tablesDirectory}/${COMMITS_FOLDER}/segments`, cache, commitSegments))
  let lastSeq = commitSegments.at(-1)?.lastSeq ?? 0
  let lastTime = commitSegments.at(-1)?.lastTime ?? 0
  if (commitsManifest.checkpointSeq > lastSeq) throw corruptCommits(directory, commitsManifest.checkpointSeq, lastSeq)

  // The WAL's schema events come before any table is loaded: a table may be younger than the last checkpoint.
  const records = batchesOf(images)
  for (const { image, offset, header } of records) {
    if (header.firstSeq + header.count - 1 <= catalogManifest.checkpointSeq) continue
    forRuns(image, offset, header, (tableId, from, to) => {
      if (tableId === CATALOG_TABLE_ID) takeSchema(image.bytes, from, to)
    })
  }

  const files: TableFiles[] = [
    {
      tableId: CATALOG_TABLE_ID,
      directory: `${tablesDirectory}/${CATALOG_FOLDER}`,
      checkpointSeq: catalogManifest.checkpointSeq,
      segments: catalogSegments
    },
    {
      tableId: COMMITS_TABLE_ID,
      directory: `${tablesDirectory}/${COMMITS_FOLDER}`,
      checkpointSeq: commitsManifest.checkpointSeq,
      segments: commitSegments
    }
  ]
  const tables = new Map<number, TableState>()
  const missing: TableDefinition[] = []
  /** Tables whose manifests do not say what is known now. */
  const toInstall = new Set<number>()
  for (const definition of catalog.tables) {
    const isNew = definition.createdSeq > catalogManifest.checkpointSeq
    const readTable = () => read(definition.folder, definition.id, COMMITS_FOLDER, commitsManifest.checkpointSeq)
    const table = await loadTable(options, identity, definition, readTable, isNew, missing)
    tables.set(definition.id, table)
    report.eventsFromSnapshots += table.restoredCount
    report.eventsFromSegments += table.versions.count - table.restoredCount
    if (table.versions.count > 0 && table.columnsThrough < table.checkpointSeq) {
      report.rebuiltColumns++
      toInstall.add(definition.id)
      logger.warn({ table: definition.name }, 'the columns of a table stood in no manifest and were found in its segments')
    }
    // A manifest that names a snapshot which is of no use is written again.
    if (table.hasStaleSnapshots) toInstall.add(definition.id)
    files.push({
      tableId: definition.id,
      directory: table.directory,
      checkpointSeq: table.checkpointSeq,
      segments: table.segments.segments,
      columns: table.columns.stored(table.checkpointSeq),
      snapshots: table.snapshots,
      pages: table.pages
    })
  }
  if (report.rebuiltManifests > 0) for (const { tableId } of files) toInstall.add(tableId)
  if (report.rebuiltManifests > 0) await proveCounts(options, commitsManifest, tables)
  const damaged = [...tables.values()].filter((table) => table.damage !== undefined)

  // Replay.
  for (const [index, { image, imageNumber, offset, header }] of records.entries()) {
    const last = header.firstSeq + header.count - 1
    if (last <= lastSeq && last <= commitsManifest.checkpointSeq) {
      // In the commit log already; a table may still be behind it.
    } else {
      if (header.firstSeq !== lastSeq + 1) throw gap(image, offset, lastSeq + 1, header.firstSeq)
      lastSeq = last
      lastTime = header.time
      commits.append(header.firstSeq, last, header.time, header.metadata, header.runs)
    }
    forRuns(image, offset, header, (tableId, from, to) => {
      const table = tables.get(tableId)
      if (table === undefined || table.damage !== undefined || last <= table.checkpointSeq) return
      report.eventsFromWal += table.replay(image.bytes, from, to, imageNumber)
    })
    if (index % 1024 === 1023) await options.breathe()
  }

  const lastImage = images.at(-1)
  report.tornBytes = lastImage?.tornBytes ?? 0
  const walNumber = (lastImage?.number ?? 0) + 1
  if (!options.readOnly && damaged.length === 0) {
    if (lastImage !== undefined && lastImage.tornBytes > 0) {
      const kept = cutTornTail(io, walDirectory, lastImage, lastSeq)
      logger.warn({ file: lastImage.path, offset: lastImage.end, bytes: lastImage.tornBytes, kept }, 'a torn group was cut from the WAL')
    }
    for (const definition of missing) {
      const table = tables.get(definition.id)
      const empty = files.find((candidate) => candidate.tableId === definition.id)
      if (table !== undefined && empty !== undefined)
        makeTableFolder(io, new TableWriter(io, identity, empty), identity, schemaYaml(definition))
    }
    await moveIntoSegments(options, identity, files, tables, commits, records, lastSeq, toInstall)
    removeOrphans(io, tablesDirectory, catalog, files, logger)
    for (const { definition, directory: folder } of tables.values()) removeStrayIndexFiles(io, folder, identity.databaseId, definition)
    if (lastImage !== undefined) {
      // The active file takes its number as a name first, so that a crash right here leaves no gap and no second wal.log.
      io.rename(lastImage.path, `${walDirectory}/wal.log.${lastImage.number}`)
      removeWalFiles(io, walDirectory, lastImage.number)
    }
  }
  // Where everything was moved into segments, the WAL's bytes need not stay in memory.
  const isServedFromLog = options.readOnly || damaged.length > 0
  const takeEvent = (event: SchemaEvent, seq: number) => {
    catalog.add(event, seq)
    const { table } = event
    if (event.kind === 'create-table') tables.set(table.id, emptyTable(options, identity, table))
    else tables.get(table.id)?.redefine(table)
  }
  return {
    identity,
    catalog,
    tables,
    commits,
    lastSeq,
    lastTime,
    walNumber,
    files,
    damaged,
    images: isServedFromLog ? images : [],
    report,
    takeSchema: takeEvent
  }
}

type Batch = { readonly image: WalImage; readonly imageNumber: number; readonly offset: number; readonly header: RecordHeader }

function batchesOf(images: readonly WalImage[]): Batch[] {
  return images.flatMap((image, imageNumber) =>
    image.records.map((offset) => ({ image, imageNumber, offset, header: readRecordHeader(image.bytes, offset) }))
  )
}

function forRuns(image: WalImage, offset: number, header: RecordHeader, take: (tableId: number, from: number, to: number) => void): void {
  let at = recordFramesOffset(image.bytes, offset)
  for (const run of header.runs) {
    take(run.tableId, at, at + run.bytes)
    at += run.bytes
  }
}

async function load(
  { io, directory, breathe }: RecoveryOptions,
  folder: string,
  manifest: Manifest,
  sink: FrameSink
): Promise<SegmentSummary[]> {
  const loading = loadSegments(io, `${directory}/tables/${folder}/segments`, manifest, sink)
  for (;;) {
    const step = loading.next()
    if (step.done === true) return step.value
    await breathe()
  }
}

async function loadTable(
  options: RecoveryOptions,
  identity: DatabaseIdentity,
  definition: TableDefinition,
  read: () => Manifest,
  isNew: boolean,
  missing: TableDefinition[]
): Promise<TableState> {
  const { io, directory } = options
  const folder = `${directory}/tables/${definition.folder}`
  const make = () => emptyTable(options, identity, definition)
  const table = make()
  try {
    if (io.kind(`${folder}/segments`) === 'absent') {
      // The folder is made after the table's event is durable, and before any checkpoint: only a crash in between leaves none.
      if (!isNew) throw new DriftError('CORRUPT', `${folder} is lost`, { file: folder, offset: 0 })
      missing.push(definition)
      return table
    }
    const manifest = read()
    const restored = restoreColumns(table, manifest) ? await restoreTable(options, table, manifest) : undefined
    if (restored !== undefined) return withPages(io, restored, manifest)
    const scanned = make()
    restoreColumns(scanned, manifest)
    scanned.hasStaleSnapshots = (manifest.snapshots ?? []).length > 0
    return withPages(io, await scanTable(options, scanned, manifest), manifest)
  } catch (error) {
    const damage = DriftError.from(error, folder)
    if (damage.kind !== 'data') throw damage
    options.logger.error({ table: definition.name, code: damage.code, ...damage.details }, 'a table is damaged; its reads will fail')
    const refused = make()
    refused.damage = damage
    return refused
  }
}

/** The snapshot of its pages is read when a scan first asks for them; here only whether it can be the table's. */
function withPages(io: Io, table: TableState, { pages, checkpointSeq }: Manifest): TableState {
  if (pages === undefined) return table
  const isThere = pageFilesOf(pages).every((name) => io.kind(`${table.directory}/snapshots/${name}`) === 'file')
  if (isThere && pages.seq <= checkpointSeq) table.pages = pages
  else table.hasStaleSnapshots = true
  return table
}

/** False where the manifest has none that can be used: then every event is looked at. */
function restoreColumns(table: TableState, manifest: Manifest): boolean {
  if (!table.columns.restore(manifest.columns, manifest.checkpointSeq)) return false
  table.columnsThrough = manifest.checkpointSeq
  return true
}

/** All frames of a table's segments, in order. */
async function scanTable(options: RecoveryOptions, table: TableState, manifest: Manifest): Promise<TableState> {
  const bytes = manifest.segments.reduce((sum, segment) => sum + segment.bytes, 0)
  const segments = await load(options, table.definition.folder, manifest, (source, from, to, place) => {
    table.replay(source, from, to, undefined)
    // As many keys as there will be if new ones go on to come at this rate.
    table.keys.reserve(Math.ceil((table.keys.count * bytes) / (place + to - from)))
  })
  table.flushThrough(manifest.checkpointSeq, segments)
  return table
}

/**
 * A table from its snapshots, and from the segments behind them; sealed segments that the snapshots have are not read. Undefined where
 * there is no snapshot, or one that is damaged, lost, or does not agree with the segments: the segments say the same.
 */
async function restoreTable(options: RecoveryOptions, table: TableState, manifest: Manifest): Promise<TableState | undefined> {
  const { snapshots = [] } = manifest
  if (snapshots.length === 0) return undefined
  let restored: TableState | undefined
  try {
    restored = await restoreChain(options, table, manifest, snapshots)
  } catch (error) {
    // Versions behind the snapshots may lead to a damaged block of theirs.
    const damage = DriftError.from(error, table.directory)
    if (damage.kind !== 'data' || !snapshots.some(({ file }) => damage.details['file'] === `${table.directory}/snapshots/${file}`))
      throw error
    warnOfDamage(options.logger, table, damage)
  }
  if (restored === undefined) table.close()
  return restored
}

function warnOfDamage(logger: Log, table: TableState, { code, details }: DriftError): void {
  logger.warn({ table: table.definition.name, code, ...details }, 'a snapshot is damaged; the segments are read instead')
}

async function restoreChain(
  options: RecoveryOptions,
  table: TableState,
  manifest: Manifest,
  snapshots: readonly ManifestSnapshot[]
): Promise<TableState | undefined> {
  const { io, breathe, logger } = options
  const readers: SnapshotReader[] = []
  try {
    for (const snapshot of snapshots) readers.push(SnapshotReader.open(io, `${table.directory}/snapshots`, manifest.tableId, snapshot))
    const steps = table.restore(readers)
    while (steps.next().done !== true) await breathe()
  } catch (error) {
    for (const reader of readers) reader.close()
    const damage = DriftError.from(error, table.directory)
    if (damage.kind !== 'data' && damage.code !== 'DRIFT_IO') throw damage
    warnOfDamage(logger, table, damage)
    return undefined
  }
  const known = table.nextPlace
  const restored = table.versions.count
  const directory = `${table.directory}/segments`
  const segments: SegmentSummary[] = []
  let origin = 0
  let events = 0
  for (const segment of manifest.segments) {
    const isKnown = origin + segment.bytes <= known
    const described = isKnown ? describeSegment(io, directory, manifest.tableId, segment, origin) : undefined
    if (described !== undefined) {
      segments.push(described)
      events += described.count
    } else {
      const loading = loadSegment(io, directory, manifest.tableId, segment, origin, (source, from, to, place) => {
        let at = from
        for (; at < to && place + at - from < known; at += frameBytes(source, at)) events++
        table.replay(source, at, to, undefined)
      })
      let step = loading.next()
      for (; step.done !== true; step = loading.next()) await breathe()
      segments.push(step.value)
    }
    origin += segment.bytes
  }
  if (events !== restored || origin < known) {
    logger.warn(
      { table: table.definition.name, expected: events, found: restored },
      'a snapshot does not agree with the segments, which are read instead'
    )
    return undefined
  }
  table.snapshots = snapshots
  table.restoredCount = restored
  table.flushThrough(manifest.checkpointSeq, segments)
  return table
}

function emptyTable(
  { io, directory, cache, log, versions, logger }: RecoveryOptions,
  identity: DatabaseIdentity,
  definition: TableDefinition
): TableState {
  const folder = `${directory}/tables/${definition.folder}`
  return new TableState(definition, folder, identity.hashSeed, new SegmentReader(io, `${folder}/segments`, cache, []), log, {
    ...versions,
    log: logger
  })
}

/**
 * A table's manifest; a lost or damaged one is made from the segments. What all manifests have in common is taken from `twin`'s, and
 * events past `seqMax`, the commit log's end, do not count: a checkpoint that was not finished wrote them, and the WAL has them.
 */
function readManifest(
  io: Io,
  tablesDirectory: string,
  folder: string,
  tableId: number,
  twin: string,
  seqMax: number | undefined
): { manifest: Manifest; rebuilt: boolean } {
  const load = (name: string): Manifest | undefined => {
    const path = `${tablesDirectory}/${name}/meta.json`
    return io.kind(path) === 'file' ? decodeManifest(readWhole(io, path), path, FORMAT_VERSION) : undefined
  }
  const path = `${tablesDirectory}/${folder}/meta.json`
  const found = load(folder)
  if (found !== undefined) {
    if (found.tableId === tableId) return { manifest: found, rebuilt: false }
    throw new DriftError('CORRUPT', `${path} belongs to table ${found.tableId}, not ${tableId}`, {
      file: path,
      expected: tableId,
      found: found.tableId
    })
  }
  // The commit log's own twin is the catalog, and the other way round; of any other table both will do.
  const common = load(twin) ?? (twin === COMMITS_FOLDER && folder !== CATALOG_FOLDER ? load(CATALOG_FOLDER) : undefined)
  if (common === undefined) {
    const other = `${tablesDirectory}/${twin}/meta.json`
    throw new DriftError('CORRUPT', `${path} and ${other} are both lost or damaged: the database's id cannot be told`, {
      file: path,
      offset: 0
    })
  }
  const survey = surveySegments(io, `${tablesDirectory}/${folder}/segments`, tableId, seqMax)
  // Up to there the commit log is complete, so this table is too: its counts are proved.
  const { pages: _, ...others } = common
  return { manifest: { ...others, snapshots: [], tableId, ...survey, checkpointSeq: seqMax ?? survey.checkpointSeq }, rebuilt: true }
}

/** A table whose manifest was rebuilt must have as many events as the commit log says; else some of its files are gone. */
async function proveCounts(options: RecoveryOptions, commitsManifest: Manifest, tables: ReadonlyMap<number, TableState>): Promise<void> {
  const counts = new Map<number, number>()
  await load(options, COMMITS_FOLDER, commitsManifest, (source, from, to) => {
    for (let at = from; at < to; at += frameBytes(source, at)) {
      const frame = readFrame(source, at)
      const [, runs] = decodeValue(frame.payload) as [number, [number, number][]]
      for (const [tableId, count] of runs) {
        if (frame.seq <= (tables.get(tableId)?.checkpointSeq ?? -1)) counts.set(tableId, (counts.get(tableId) ?? 0) + count)
      }
    }
  })
  for (const [tableId, table] of tables) {
    const expected = counts.get(tableId) ?? 0
    if (table.damage !== undefined || table.versions.count === expected) continue
    const details = { file: table.directory, offset: 0, expected, found: table.versions.count }
    table.damage = new DriftError(
      'CORRUPT',
      `${table.directory}: ${table.versions.count} events, but the commit log counts ${expected}`,
      details
    )
  }
}

/** The checkpoint of an opening: everything that only the WAL has goes into segments, on this thread, before anything is served. */
async function moveIntoSegments(
  options: RecoveryOptions,
  identity: DatabaseIdentity,
  files: TableFiles[],
  tables: ReadonlyMap<number, TableState>,
  commits: CommitLog,
  records: readonly Batch[],
  lastSeq: number,
  toInstall: ReadonlySet<number>
): Promise<void> {
  const { io } = options
  const writers = new Map(files.map((table) => [table.tableId, new TableWriter(io, identity, table)]))
  cutSegments(io, files)
  let next = 0
  const source = () => {
    const batch = records[next++]
    return batch === undefined ? undefined : { source: batch.image.bytes, offset: batch.offset }
  }
  const columns = [...tables].map(([tableId, table]): TableColumns => ({ tableId, columns: table.columns.stored(lastSeq) }))
  const checkpoint = new Checkpoint(io, identity, writers, source, lastSeq, columns)
  checkpoint.installAlso([...writers.values()].filter((writer) => toInstall.has(writer.tableId)))
  for (let outcome = checkpoint.step(); outcome !== 'done'; outcome = checkpoint.step()) {
    if (outcome === 'waiting') await checkpoint.waiting
    else await options.breathe()
  }
  for (const changed of checkpoint.result.tables) {
    tables.get(changed.tableId)?.flushThrough(lastSeq, changed.segments)
    const writer = writers.get(changed.tableId)
    if (writer === undefined) continue
    if (changed.tableId === COMMITS_TABLE_ID) commits.flushThrough(lastSeq, writer.appender.segments)
    const at = files.findIndex((table) => table.tableId === changed.tableId)
    const { tableId, directory, snapshots, pages, columns: kept } = writer
    const moved = { tableId, directory, checkpointSeq: lastSeq, segments: writer.appender.segments, snapshots, pages }
    files[at] = kept === undefined ? moved : { ...moved, columns: kept }
    writer.appender.close()
  }
}

/** Cuts each active segment to its manifest's length and removes files of segments and snapshots that no manifest names. */
function cutSegments(io: Io, files: readonly TableFiles[]): void {
  for (const { directory, segments, snapshots = [], pages } of files) {
    const whole = new Set([...snapshots.map((snapshot) => snapshot.file), ...pageFilesOf(pages)])
    const found = io.kind(`${directory}/snapshots`) === 'directory' ? io.list(`${directory}/snapshots`) : []
    for (const name of found) if (!whole.has(name)) io.remove(`${directory}/snapshots/${name}`)
    const folder = `${directory}/segments`
    const live = new Map(segments.map((segment) => [segment.file, segment]))
    for (const name of io.list(folder)) if (!live.has(name)) io.remove(`${folder}/${name}`)
    const last = segments.at(-1)
    if (last === undefined || last.sealed) continue
    const file = io.openWrite(`${folder}/${last.file}`)
    const end = FILE_HEADER_BYTES + last.bytes
    if (file.size() > end) {
      file.truncate(end)
      file.sync()
    }
    file.close()
  }
}

/** Folders of tables whose event did not survive the crash that came right after their making. */
function removeOrphans(io: Io, tablesDirectory: string, catalog: Catalog, files: readonly TableFiles[], logger: Log): void {
  const known = new Set([...files.map((table) => table.directory), ...catalog.tables.map((table) => `${tablesDirectory}/${table.folder}`)])
  for (const name of io.list(tablesDirectory)) {
    const folder = `${tablesDirectory}/${name}`
    if (known.has(folder) || io.kind(folder) !== 'directory') continue
    if (io.kind(`${folder}/segments`) === 'directory' && io.list(`${folder}/segments`).length > 0) {
      logger.warn({ folder }, 'a folder with segments belongs to no table of the catalog; it is left alone')
      continue
    }
    io.remove(folder)
    io.syncDirectory(tablesDirectory)
    logger.warn({ folder }, 'the folder of a table that was never acknowledged is removed')
  }
}

function gap(image: WalImage, offset: number, expected: number, found: number): DriftError {
  return new DriftError('CORRUPT', `${image.path}: the batch at offset ${offset} begins with seq ${found}, expected ${expected} (SEQ-1)`, {
    file: image.path,
    offset,
    expected,
    found
  })
}

function corruptCommits(directory: string, expected: number, found: number): DriftError {
  const file = `${directory}/tables/${COMMITS_FOLDER}`
  return new DriftError('CORRUPT', `${file}: commits end at seq ${found}, its manifest says ${expected}`, {
    file,
    offset: 0,
    expected,
    found
  })
}
