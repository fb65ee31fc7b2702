import { DriftError } from '../base/errors.js'
import { FILE_HEADER_BYTES } from '../format/file-header.js'
import type { SegmentFooter } from '../format/segment-footer.js'
import type { File } from '../io/io.js'
import { readStoredBlock } from './stored-block.js'

/** A compacted segment as if its blocks were not compressed: for who checks frame by frame. One block is in memory. */
export class InflatedSegment implements File {
  readonly path: string
  readonly #file: File
  readonly #footer: SegmentFooter
  #index = -1
  #block: Uint8Array = new Uint8Array(0)

  constructor(file: File, footer: SegmentFooter) {
    this.path = file.path
    this.#file = file
    this.#footer = footer
  }

  read(target: Uint8Array, position: number): number {
    let done = 0
    while (done < target.length && position + done < this.size()) {
      const from = position + done - this.#load(position + done)
      const part = this.#block.subarray(from, from + target.length - done)
      target.set(part, done)
      done += part.length
    }
    return done
  }

  write(): void {
    throw sealed(this.path)
  }

  sync(): void {
    throw sealed(this.path)
  }

  syncAsync(): Promise<void> {
    return Promise.reject(sealed(this.path))
  }

  size(): number {
    return FILE_HEADER_BYTES + this.#footer.frameBytes
  }

  truncate(): void {
    throw sealed(this.path)
  }

  close(): void {
    this.#file.close()
  }

  /** Makes the block that has `position` the one in memory; where it begins. */
  #load(position: number): number {
    const { blocks } = this.#footer
    let low = 0
    let high = blocks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((blocks[middle]?.offset ?? 0) <= position) low = middle
      else high = middle - 1
    }
    const block = blocks[low]
    if (block === undefined || block.offset > position) throw new DriftError('INVARIANT', `FMT-3: ${this.path} has no frame at ${position}`)
    if (this.#index !== low) {
      this.#block = readStoredBlock(this.#file, block, (blocks[low + 1]?.offset ?? this.size()) - block.offset)
      this.#index = low
    }
    return block.offset
  }
}

function sealed(file: string): DriftError {
  return new DriftError('INVARIANT', `FMT-4: ${file} is sealed`)
}
