import { DriftError } from '../base/errors.js'
import type { File, Io } from '../io/io.js'
import { encodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_SEGMENT } from '../format/file-header.js'
import { numberedFile } from '../format/manifest.js'
import { encodeSegmentFooter } from '../format/segment-footer.js'
import { BlockBuilder, type SegmentSummary } from './block-builder.js'

/** An active segment is sealed by the checkpoint that finds it at this size or more. */
export const SEGMENT_BYTES = 64 * 1024 * 1024
/** Small runs of frames are gathered, so that commits of one row do not cost one write each. */
const GATHER_BYTES = 64 * 1024

/**
 * Appends frames to the active segment of one table (writer thread, or the opening). Nothing is live until a manifest says so:
 * bytes past the manifest's length are cut at the next opening, files it does not name are removed.
 */
export class SegmentAppender {
  readonly #io: Io
  readonly #directory: string
  readonly #databaseId: Uint8Array
  readonly #tableId: number
  readonly #segments: SegmentSummary[]
  #active: { builder: BlockBuilder; number: number; file: string; origin: number } | undefined
  #handle: File | undefined
  #gathered: Uint8Array | undefined
  #gatheredBytes = 0

  constructor(io: Io, directory: string, databaseId: Uint8Array, tableId: number, segments: readonly SegmentSummary[]) {
    this.#io = io
    this.#directory = directory
    this.#databaseId = databaseId
    this.#tableId = tableId
    this.#segments = [...segments]
    const last = segments.at(-1)
    if (last !== undefined && !last.sealed) {
      this.#segments.pop()
      this.#active = { builder: BlockBuilder.resume(last), number: last.number, file: last.file, origin: last.origin }
    }
  }

  /** All segments as they are now, the active one last. */
  get segments(): readonly SegmentSummary[] {
    const active = this.#active
    return active === undefined
      ? this.#segments
      : [...this.#segments, active.builder.summary(active.number, active.file, active.origin, false)]
  }

  /** Takes whole frames behind the last one; they are in the file after {@link flush}, and nothing is durable yet. */
  append(source: Uint8Array, from: number, to: number): void {
    const bytes = to - from
    if (this.#gatheredBytes + bytes > GATHER_BYTES) this.flush()
    if (bytes > GATHER_BYTES) return this.#write(source, from, to)
    this.#gathered ??= new Uint8Array(GATHER_BYTES)
    this.#gathered.set(source.subarray(from, to), this.#gatheredBytes)
    this.#gatheredBytes += bytes
  }

  flush(): void {
    if (this.#gathered !== undefined) this.#write(this.#gathered, 0, this.#gatheredBytes)
    this.#gatheredBytes = 0
  }

  /** Writes the footer if the active segment is full; the next append begins a new one. Nothing is durable yet. */
  sealIfFull(): boolean {
    const active = this.#active
    return active !== undefined && active.builder.bytes >= SEGMENT_BYTES && this.seal()
  }

  /** Writes the footer of the active segment, whatever its size; false if there is none. Nothing is durable yet. */
  seal(): boolean {
    const active = this.#active
    if (active === undefined || active.builder.bytes === 0) return false
    const { builder } = active
    const file = this.#open(active.file)
    file.write([encodeSegmentFooter(builder.footer())], FILE_HEADER_BYTES + builder.bytes)
    this.#segments.push(builder.summary(active.number, active.file, active.origin, true))
    this.#active = undefined
    return true
  }

  /** Takes the segment that others were merged into in their place. Throws INVARIANT unless it has exactly their frames. */
  replace(merged: SegmentSummary): readonly SegmentSummary[] {
    const end = merged.origin + merged.bytes
    const from = this.#segments.findIndex((segment) => segment.origin === merged.origin)
    const count = this.#segments.slice(from).findIndex((segment) => segment.origin + segment.bytes === end) + 1
    const old = this.#segments.slice(from, from + count)
    const events = old.reduce((sum, segment) => sum + segment.count, 0)
    if (from < 0 || count === 0 || old.at(-1)?.number !== merged.number || events !== merged.count) {
      throw new DriftError('INVARIANT', `FMT-3: ${merged.file} does not have the frames of the segments that it is to replace`)
    }
    this.#segments.splice(from, count, merged)
    return old
  }

  /** Undoes {@link replace}: the manifest that names the merged segment could not be installed. */
  putBack(merged: SegmentSummary, old: readonly SegmentSummary[]): void {
    this.#segments.splice(this.#segments.indexOf(merged), 1, ...old)
  }

  /** Resolves when everything appended, and the footer of a segment just sealed, is durable. */
  async sync(): Promise<void> {
    this.#gathered = undefined
    await this.#handle?.syncAsync()
  }

  /** Returns when everything appended, and a footer, is durable. */
  syncNow(): void {
    this.#handle?.sync()
  }

  /** Called after {@link sync}: a sealed segment's file is not needed open any more. */
  closeSealed(): void {
    if (this.#active === undefined) this.close()
  }

  close(): void {
    this.#handle?.close()
    this.#handle = undefined
  }

  #write(source: Uint8Array, from: number, to: number): void {
    if (from === to) return
    const active = this.#active ?? this.#begin()
    this.#open(active.file).write([source.subarray(from, to)], FILE_HEADER_BYTES + active.builder.bytes)
    active.builder.add(source, from, to)
  }

  #begin(): { builder: BlockBuilder; number: number; file: string; origin: number } {
    const last = this.#segments.at(-1)
    const number = last === undefined ? 1 : last.number + 1
    const origin = last === undefined ? 0 : last.origin + last.bytes
    const file = numberedFile(number, 'seg')
    this.close()
    this.#handle = this.#io.create(`${this.#directory}/${file}`)
    const header = { kind: FILE_KIND_SEGMENT, flags: 0, tableId: this.#tableId, number, origin, salt: 0, databaseId: this.#databaseId }
    this.#handle.write([encodeFileHeader(header)], 0)
    this.#io.syncDirectory(this.#directory)
    this.#active = { builder: new BlockBuilder(), number, file, origin }
    return this.#active
  }

  #open(file: string): File {
    this.#handle ??= this.#io.openWrite(`${this.#directory}/${file}`)
    return this.#handle
  }
}
