import { assertLaw, DriftError } from '../base/errors.js'
import { skipValue, type Key } from '../codec/key-codec.js'
import { decodeDocument, decodePatchInto, decodeValue } from '../codec/document-codec.js'
import { DocumentFold } from '../codec/document-fold.js'
import type { Document } from '../codec/value.js'
import { readU64, readVarint, varintBytes } from '../format/bytes.js'
import { EVENT_PATCH, EVENT_SOFT_DELETE, frameBytes, frameHeadBytes, FRAME_PREFIX_BYTES } from '../format/frame.js'
import type { SegmentReader } from '../segment/segment-reader.js'
import type { PageDocuments } from './page-documents.js'
import type { VersionStore } from './version-store.js'

/**
 * Where the bytes of events are that no checkpoint has moved into segments: number 0 is the shared log (or the first WAL image of a
 * read-only opening), others are private buffers. An address is `number * 2^32 + offset`.
 */
export type LogBytes = (source: number) => Uint8Array

const TWO_32 = 2 ** 32

export function logAddress(source: number, offset: number): number {
  return source * TWO_32 + offset
}

/**
 * From a version to its event and its document (coordinator thread, synchronously). The versions up to a checkpoint are in segments,
 * at their place; those behind it are in the log, at an address that this keeps in a ring.
 */
export class VersionFrames {
  /** Asked where a frame would have to be read from a file. */
  pages: PageDocuments | undefined
  /** Documents that were found there. */
  foundInPages = 0
  readonly #versions: VersionStore
  readonly #segments: SegmentReader
  readonly #log: LogBytes
  /** Versions 1 … flushed are in segments: those up to this seq. */
  #flushed = 0
  #flushedSeq = 0
  #addresses = new Float64Array(64)

  /** The patches that one read folds; there are three at most. */
  readonly #patches = new Uint32Array(4)
  readonly #fold = new DocumentFold()
  #source: Uint8Array = new Uint8Array(0)
  #offset = 0
  /** Of the frame found last. */
  #seq = 0
  /** The document that {@link #begin} found is `#source[#from, #to)`. */
  #from = 0
  #to = 0

  constructor(versions: VersionStore, segments: SegmentReader, log: LogBytes) {
    this.#versions = versions
    this.#segments = segments
    this.#log = log
  }

  get flushed(): number {
    return this.#flushed
  }

  /** The frame of a version just appended begins at this address. */
  setAddress(version: number, address: number): void {
    if (version - this.#flushed > this.#addresses.length) this.#grow()
    this.#addresses[version & (this.#addresses.length - 1)] = address
  }

  /** All versions up to this one, those up to `seq`, are in segments now. */
  flushThrough(version: number, seq: number): void {
    this.#flushed = version
    this.#flushedSeq = seq
  }

  /**
   * The document as of a version; undefined if it is a delete. Reads at most four frames. Where one of them is not in memory it is looked for
   * in pages: that of the newest version of the `ordinal` if this is it, else the one that the row has at the seq `at`, a commit's end.
   */
  document(version: number, ordinal = -1, at = -1): Document | undefined {
    if (!this.#isLive(version, ordinal)) return undefined
    let count = this.#begin(version, ordinal, at)
    // It is made for this call, so it may be changed.
    const document = decodeDocument(this.#source, this.#from, this.#to)
    while (count > 0) this.#patchInto(document, this.#patches[--count] ?? 0)
    return document
  }

  /** The document of a row at seq `at`, a commit's end, as pages know it; null where it was not there, undefined where they do not say. */
  documentInPages(ordinal: number, at: number): Document | null | undefined {
    const bytes = this.pages?.at(ordinal, at)
    if (bytes === undefined || bytes === null) return bytes
    this.foundInPages++
    return decodeDocument(bytes, 0, bytes.length)
  }

  /**
   * The document as of a version of an ordinal, which is no delete, with the patch in `patch[from, to)`: to be written before the next call.
   * Undefined where it is not of the common kind, and {@link document} must be asked.
   */
  fold(version: number, ordinal: number, patch: Uint8Array, from: number, to: number): DocumentFold | undefined {
    const fold = this.#fold
    let count = this.#begin(version, ordinal, -1)
    if (!fold.begin(this.#source, this.#from, this.#to)) return undefined
    while (count > 0) {
      const patchAt = this.#behindKey(this.#patches[--count] ?? 0)
      if (!fold.patch(this.#source, patchAt, this.#frameEnd())) return undefined
    }
    return fold.patch(patch, from, to) && fold.bytes >= 0 ? fold : undefined
  }

  #isLive(version: number, ordinal: number): boolean {
    const versions = this.#versions
    return ordinal >= 0 && version === versions.latestOf(ordinal) ? versions.isLatestLive(ordinal) : versions.isLive(version)
  }

  /**
   * Finds what a version's document is folded from: a whole document, and the patches behind it, newest first. Returns how many of them.
   */
  #begin(version: number, ordinal: number, at: number): number {
    const versions = this.#versions
    const isNewest = ordinal >= 0 && version === versions.latestOf(ordinal)
    let isFromFrames = this.pages === undefined || ordinal < 0 || (!isNewest && at < 0)
    let count = 0
    let base = version
    for (; base !== 0; base = versions.previousOf(base)) {
      if (!isFromFrames && !this.#isInMemory(base)) {
        const found = isNewest ? this.#beginWithNewest(ordinal, base, count) : this.#beginAt(ordinal, at)
        if (found >= 0) return found
        isFromFrames = true
      }
      if (versions.hasDocument(base)) break
      this.#patches[count++] = base
    }
    if (base === 0) throw new DriftError('INVARIANT', `VIS-6: a patch without a document behind it at seq ${versions.seqOf(version)}`)
    this.#from = this.#wholeOffset(base)
    this.#to = this.#frameEnd()
    return count
  }

  #isInMemory(version: number): boolean {
    if (version > this.#flushed) return true
    const versions = this.#versions
    return versions.isResident(version) && this.#segments.isCached(versions.placeOf(version))
  }

  /**
   * The same from pages, of the newest version of an ordinal: behind `base`, which is in segments, it has the first `count` patches. Their
   * number behind the version that pages have; -1 where they have none.
   */
  #beginWithNewest(ordinal: number, base: number, count: number): number {
    const versions = this.#versions
    const { pages } = this
    // What is in segments was applied: so pages have `base`, or one of the versions behind it.
    const bytes = pages?.newest(ordinal, this.#flushedSeq)
    if (pages === undefined || bytes === undefined) return -1
    const { seq } = pages
    let behind = 0
    while (behind < count && versions.seqOf(this.#patches[behind] ?? 0) !== seq) behind++
    // Its own seq lies in a block that may not be in memory.
    assertLaw(behind < count || versions.isInBlockOf(base, seq), 'VIS-11', `pages have another version of ordinal ${ordinal}: ${seq}`)
    this.#takeBytes(bytes)
    return behind
  }

  /** The same of a version that was live at seq `at`: no patch is left. */
  #beginAt(ordinal: number, at: number): number {
    const bytes = this.pages?.at(ordinal, at)
    if (bytes === undefined) return -1
    assertLaw(bytes !== null, 'VIS-11', `pages have no version of ordinal ${ordinal} at seq ${at}`)
    this.#takeBytes(bytes)
    return 0
  }

  #takeBytes(bytes: Uint8Array): void {
    this.foundInPages++
    this.#source = bytes
    this.#from = 0
    this.#to = bytes.length
  }

  /** The document as of a version, from that of the version before it, which may be changed; undefined if it is a delete. */
  after(before: Document, version: number): Document | undefined {
    const event = this.#versions.eventOf(version)
    if (event !== EVENT_PATCH) return event === EVENT_SOFT_DELETE ? undefined : this.#wholeDocument(version)
    const at = this.#behindKey(version)
    const end = this.#versions.hasDocument(version) ? skipValue(this.#source, at) : this.#frameEnd()
    decodePatchInto(before, this.#source, at, end)
    return before
  }

  /** The document's msgpack where the version's own frame has it, valid until the next read; undefined: a delete, or to be folded. */
  wholeBytes(version: number): Uint8Array | undefined {
    if (!this.#versions.hasDocument(version)) return undefined
    const at = this.#wholeOffset(version)
    return this.#source.subarray(at, this.#frameEnd())
  }

  /** What the event itself carried: the document, the patch, or null. */
  payload(version: number): Document | null {
    if (this.#versions.eventOf(version) === EVENT_SOFT_DELETE) return null
    return this.#versions.eventOf(version) === EVENT_PATCH ? this.#patch(version) : this.#wholeDocument(version)
  }

  /** Of the row. */
  key(version: number): Key {
    this.#find(version)
    const at = this.#offset + frameHeadBytes(this.#versions.seqOf(version)) + 1
    return decodeValue(this.#source.subarray(at, skipValue(this.#source, at))) as Key
  }

  /** `bytes` bytes of what the event whose frame is at `place` carried, from `offset` of its document or patch on. */
  payloadBytes(place: number, offset: number, bytes: number): Uint8Array {
    const versions = this.#versions
    let low = this.#flushed + 1
    if (low <= versions.count && place >= versions.placeOf(low)) {
      let high = versions.count
      while (low < high) {
        const middle = (low + high + 1) >> 1
        if (versions.placeOf(middle) <= place) low = middle
        else high = middle - 1
      }
      this.#find(low)
    } else {
      this.#segments.find(place)
      this.#source = this.#segments.source
      this.#offset = this.#segments.offset
    }
    const head = this.#offset + FRAME_PREFIX_BYTES
    const at = skipValue(this.#source, head + varintBytes(readVarint(this.#source, head)) + 10) + offset
    return this.#source.subarray(at, at + bytes)
  }

  /** Commit time of a version's event, unix ms. */
  time(version: number): number {
    this.#find(version)
    return readU64(this.#source, this.#offset + FRAME_PREFIX_BYTES + varintBytes(this.#versions.seqOf(version)))
  }

  #wholeDocument(version: number): Document {
    const at = this.#wholeOffset(version)
    return decodeDocument(this.#source, at, this.#frameEnd())
  }

  #wholeOffset(version: number): number {
    const at = this.#behindKey(version)
    return this.#versions.eventOf(version) === EVENT_PATCH ? skipValue(this.#source, at) : at
  }

  #patch(version: number): Document {
    const at = this.#behindKey(version)
    // Every fourth patch carries the whole document behind the patch.
    return decodeDocument(this.#source, at, this.#versions.hasDocument(version) ? skipValue(this.#source, at) : this.#frameEnd())
  }

  #patchInto(document: Document, version: number): void {
    const at = this.#behindKey(version)
    decodePatchInto(document, this.#source, at, this.#frameEnd())
  }

  /** Finds the frame; what stands in it behind the array's head and the key. */
  #behindKey(version: number): number {
    this.#find(version)
    return skipValue(this.#source, this.#offset + frameHeadBytes(this.#seq) + 1)
  }

  #frameEnd(): number {
    return this.#offset + frameBytes(this.#source, this.#offset)
  }

  #find(version: number): void {
    const versions = this.#versions
    versions.read(version)
    if (version > this.#flushed) {
      const address = this.#addresses[version & (this.#addresses.length - 1)] ?? 0
      this.#source = this.#log(Math.floor(address / TWO_32))
      this.#offset = address % TWO_32
    } else {
      const segments = this.#segments
      segments.find(versions.placeRead)
      this.#source = segments.source
      this.#offset = segments.offset
    }
    const found = readVarint(this.#source, this.#offset + FRAME_PREFIX_BYTES)
    const seq = versions.seqRead
    if (found !== seq) throw new DriftError('INVARIANT', `FMT-3: expected the frame of seq ${seq}, found ${found}`)
    this.#seq = seq
  }

  #grow(): void {
    const old = this.#addresses
    this.#addresses = new Float64Array(old.length * 2)
    for (let version = this.#flushed + 1; version <= this.#flushed + old.length; version++) {
      this.#addresses[version & (this.#addresses.length - 1)] = old[version & (old.length - 1)] ?? 0
    }
  }
}
