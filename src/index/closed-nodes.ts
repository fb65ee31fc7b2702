import { type File, type Io } from '../io/io.js'
import { decodeFileHeader, encodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_INDEX_NODES } from '../format/file-header.js'
import { damagedIndex } from '../format/index-file.js'
import { type IndexFiles } from './index-files.js'
import { imageCrc, isImageOf } from './index-node.js'
import { NODE_BYTES, type NodeFile } from './node-memory.js'

/** Images that are proved at a time. */
const PROVED_NODES = 64

/**
 * The closed nodes of one index, in the order in which they were closed: the file `.nodes` beside its `.idx`. The apply thread writes them,
 * for a checkpoint or because memory is short, any thread reads them. What stands behind those that the `.idx` counts is of use to the
 * process that wrote it; a later one writes over it.
 */
export class ClosedNodes implements NodeFile {
  readonly #io: Io
  readonly #files: IndexFiles
  readonly #nodeBytes: number
  #file: File | undefined

  constructor(io: Io, files: IndexFiles, nodeBytes = NODE_BYTES) {
    this.#io = io
    this.#files = files
    this.#nodeBytes = nodeBytes
  }

  /** From slot 0 on the file is made anew. */
  write(slot: number, images: readonly Uint8Array[]): void {
    this.#file ??= slot === 0 ? this.#made() : this.#io.openWrite(this.#files.nodes)
    this.#file.write(images, this.#offsetOf(slot))
  }

  read(slot: number, id: number, target: Uint8Array): void {
    this.#file ??= this.#io.openRead(this.#files.nodes)
    const read = this.#file.read(target, this.#offsetOf(slot))
    if (read < target.length || !isImageOf(target, id)) throw this.#damaged(slot)
  }

  /**
   * Reads nodes `ids`, the first ones of the file, and compares their checksums. In steps.
   * @throws DriftError CORRUPT, UNSUPPORTED_VERSION with file and offset.
   */
  *prove(ids: readonly number[], crcs: readonly number[]): Generator<number, void> {
    if (ids.length === 0) return
    const { nodes, databaseId, tableId, indexId } = this.#files
    const file = this.#io.openRead(nodes)
    try {
      const head = new Uint8Array(FILE_HEADER_BYTES)
      const header = decodeFileHeader(head.subarray(0, file.read(head, 0)), nodes, FILE_KIND_INDEX_NODES)
      if (header.tableId !== tableId || header.number !== indexId || Buffer.compare(header.databaseId, databaseId) !== 0) {
        throw damagedIndex(nodes, 0, 'it belongs to another index')
      }
      const bytes = new Uint8Array(PROVED_NODES * this.#nodeBytes)
      for (let from = 0; from < ids.length; from += PROVED_NODES) {
        const count = Math.min(PROVED_NODES, ids.length - from)
        const read = file.read(bytes.subarray(0, count * this.#nodeBytes), this.#offsetOf(from))
        for (let at = 0; at < count; at++) {
          const end = (at + 1) * this.#nodeBytes
          const image = bytes.subarray(end - this.#nodeBytes, end)
          const slot = from + at
          if (end > read || !isImageOf(image, ids[slot] as number) || imageCrc(image) !== crcs[slot]) throw this.#damaged(slot)
        }
        yield read
      }
    } finally {
      file.close()
    }
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
  }

  #made(): File {
    const { folder, nodes, databaseId, tableId, indexId } = this.#files
    if (this.#io.kind(folder) === 'absent') this.#io.makeDirectory(folder)
    const file = this.#io.create(nodes)
    const head = { kind: FILE_KIND_INDEX_NODES, flags: 0, tableId, number: indexId, origin: 0, salt: 0, databaseId }
    try {
      file.write([encodeFileHeader(head)], 0)
    } catch (error) {
      file.close()
      throw error
    }
    return file
  }

  #offsetOf(slot: number): number {
    return FILE_HEADER_BYTES + slot * this.#nodeBytes
  }

  #damaged(slot: number) {
    return damagedIndex(this.#files.nodes, this.#offsetOf(slot), `closed node ${slot} is damaged`)
  }
}
