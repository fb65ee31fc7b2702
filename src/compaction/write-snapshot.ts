import { DriftError } from '../base/errors.js'
import { CODEC_PLAIN, packBlock, packBlockWell, type StoredBytes } from '../codec/block-codec.js'
import { crc32 } from '../codec/checksum.js'
import { decodeDocument, encodeDocument, encodeValue } from '../codec/document-codec.js'
import { compareKeys } from '../codec/key-codec.js'
import { shapeKey } from '../codec/shape-key.js'
import { writeU32 } from '../format/bytes.js'
import { encodeFileHeader, FILE_FLAG_BLOCKS, FILE_HEADER_BYTES, FILE_KIND_SNAPSHOT } from '../format/file-header.js'
import { numberedFile, type ManifestSegment, type ManifestSnapshot } from '../format/manifest.js'
import { encodeNumbers } from '../format/number-column.js'
import {
  COLUMN_BEGIN,
  COLUMN_DOCUMENT,
  COLUMN_END,
  COLUMN_FRAME_BYTES,
  COLUMN_INFO,
  COLUMN_KEY,
  COLUMN_KEY_HASH,
  COLUMN_ORDINAL,
  COLUMN_PAGE_KEY,
  COLUMN_SEQ,
  COLUMN_SHAPE,
  COLUMN_SHAPES,
  encodeSnapshotEnd,
  type SnapshotBlock,
  type SnapshotEnd
} from '../format/snapshot-file.js'
import type { KeyIndex } from '../index/key-index.js'
import type { File, Io } from '../io/io.js'
import { VersionFrames } from '../mvcc/version-frames.js'
import type { VersionStore } from '../mvcc/version-store.js'
import { BlockCache } from '../segment/block-cache.js'
import type { SegmentSummary } from '../segment/block-builder.js'
import { SegmentReader } from '../segment/segment-reader.js'
import { SnapshotReader } from '../snapshot/snapshot-reader.js'
import { RowsBehind } from './rows-behind.js'
import { replayTable, type TableReplay } from './table-replay.js'

/** A snapshot of one table up to a checkpoint. Plain data, crosses threads. */
export type SnapshotJob = {
  /** The table's folder. */
  readonly directory: string
  readonly databaseId: Uint8Array
  readonly hashSeed: number
  readonly tableId: number
  /** Every event of the table up to here is in the segments, and none behind it. */
  readonly seq: number
  readonly segments: readonly ManifestSegment[]
  /** The chain that is live. */
  readonly snapshots: readonly ManifestSnapshot[]
}

export type SnapshotResult = {
  /** The chain with the new snapshot; the old one where there was nothing new. */
  readonly snapshots: readonly ManifestSnapshot[]
  /** Bytes that were written. */
  readonly bytes: number
}

/** A snapshot of the chain is merged into the new one if it has at most this many times the events that are to be written anyway. */
const GROWTH = 2
/** Versions of one group of an opening's columns. */
const GROUP_VERSIONS = 1 << 16
const PAGE_ROWS = 16_384
const PAGE_BYTES = 2 * 1024 * 1024
/** Documents that are in memory at once, sorted by key: one slice of time. */
const SLICE_BYTES = 64 * 1024 * 1024
const SLICE_VERSIONS = 1 << 16
/** Blocks of segments that stay in memory while documents are folded. */
const CACHE_BYTES = 128 * 1024 * 1024
const SYNC_BYTES = 4 * 1024 * 1024

/**
 * Writes the events behind the chain's end, and behind as much of the chain as is worth merging, into one new file (a thread of the
 * compaction pool, or the caller's). A chain is at most log2(events) long, and an event is written again at most that many times.
 *
 * 1. keys and versions come from the chain and from the segments behind it, as in an opening; a damaged chain is not built upon;
 * 2. the opening's columns, in seq order; then, a slice of time each, the pages, sorted by key and begin;
 * 3. every block is read back and proved, the file gets its name, the folder is synced. The writer makes it live.
 *
 * Yields the bytes that it went through.
 */
export async function* writeSnapshot(io: Io, job: SnapshotJob): AsyncGenerator<number, SnapshotResult> {
  const { directory, tableId, seq } = job
  const state = yield* presentState(io, job)
  const { keys, versions } = state
  const kept = [...state.chain]
  let events = versions.count - kept.reduce((sum, snapshot) => sum + snapshot.events, 0)
  if (events === 0) return { snapshots: kept, bytes: 0 }
  for (let last = kept.at(-1); last !== undefined && last.events <= events * GROWTH; last = kept.at(-1)) {
    events += last.events
    kept.pop()
  }
  const eventsBefore = versions.count - events
  const keysBefore = kept.length === 0 ? 0 : (state.keysAt.get(kept.length - 1) ?? 0)
  const after = kept.at(-1)?.seq ?? 0
  const folder = `${directory}/snapshots`
  const name = numberedFile(seq, 'snap')
  const temporary = `${name}.tmp`
  io.makeDirectory(folder)
  const file = io.create(`${folder}/${temporary}`)
  let isWhole = false
  try {
    const header = { kind: FILE_KIND_SNAPSHOT, flags: FILE_FLAG_BLOCKS, tableId, number: seq, origin: after, salt: 0 }
    file.write([encodeFileHeader({ ...header, databaseId: job.databaseId })], 0)
    const blocks = new BlockWriter(file)
    for (let ordinal = keysBefore, group = 0; ordinal < keys.count; group++) {
      const { heap, hashes } = keys.portion(ordinal)
      blocks.add(COLUMN_KEY, group, hashes.length, 0, packIfSmall(heap), heap.length)
      blocks.numbers(COLUMN_KEY_HASH, group, 0, Float64Array.from(hashes))
      ordinal += hashes.length
      yield heap.length
    }
    const rows = new RowsBehind(keys, versions, eventsBefore)
    yield* versionGroups(blocks, versions, rows, state.place, keysBefore)
    yield* new PageWriter(io, job, blocks, keys, versions, state.summaries, rows).all()
    const end = { eventsBefore, events, keysBefore, keys: keys.count - keysBefore, live: liveRows(keys, versions), place: state.place }
    const bytes = blocks.finish(end)
    file.sync()
    const { place } = state
    yield* prove(io, folder, tableId, { file: temporary, after, seq, events, place })
    io.rename(`${folder}/${temporary}`, `${folder}/${name}`)
    io.syncDirectory(folder)
    isWhole = true
    return { snapshots: [...kept, { file: name, after, seq, events, place }], bytes }
  } finally {
    file.close()
    if (!isWhole && io.kind(`${folder}/${temporary}`) === 'file') io.remove(`${folder}/${temporary}`)
  }
}

async function* presentState(io: Io, job: SnapshotJob): AsyncGenerator<number, TableReplay> {
  try {
    return yield* replayTable(io, job, job.snapshots)
  } catch (error) {
    if (job.snapshots.length === 0 || DriftError.from(error, job.directory).kind !== 'data') throw error
    return yield* replayTable(io, job, [])
  }
}

/** The columns that an opening reads. */
function* versionGroups(
  blocks: BlockWriter,
  versions: VersionStore,
  behind: RowsBehind,
  end: number,
  keysBefore: number
): Generator<number, void> {
  const { before, count } = behind
  let known = keysBefore
  for (let first = before + 1, group = 0; first <= before + count; first += GROUP_VERSIONS, group++) {
    const rows = Math.min(GROUP_VERSIONS, before + count - first + 1)
    const seqs = new Float64Array(rows)
    const ordinals = new Float64Array(rows)
    const bytes = new Float64Array(rows)
    const infos = new Float64Array(rows)
    const knownBefore = known
    const seqBefore = first === 1 ? 0 : versions.seqOf(first - 1)
    for (let row = 0; row < rows; row++) {
      const version = first + row
      const ordinal = behind.ordinalOf(version)
      seqs[row] = versions.seqOf(version) - (row === 0 ? seqBefore : versions.seqOf(version - 1))
      ordinals[row] = known - ordinal
      if (ordinal === known) known++
      bytes[row] = (version === versions.count ? end : versions.placeOf(version + 1)) - versions.placeOf(version)
      infos[row] = versions.infoOf(version)
    }
    blocks.numbers(COLUMN_SEQ, group, seqBefore, seqs)
    blocks.numbers(COLUMN_ORDINAL, group, knownBefore, ordinals)
    blocks.numbers(COLUMN_FRAME_BYTES, group, versions.placeOf(first), bytes)
    blocks.numbers(COLUMN_INFO, group, 0, infos)
    yield rows * 8
  }
}

type PageRow = { readonly version: number; readonly key: Uint8Array; readonly document: Uint8Array; readonly shape: string | undefined }

const noDocument = new Uint8Array(0)

/** The version pages: slices of time, in each the rows sorted by key and begin. */
class PageWriter {
  readonly #blocks: BlockWriter
  readonly #keys: KeyIndex
  readonly #versions: VersionStore
  readonly #frames: VersionFrames
  readonly #segments: SegmentReader
  readonly #rows: RowsBehind
  #page = 0

  constructor(
    io: Io,
    job: SnapshotJob,
    blocks: BlockWriter,
    keys: KeyIndex,
    versions: VersionStore,
    segments: readonly SegmentSummary[],
    rows: RowsBehind
  ) {
    this.#blocks = blocks
    this.#keys = keys
    this.#versions = versions
    this.#segments = new SegmentReader(io, `${job.directory}/segments`, new BlockCache(CACHE_BYTES), segments)
    this.#frames = new VersionFrames(versions, this.#segments, () => noDocument)
    this.#frames.flushThrough(versions.count)
    this.#rows = rows
  }

  async *all(): AsyncGenerator<number, void> {
    try {
      const { before, count } = this.#rows
      for (let first = before + 1; first <= before + count;) {
        const last = this.#sliceEnd(first)
        const slice: PageRow[] = []
        for (let version = first; version <= last; version++) {
          slice.push(this.#row(version))
          if (version % 1024 === 0) yield 0
        }
        slice.sort((a, b) => compareKeys(a.key, b.key) || a.version - b.version)
        for (let from = 0; from < slice.length;) {
          const to = pageEnd(slice, from)
          yield await this.#write(slice.slice(from, to))
          from = to
        }
        first = last + 1
      }
    } finally {
      this.#segments.close()
    }
  }

  #sliceEnd(first: number): number {
    let bytes = 0
    let last = first
    for (let version = first; version <= this.#versions.count && version < first + SLICE_VERSIONS; version++) {
      bytes += this.#versions.documentKibMax(version) * 1024
      if (bytes > SLICE_BYTES && version > first) break
      last = version
    }
    return last
  }

  #row(version: number): PageRow {
    const key = this.#keys.keyOf(this.#rows.ordinalOf(version))
    if (!this.#versions.isLive(version)) return { version, key, document: noDocument, shape: undefined }
    const document = (this.#frames.wholeBytes(version) ?? encodeDocument(this.#frames.document(version), 'document')).slice()
    return { version, key, document, shape: shapeKey(document) }
  }

  async #write(rows: readonly PageRow[]): Promise<number> {
    const versions = this.#versions
    const page = this.#page++
    const begins = rows.map(({ version }) => versions.seqOf(version))
    const ends = rows.map(({ version }, row) => {
      const next = this.#rows.nextOf(version)
      return next === 0 ? 0 : versions.seqOf(next) - (begins[row] ?? 0)
    })
    const base = begins.reduce((least, begin) => Math.min(least, begin), Number.POSITIVE_INFINITY)
    const shapes = new Map<string, number>()
    const names: string[][] = []
    const codes = rows.map(({ shape, document }) => {
      if (shape === undefined) return 0
      const known = shapes.get(shape)
      if (known !== undefined) return known
      const code = names.push(Object.keys(decodeDocument(document)))
      shapes.set(shape, code)
      return code
    })
    const blocks = this.#blocks
    const start = blocks.bytes
    await blocks.addWell(COLUMN_BEGIN, page, rows.length, base, encodeNumbers(Float64Array.from(begins, (begin) => begin - base)))
    await blocks.addWell(COLUMN_END, page, rows.length, 0, encodeNumbers(Float64Array.from(ends)))
    await blocks.addWell(
      COLUMN_PAGE_KEY,
      page,
      rows.length,
      0,
      heapOf(
        rows.map(({ key }) => key),
        2
      )
    )
    await blocks.addWell(COLUMN_SHAPE, page, rows.length, 0, encodeNumbers(Float64Array.from(codes)))
    await blocks.addWell(COLUMN_SHAPES, page, 1, 0, encodeValue(names, 'shapes').slice())
    await blocks.addWell(
      COLUMN_DOCUMENT,
      page,
      rows.length,
      0,
      heapOf(
        rows.map(({ document }) => document),
        4
      )
    )
    return blocks.bytes - start
  }
}

function pageEnd(rows: readonly PageRow[], from: number): number {
  let bytes = 0
  let to = from
  while (to < rows.length && to - from < PAGE_ROWS && (bytes === 0 || bytes < PAGE_BYTES)) bytes += (rows[to++]?.document.length ?? 0) + 1
  return to
}

/** `[length][bytes]` of each item; the length has 2 or 4 bytes. */
function heapOf(items: readonly Uint8Array[], lengthBytes: 2 | 4): Uint8Array {
  const heap = new Uint8Array(items.reduce((sum, item) => sum + item.length + lengthBytes, 0))
  let at = 0
  for (const item of items) {
    if (lengthBytes === 4) writeU32(heap, at, item.length)
    else {
      heap[at] = item.length
      heap[at + 1] = item.length >>> 8
    }
    heap.set(item, at + lengthBytes)
    at += lengthBytes + item.length
  }
  return heap
}

function liveRows(keys: KeyIndex, versions: VersionStore): number {
  let live = 0
  for (let ordinal = 0; ordinal < keys.count; ordinal++) if (versions.isLive(versions.latestOf(ordinal))) live++
  return live
}

/** Every block of the new file, read back before it gets its name. */
async function* prove(io: Io, folder: string, tableId: number, snapshot: ManifestSnapshot): AsyncGenerator<number, void> {
  const reader = SnapshotReader.open(io, folder, tableId, snapshot)
  try {
    for (const block of reader.blocks) {
      await reader.anyBytes(block)
      yield block.storedBytes
    }
  } finally {
    reader.close()
  }
}

/** Puts blocks behind the file's header. */
class BlockWriter {
  readonly #file: File
  readonly #blocks: SnapshotBlock[] = []
  #end = FILE_HEADER_BYTES
  #syncedEnd = FILE_HEADER_BYTES

  constructor(file: File) {
    this.#file = file
  }

  /** Of the file so far. */
  get bytes(): number {
    return this.#end
  }

  numbers(column: number, group: number, base: number, values: Float64Array): void {
    const bytes = encodeNumbers(values)
    this.add(column, group, values.length, base, packIfSmall(bytes), bytes.length)
  }

  add(column: number, group: number, rows: number, base: number, { codec, bytes: stored }: StoredBytes, bytes: number): void {
    this.#file.write([stored], this.#end)
    this.#blocks.push({ column, codec, rows, offset: this.#end, storedBytes: stored.length, bytes, crc: crc32(stored), group, base })
    this.#end += stored.length
    if (this.#end - this.#syncedEnd < SYNC_BYTES) return
    this.#file.sync()
    this.#syncedEnd = this.#end
  }

  async addWell(column: number, group: number, rows: number, base: number, bytes: Uint8Array): Promise<void> {
    this.add(column, group, rows, base, await packBlockWell(bytes), bytes.length)
  }

  /** Writes the descriptions and the end; nothing is durable yet. Returns the bytes of the file. */
  finish(end: SnapshotEnd): number {
    const bytes = encodeSnapshotEnd(this.#blocks, end)
    this.#file.write([bytes], this.#end)
    return this.#end + bytes.length
  }
}

/** An opening inflates what has become really small; else reading it as it is is faster. */
function packIfSmall(bytes: Uint8Array): StoredBytes {
  const packed = packBlock(bytes)
  return packed.bytes.length * 4 < bytes.length ? packed : { codec: CODEC_PLAIN, bytes }
}
