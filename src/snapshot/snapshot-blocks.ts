import { COLUMN_NODES, type SnapshotBlock } from '../format/snapshot-file.js'
import type { SnapshotReader } from './snapshot-reader.js'

/** The blocks of versions that a snapshot has, for the store of versions: read one by one, each proved. */
export class SnapshotBlocks {
  readonly first: number
  readonly blocks: readonly SnapshotBlock[]
  readonly #reader: SnapshotReader

  constructor(reader: SnapshotReader) {
    this.#reader = reader
    this.blocks = reader.blocks.filter(({ column }) => column === COLUMN_NODES)
    this.first = this.blocks[0]?.group ?? 0
  }

  /** Throws CORRUPT with file and offset. */
  read(block: number, target: Uint8Array): void {
    const stored = this.blocks[block - this.first]
    if (stored === undefined || stored.group !== block || stored.bytes !== target.length) {
      throw this.#reader.damaged(stored?.offset ?? 0, `it has no block ${block} of versions`)
    }
    target.set(this.#reader.bytes(stored))
  }

  close(): void {
    this.#reader.close()
  }
}
