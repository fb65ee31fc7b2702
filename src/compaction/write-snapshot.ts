import { DriftError } from '../base/errors.js'
import { CODEC_PLAIN, packBlock, type StoredBytes } from '../codec/block-codec.js'
import { crc32 } from '../codec/checksum.js'
import { encodeFileHeader, FILE_FLAG_BLOCKS, FILE_HEADER_BYTES, FILE_KIND_SNAPSHOT } from '../format/file-header.js'
import { numberedFile, type ManifestSegment, type ManifestSnapshot } from '../format/manifest.js'
import { encodeNumbers } from '../format/number-column.js'
import {
  COLUMN_BLOCK_LIVE,
  COLUMN_BLOCK_PLACE,
  COLUMN_HEAD_DEPTH,
  COLUMN_HEAD_INFO,
  COLUMN_HEAD_JUMP,
  COLUMN_HEAD_KEY,
  COLUMN_HEAD_VERSION,
  COLUMN_KEY,
  COLUMN_KEY_HASH,
  COLUMN_NODES,
  encodeSnapshotEnd,
  type SnapshotBlock,
  type SnapshotEnd
} from '../format/snapshot-file.js'
import { NODE_BLOCK_BITS, NODE_BYTES } from '../format/version-node.js'
import type { KeyIndex } from '../index/key-index.js'
import type { File, Io } from '../io/io.js'
import type { Head, VersionStore } from '../mvcc/version-store.js'
import { SnapshotReader } from '../snapshot/snapshot-reader.js'
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
/** Keys of one group of newest versions. */
const GROUP_KEYS = 1 << 16
const SYNC_BYTES = 4 * 1024 * 1024

/**
 * Writes the events behind the chain's end, and behind as much of the chain as is worth merging, into one new file (a thread of the
 * compaction pool, or the caller's). A chain is at most log2(events) long, and an event is written again at most that many times.
 *
 * 1. keys and versions come from the chain and from the segments behind it, as in an opening; a damaged chain is not built upon;
 * 2. new keys, the blocks of new versions as they are in memory, the newest version of each key that has a new one;
 * 3. every block is read back and proved, the file gets its name, the folder is synced. The writer makes it live.
 *
 * Yields the bytes that it went through.
 */
export function* writeSnapshot(io: Io, job: SnapshotJob): Generator<number, SnapshotResult> {
  const state = yield* presentState(io, job)
  try {
    return yield* writeState(io, job, state)
  } finally {
    state.versions.close()
  }
}

function* writeState(io: Io, job: SnapshotJob, state: TableReplay): Generator<number, SnapshotResult> {
  const { directory, tableId, seq } = job
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
    yield* nodeBlocks(blocks, versions, eventsBefore)
    yield* headGroups(blocks, keys, versions, eventsBefore)
    const end = { eventsBefore, events, keysBefore, keys: keys.count - keysBefore, live: versions.liveCount, place: state.place }
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

function* presentState(io: Io, job: SnapshotJob): Generator<number, TableReplay> {
  try {
    return yield* replayTable(io, job, job.snapshots)
  } catch (error) {
    if (job.snapshots.length === 0 || DriftError.from(error, job.directory).kind !== 'data') throw error
    return yield* replayTable(io, job, [])
  }
}

/** Blocks of versions from the one on in which the first new version stands: it begins with older ones. */
function* nodeBlocks(blocks: BlockWriter, versions: VersionStore, eventsBefore: number): Generator<number, void> {
  const first = (eventsBefore + 1) >>> NODE_BLOCK_BITS
  const last = versions.count >>> NODE_BLOCK_BITS
  const bases = Array.from({ length: last - first + 1 }, (_, index) => versions.baseOf(first + index))
  for (let block = first; block <= last; block++) {
    const rows = block < last ? 1 << NODE_BLOCK_BITS : (versions.count & ((1 << NODE_BLOCK_BITS) - 1)) + 1
    const words = versions.blocks.words(block)
    const bytes = new Uint8Array(words.buffer, words.byteOffset, rows * NODE_BYTES)
    blocks.add(COLUMN_NODES, block, rows, bases[block - first]?.seq ?? 0, packIfSmall(bytes), bytes.length)
    yield bytes.length
  }
  blocks.numbers(
    COLUMN_BLOCK_PLACE,
    0,
    0,
    Float64Array.from(bases, ({ place }) => place)
  )
  blocks.numbers(
    COLUMN_BLOCK_LIVE,
    0,
    0,
    Float64Array.from(bases, ({ live }) => live)
  )
}

/** The newest version of each key that has an event behind the first `eventsBefore`. */
function* headGroups(blocks: BlockWriter, keys: KeyIndex, versions: VersionStore, eventsBefore: number): Generator<number, void> {
  let before = 0
  for (let ordinal = 0, group = 0; ordinal < keys.count; group++) {
    const base = before
    const steps: number[] = []
    const heads: Head[] = []
    for (; ordinal < keys.count && heads.length < GROUP_KEYS; ordinal++) {
      if (versions.latestOf(ordinal) <= eventsBefore) continue
      steps.push(ordinal - before)
      before = ordinal
      heads.push(versions.headOf(ordinal))
    }
    if (heads.length === 0) return
    const column = (number: number, of: (head: Head) => number) => blocks.numbers(number, group, 0, Float64Array.from(heads, of))
    blocks.numbers(COLUMN_HEAD_KEY, group, base, Float64Array.from(steps))
    column(COLUMN_HEAD_VERSION, ({ version }) => version)
    column(COLUMN_HEAD_INFO, ({ info }) => info)
    column(COLUMN_HEAD_JUMP, ({ jump }) => jump)
    column(COLUMN_HEAD_DEPTH, ({ depth }) => depth)
    yield heads.length * 16
  }
}

/** Every block of the new file, read back before it gets its name. */
function* prove(io: Io, folder: string, tableId: number, snapshot: ManifestSnapshot): Generator<number, void> {
  const reader = SnapshotReader.open(io, folder, tableId, snapshot)
  try {
    for (const block of reader.blocks) {
      reader.bytes(block)
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
