import type { DriftError } from '../base/errors.js'
import type { TableDefinition } from '../catalog/catalog.js'
import { SeenColumns, type ColumnInfo } from '../catalog/seen-columns.js'
import { decodeKey, encodeKey, skipValue, type Key } from '../codec/key-codec.js'
import { formatJsonLines } from '../codec/json-codec.js'
import { jsonRoom, writeJsonLine } from '../codec/json-transcoder.js'
import type { Document } from '../codec/value.js'
import { appendFrame } from '../compaction/append-frame.js'
import { restoreSnapshot } from '../compaction/restore-snapshot.js'
import { EVENT_SOFT_DELETE, frameBytes, frameHeadBytes } from '../format/frame.js'
import type { ManifestPages, ManifestSnapshot } from '../format/manifest.js'
import type { Io } from '../io/io.js'
import { KeyIndex } from '../index/key-index.js'
import { OrderedKeys, type KeyRange } from '../index/ordered-keys.js'
import { logAddress, VersionFrames, type LogBytes } from '../mvcc/version-frames.js'
import type { VersionBlocksOptions } from '../mvcc/version-blocks.js'
import { RecentDocuments } from '../mvcc/recent-documents.js'
import { VersionStore } from '../mvcc/version-store.js'
import { SnapshotBlocks } from '../snapshot/snapshot-blocks.js'
import { SnapshotReader } from '../snapshot/snapshot-reader.js'
import { isCompacted, segmentFileBytes, type SegmentSummary } from '../segment/block-builder.js'
import type { SegmentReader } from '../segment/segment-reader.js'
import { RecentChanges } from '../txn/recent-changes.js'

/** NDJSON: whole lines. */
export type JsonPiece = { readonly bytes: Uint8Array; readonly rows: number }

const JSON_PIECE_BYTES = 128 * 1024

/** Scratch for canonical keys; every use ends before the next begins. */
const scratch = new Uint8Array(1100)

/** One table in memory: its keys, their versions and where the frames of those are. The coordinator's. */
export class TableState {
  definition: TableDefinition
  readonly directory: string
  readonly keys: KeyIndex
  readonly versions: VersionStore
  readonly frames: VersionFrames
  readonly segments: SegmentReader
  readonly columns: SeenColumns
  readonly recent = new RecentChanges()
  readonly #ordered: OrderedKeys
  readonly #recentDocuments: RecentDocuments
  /** Place of the next frame. */
  nextPlace: number
  checkpointSeq = 0
  /** Events up to here are in {@link columns} before they are replayed: the manifest kept them. */
  columnsThrough = 0
  /** The chain that an opening would begin from. */
  snapshots: readonly ManifestSnapshot[] = []
  /** The live snapshot of its version pages. */
  pages: ManifestPages | undefined
  /** The manifest names snapshots that are damaged or lost. */
  hasStaleSnapshots = false
  /** Events that the opening took from it. */
  restoredCount = 0
  /** Live rows at the last visible seq. */
  liveCount = 0
  /** Set where its files are damaged: every use of the table throws it, other tables work on. */
  damage: DriftError | undefined
  /** The key that was found last, and its ordinal: who reads a row and writes it asks for the same one again and again. */
  #foundKey: unknown
  #foundOrdinal = -1

  constructor(
    definition: TableDefinition,
    directory: string,
    hashSeed: number,
    segments: SegmentReader,
    log: LogBytes,
    versions: VersionBlocksOptions = {}
  ) {
    this.definition = definition
    this.directory = directory
    this.keys = new KeyIndex(hashSeed)
    this.#ordered = new OrderedKeys(this.keys)
    this.segments = segments
    this.versions = new VersionStore({ ...versions, rebuild: (below) => this.#versionsAnew(hashSeed, below, versions) })
    this.frames = new VersionFrames(this.versions, segments, log)
    this.#recentDocuments = new RecentDocuments(this.versions, this.frames)
    this.columns = new SeenColumns(definition.primaryKey, definition.createdSeq)
    this.nextPlace = segments.bytes
  }

  /** Its indexes are others now. */
  redefine(definition: TableDefinition): void {
    this.definition = definition
  }

  /** Takes frames that are already written: from segments (`logSource` undefined), or from the log. Returns how many. */
  replay(source: Uint8Array, from: number, to: number, logSource: number | undefined): number {
    let count = 0
    for (let at = from; at < to; count++) {
      const bytes = frameBytes(source, at)
      const version = appendFrame(this.keys, this.versions, source, at, this.nextPlace)
      this.#seeColumns(source, at, version)
      if (logSource !== undefined) this.frames.setAddress(version, logAddress(logSource, at))
      this.liveCount += this.versions.liveChangeOf(version)
      this.nextPlace += bytes
      at += bytes
    }
    return count
  }

  /** The fields of an event's document or patch, unless the manifest kept its columns. */
  #seeColumns(source: Uint8Array, at: number, version: number): void {
    const seq = this.versions.seqOf(version)
    if (seq <= this.columnsThrough || this.versions.eventOf(version) === EVENT_SOFT_DELETE) return
    this.columns.seeDocument(source, skipValue(source, at + frameHeadBytes(seq) + 1), seq)
  }

  /** Takes keys and versions of the chain of snapshots that `readers` have, which reaches up to `place`. */
  *restore(readers: readonly SnapshotReader[]): Generator<number, void> {
    for (const reader of readers) {
      // The versions close it.
      yield* restoreSnapshot(reader, this.keys, this.versions)
      this.liveCount = reader.end.live
      this.nextPlace = reader.end.place
    }
  }

  /**
   * Takes a chain of snapshots that is live now: blocks of versions that stand in it need no other file. One that cannot be opened is left
   * alone: nothing depends on it before the next opening.
   */
  installSnapshots(io: Io, snapshots: readonly ManifestSnapshot[]): void {
    const known = new Set(this.snapshots.map(({ file }) => file))
    this.snapshots = snapshots
    let count = 0
    for (const snapshot of snapshots) {
      count += snapshot.events
      if (known.has(snapshot.file)) continue
      const blocks = new SnapshotBlocks(SnapshotReader.open(io, `${this.directory}/snapshots`, this.definition.id, snapshot))
      this.versions.keep(blocks, blocks.first, count)
    }
  }

  close(): void {
    this.segments.close()
    this.versions.close()
  }

  /** All blocks of versions below a number, from the segments. */
  #versionsAnew(hashSeed: number, below: number, options: VersionBlocksOptions) {
    const keys = new KeyIndex(hashSeed)
    const versions = new VersionStore(options)
    // In an opening, which reads the segments instead of damaged snapshots.
    if (this.segments.bytes === 0) return undefined
    // Nor is a snapshot built upon them.
    this.snapshots = []
    const end = below << versions.blocks.bits
    try {
      for (let place = 0; versions.count + 1 < end;) {
        this.segments.find(place)
        const { source, offset } = this.segments
        appendFrame(keys, versions, source, offset, place)
        place += frameBytes(source, offset)
      }
      return { words: (block: number) => versions.blocks.words(block), close: () => versions.close() }
    } catch (error) {
      versions.close()
      throw error
    }
  }

  /** All versions with seq <= `seq` are in these segments now (from the first one that changed on). */
  flushThrough(seq: number, changed: readonly SegmentSummary[]): void {
    this.segments.installChanged(changed)
    this.checkpointSeq = seq
    this.frames.flushThrough(this.versions.through(seq), seq)
  }

  // Reads: all synchronous, at a seq that is a commit's end.

  /**
   * The number that a key was given by its first event and keeps for ever; -1: it has none yet.
   * @throws INVALID_DOCUMENT for what cannot be a key.
   */
  ordinalOf(key: unknown): number {
    if (this.damage !== undefined) throw this.damage
    if (key === this.#foundKey && this.#foundOrdinal >= 0) return this.#foundOrdinal
    const length = encodeKey(key, scratch)
    const ordinal = this.keys.find(scratch, length)
    this.#foundKey = key
    this.#foundOrdinal = ordinal
    return ordinal
  }

  /** The version of a key at `seq`, or 0. Throws INVALID_DOCUMENT for what cannot be a key. */
  versionOf(key: unknown, seq: number): number {
    const ordinal = this.ordinalOf(key)
    return ordinal < 0 ? 0 : this.versions.versionAt(ordinal, seq)
  }

  get(key: unknown, seq: number): Document | undefined {
    return this.documentOf(this.ordinalOf(key), seq)
  }

  /** Of the key with this ordinal, or -1, at `seq`. */
  documentOf(ordinal: number, seq: number): Document | undefined {
    if (ordinal < 0) return undefined
    let version = this.versions.versionInMemoryAt(ordinal, seq)
    if (version < 0) {
      const document = this.frames.documentInPages(ordinal, seq)
      if (document !== undefined) return document ?? undefined
      version = this.versions.versionAt(ordinal, seq)
    }
    return version === 0 ? undefined : this.#recentDocuments.document(ordinal, version, seq)
  }

  /** Of a row that an index found. */
  documentAt(ordinal: number, seq: number): Document | undefined {
    if (this.damage !== undefined) throw this.damage
    return this.documentOf(ordinal, seq)
  }

  /** Sorts ordinals by their keys. */
  inKeyOrder(ordinals: number[], reverse: boolean): readonly number[] {
    const { keys } = this
    ordinals.sort((one, other) => one - other)
    // Rows mostly came in the order of their keys.
    let isSorted = true
    for (let at = 1; at < ordinals.length && isSorted; at++) {
      isSorted = keys.compareOrdinals(ordinals[at - 1] as number, ordinals[at] as number) <= 0
    }
    if (!isSorted) ordinals.sort((one, other) => keys.compareOrdinals(one, other))
    return reverse ? ordinals.reverse() : ordinals
  }

  has(key: unknown, seq: number): boolean {
    return this.hasAt(this.ordinalOf(key), seq)
  }

  hasAt(ordinal: number, seq: number): boolean {
    return ordinal >= 0 && this.versions.liveVersionAt(ordinal, seq) !== 0
  }

  /** Seq of the last event of the key with this ordinal, or -1, visible or not; 0: it has none. */
  latestSeq(ordinal: number): number {
    const latest = ordinal < 0 ? 0 : this.versions.latestOf(ordinal)
    return latest === 0 ? 0 : this.versions.seqOf(latest)
  }

  presentCount(): number {
    if (this.damage !== undefined) throw this.damage
    return this.liveCount
  }

  /** Live rows at `seq`: a look into one block of versions. */
  countAt(seq: number): number {
    if (this.damage !== undefined) throw this.damage
    return this.versions.liveCountAt(seq)
  }

  /**
   * The columns that documents up to `seq` had, in order of first appearance, the primary key first. At most `columnsPerTableMax`:
   * where {@link hasUnlistedColumnsAt} is true, rows have fields under further names too.
   */
  columnsAt(seq: number): readonly ColumnInfo[] {
    if (this.damage !== undefined) throw this.damage
    return this.columns.at(seq)
  }

  hasUnlistedColumnsAt(seq: number): boolean {
    return this.columns.hasUnlistedAt(seq)
  }

  /** Versions of a key with seq <= `seq`, oldest first unless `reverse`. */
  *history(key: unknown, seq: number, reverse: boolean): Generator<number, void> {
    let version = this.versionOf(key, seq)
    if (reverse) {
      for (; version !== 0; version = this.versions.previousOf(version)) yield version
      return
    }
    const chain: number[] = []
    for (; version !== 0; version = this.versions.previousOf(version)) chain.push(version)
    for (let index = chain.length - 1; index >= 0; index--) yield chain[index] ?? 0
  }

  /** All keys in the range, live or not, in key order. */
  ordinals(range: KeyRange): Generator<number, void> {
    if (this.damage !== undefined) throw this.damage
    return this.#ordered.ordinals(range)
  }

  /** Live versions at `seq` with keys in the range, in key order. */
  *scan(range: KeyRange, seq: number): Generator<{ readonly ordinal: number; readonly version: number }, void> {
    if (this.damage !== undefined) throw this.damage
    for (const ordinal of this.#ordered.ordinals(range)) {
      const version = this.versions.liveVersionAt(ordinal, seq)
      if (version !== 0) yield { ordinal, version }
    }
  }

  /** Their documents: without a step between, for scans of everything. */
  *documents(range: KeyRange, seq: number): Generator<Document, void> {
    if (this.damage !== undefined) throw this.damage
    const { versions, frames } = this
    for (const ordinal of this.#ordered.ordinals(range)) {
      const version = versions.liveVersionAt(ordinal, seq)
      const document = version === 0 ? undefined : frames.document(version)
      if (document !== undefined) yield document
    }
  }

  /** The same as lines of JSON, in pieces of about {@link JSON_PIECE_BYTES}. */
  *jsonLines(range: KeyRange, seq: number): Generator<JsonPiece, void> {
    if (this.damage !== undefined) throw this.damage
    const { versions, frames } = this
    let target = { bytes: Buffer.allocUnsafe(JSON_PIECE_BYTES), at: 0 }
    let rows = 0
    for (const ordinal of this.#ordered.ordinals(range)) {
      const version = versions.liveVersionAt(ordinal, seq)
      if (version === 0) continue
      const whole = frames.wholeBytes(version)
      const room = whole === undefined ? 0 : jsonRoom(whole.length)
      if (target.at > 0 && room > JSON_PIECE_BYTES - target.at) {
        yield { bytes: target.bytes.subarray(0, target.at), rows }
        target = { bytes: Buffer.allocUnsafe(JSON_PIECE_BYTES), at: 0 }
        rows = 0
      }
      rows++
      // A yield may have let another reader move the source.
      if (whole !== undefined && room <= JSON_PIECE_BYTES && writeJsonLine(frames.wholeBytes(version) ?? whole, target)) continue
      if (target.at > 0) yield { bytes: target.bytes.subarray(0, target.at), rows: rows - 1 }
      yield { bytes: Buffer.from(formatJsonLines([frames.document(version)])), rows: 1 }
      target = { bytes: Buffer.allocUnsafe(JSON_PIECE_BYTES), at: 0 }
      rows = 0
    }
    if (target.at > 0) yield { bytes: target.bytes.subarray(0, target.at), rows }
  }

  /** Of the versions behind the first `from` up to number `to`, in the order of their events. */
  ordinalsOf(from: number, to: number): Uint32Array {
    const ordinals = new Uint32Array(to - from)
    for (let version = from + 1; version <= to; version++) ordinals[version - from - 1] = this.versions.ordinalOf(version)
    return ordinals
  }

  stats() {
    const { segments } = this.segments
    return {
      rows: this.liveCount,
      keys: this.keys.count,
      events: this.versions.count,
      segments: segments.length,
      segmentBytes: this.segments.bytes,
      compactedSegments: segments.filter(isCompacted).length,
      segmentFileBytes: segments.reduce((sum, segment) => sum + segmentFileBytes(segment), 0),
      snapshots: this.snapshots.length,
      snapshotSeq: this.snapshots.at(-1)?.seq ?? 0,
      checkpointSeq: this.checkpointSeq,
      memoryBytes: this.keys.bytes + this.versions.bytes,
      /** Newest documents that were read in pages, because their frames were not in memory. */
      documentsFromPages: this.frames.foundInPages,
      damage: this.damage?.message
    }
  }

  key(ordinal: number): Key {
    return decodeKey(this.keys.keyOf(ordinal))
  }

  // Numbering (the commit pipeline's).

  /** Takes the last version, and the key if it was new, back: its batch was refused. */
  takeBack(ordinal: number, isNewKey: boolean, bytes: number): void {
    this.nextPlace -= bytes
    this.versions.removeLast(ordinal)
    this.#recentDocuments.forget(ordinal)
    if (!isNewKey) return
    this.#foundOrdinal = -1
    this.keys.removeLast()
    this.#ordered.forget(this.keys.count)
  }
}
