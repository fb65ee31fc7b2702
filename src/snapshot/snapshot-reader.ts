import { DriftError } from '../base/errors.js'
import { unpackAnyBlock, unpackBlock } from '../codec/block-codec.js'
import { crc32 } from '../codec/checksum.js'
import { decodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_SNAPSHOT } from '../format/file-header.js'
import type { ManifestSnapshot } from '../format/manifest.js'
import { decodeNumbers } from '../format/number-column.js'
import { decodeSnapshotEnd, SNAPSHOT_END_BYTES, snapshotEndBytes, type SnapshotBlock, type SnapshotEnd } from '../format/snapshot-file.js'
import type { File, Io } from '../io/io.js'

/** One snapshot file, read block by block; every block is proved when it is read. Throws CORRUPT with file and offset. */
export class SnapshotReader {
  readonly end: SnapshotEnd
  readonly blocks: readonly SnapshotBlock[]
  readonly #file: File
  #isClosed = false

  private constructor(file: File, blocks: readonly SnapshotBlock[], end: SnapshotEnd) {
    this.#file = file
    this.blocks = blocks
    this.end = end
  }

  /** Opens the file that a manifest names; header and end must agree with it. */
  static open(io: Io, directory: string, tableId: number, snapshot: ManifestSnapshot): SnapshotReader {
    const path = `${directory}/${snapshot.file}`
    if (io.kind(path) !== 'file') throw damaged(path, 0, 'the manifest names it, and it is not there')
    const file = io.openRead(path)
    try {
      const head = new Uint8Array(FILE_HEADER_BYTES)
      const header = decodeFileHeader(head.subarray(0, file.read(head, 0)), path, FILE_KIND_SNAPSHOT)
      if (header.tableId !== tableId) throw damaged(path, 12, `its header has table id ${header.tableId}, expected ${tableId}`)
      if (header.number !== snapshot.seq) throw damaged(path, 16, `its header has seq ${header.number}, expected ${snapshot.seq}`)
      if (header.origin !== snapshot.after) throw damaged(path, 24, `its header begins behind ${header.origin}, expected ${snapshot.after}`)
      const { blocks, end } = readEnd(file)
      if (end.place !== snapshot.place || end.events !== snapshot.events) {
        throw damaged(path, file.size() - SNAPSHOT_END_BYTES, 'its end does not agree with the manifest')
      }
      return new SnapshotReader(file, blocks, end)
    } catch (error) {
      file.close()
      throw error
    }
  }

  get path(): string {
    return this.#file.path
  }

  bytes(block: SnapshotBlock): Uint8Array {
    return this.#whole(block, unpackBlock(block.codec, this.#stored(block), block.bytes))
  }

  /** The bytes of a block of any codec; only those of older files need the wait. */
  async anyBytes(block: SnapshotBlock): Promise<Uint8Array> {
    return this.#whole(block, await unpackAnyBlock(block.codec, this.#stored(block), block.bytes))
  }

  numbers(block: SnapshotBlock): Float64Array {
    return this.numbersOf(block, this.bytes(block))
  }

  numbersOf(block: SnapshotBlock, bytes: Uint8Array): Float64Array {
    const numbers = decodeNumbers(bytes, block.rows)
    if (numbers === undefined) throw this.damaged(block.offset, `${block.rows} numbers were expected`)
    return numbers
  }

  /** The column of a group that a block belongs to. */
  column(group: readonly SnapshotBlock[], column: number): SnapshotBlock {
    const block = group.find((candidate) => candidate.column === column)
    if (block === undefined) throw damaged(this.path, group[0]?.offset ?? 0, `a group has no column ${column}`)
    return block
  }

  /** Blocks that belong together, of the columns from `first` to `last`, in file order. */
  groups(first: number, last: number): SnapshotBlock[][] {
    const groups: SnapshotBlock[][] = []
    for (const block of this.blocks) {
      if (block.column < first || block.column > last) continue
      const open = groups.at(-1)
      if (open?.[0]?.group === block.group) open.push(block)
      else groups.push([block])
    }
    return groups
  }

  damaged(offset: number, what: string): DriftError {
    return damaged(this.path, offset, what)
  }

  /** More than once is no mistake. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#file.close()
  }

  #stored(block: SnapshotBlock): Uint8Array {
    const stored = new Uint8Array(block.storedBytes)
    if (this.#file.read(stored, block.offset) < stored.length) throw this.damaged(block.offset, 'the file ends inside a block')
    if (crc32(stored) !== block.crc) throw this.damaged(block.offset, 'wrong checksum of a block')
    return stored
  }

  #whole(block: SnapshotBlock, bytes: Uint8Array | undefined): Uint8Array {
    if (bytes === undefined) throw this.damaged(block.offset, 'a block does not hold its bytes')
    return bytes
  }
}

function readEnd(file: File): { readonly blocks: readonly SnapshotBlock[]; readonly end: SnapshotEnd } {
  const size = file.size()
  const tail = new Uint8Array(SNAPSHOT_END_BYTES)
  const fault = () => damaged(file.path, Math.max(0, size - SNAPSHOT_END_BYTES), 'its end is damaged')
  if (size < FILE_HEADER_BYTES + SNAPSHOT_END_BYTES) throw fault()
  file.read(tail, size - SNAPSHOT_END_BYTES)
  const count = snapshotEndBytes(tail)
  // Checked before anything of that size is made (FMT-2).
  if (count === undefined || count > size - FILE_HEADER_BYTES) throw fault()
  const bytes = new Uint8Array(count)
  file.read(bytes, size - count)
  const found = decodeSnapshotEnd(bytes)
  if (found === undefined) throw fault()
  let at = FILE_HEADER_BYTES
  for (const block of found.blocks) {
    if (block.offset !== at) throw damaged(file.path, at, 'a block is not where the one before it ends')
    at += block.storedBytes
  }
  if (at !== size - count) throw damaged(file.path, at, 'bytes that no block has')
  return found
}

function damaged(file: string, offset: number, what: string): DriftError {
  return new DriftError('CORRUPT', `${file}: ${what}, at offset ${offset}; run driftdb doctor`, { file, offset, found: what })
}
