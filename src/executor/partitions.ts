/**
 * Rows put aside by the hash of what makes them the same: all rows of one identity are in one partition, in the order in which they came.
 * A partition that is still too large is cut again by another hash, that of the next level.
 */
import { type Batch } from '../expression/batch.js'
import { type QueryMemory } from './query-memory.js'
import { RowWriter, SharedFile, type SpilledRows } from './spilled-rows.js'

const PARTITION_COUNT = 16
/** So many cuts leave one row of four thousand million. What is together after them was made to be, and must fit in memory. */
export const LEVELS_MAX = 8

export class Partitions {
  readonly #file: SharedFile
  readonly #writers: RowWriter[]
  readonly #level: number

  constructor(memory: QueryMemory, level: number) {
    this.#file = new SharedFile(memory)
    this.#writers = Array.from({ length: PARTITION_COUNT }, () => new RowWriter(this.#file, memory))
    this.#level = level
  }

  /** Behind the columns of the row `last`, if it is given. */
  add(identity: string, batch: Batch, row: number, last?: number): void {
    this.#writers[hashOf(identity, this.#level) % PARTITION_COUNT]?.add(batch, row, last)
  }

  /** Those that have rows; each is to be read once, to its end. Nothing can be added after. */
  end(): SpilledRows[] {
    const partitions = this.#writers.filter(({ rowCount }) => rowCount > 0)
    for (const writer of this.#writers) if (writer.rowCount === 0) writer.abandon()
    return partitions.map((writer) => writer.end())
  }

  close(): void {
    this.#file.close()
  }
}

/** FNV-1a over UTF-16 units, from another beginning for each level, its bits mixed (murmur3). */
function hashOf(text: string, level: number): number {
  let hash = 0x811c9dc5 ^ Math.imul(level + 1, 0x9e3779b1)
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
