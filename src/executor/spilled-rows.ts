/**
 * Rows in a file of the query's, as blocks of whole rows: each row its columns one after the other, then its document if there is one. A
 * file holds many sequences of blocks (sorted runs, partitions); where each block lies is known in memory only. A sequence is read once.
 */
import { DriftError } from '../base/errors.js'
import { ExactReader } from '../codec/exact-reader.js'
import { ExactWriter } from '../codec/exact-writer.js'
import { type Document } from '../codec/value.js'
import { BATCH_ROWS_MAX, type Batch } from '../expression/batch.js'
import { bytesOfRow, type QueryMemory } from './query-memory.js'
import { type SpillFile } from './spill.js'

type Block = { readonly position: number; readonly bytes: number; readonly rowCount: number; readonly memoryBytes: number }

export type SpilledRows = {
  readonly file: SharedFile
  readonly blocks: readonly Block[]
  readonly rowCount: number
  readonly columnCount: number
  readonly hasDocuments: boolean
  /** Of the largest block when it is read. */
  readonly blockMemoryBytes: number
}

/** A file that is closed when the last sequence in it was read. */
export class SharedFile {
  readonly #memory: QueryMemory
  #file: SpillFile | undefined
  #users = 0

  /** The file is made by the first write. */
  constructor(memory: QueryMemory) {
    this.#memory = memory
  }

  append(bytes: Uint8Array): number {
    this.#memory.countSpilled(bytes.length)
    this.#file ??= this.#memory.createFile()
    return this.#file.append(bytes)
  }

  read(target: Uint8Array, position: number): void {
    if (this.#file === undefined) throw new DriftError('INVARIANT', 'rows are read from a file that was let go')
    this.#file.read(target, position)
  }

  hold(): void {
    this.#users++
  }

  release(): void {
    if (--this.#users === 0) this.close()
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
  }
}

/** Writes one sequence. Its buffer of one block is taken from the memory until {@link end}. */
export class RowWriter {
  readonly #file: SharedFile
  readonly #memory: QueryMemory
  readonly #writer = new ExactWriter()
  readonly #blocks: Block[] = []
  readonly #blockBytes: number
  #rowCount = 0
  #blockRows = 0
  #blockMemoryBytes = 0
  #columnCount = 0
  #hasDocuments = false

  constructor(file: SharedFile, memory: QueryMemory) {
    this.#file = file
    this.#memory = memory
    this.#blockBytes = memory.blockBytes
    memory.take(this.#blockBytes)
  }

  /** Rows so far. */
  get rowCount(): number {
    return this.#rowCount + this.#blockRows
  }

  /** All rows of a sequence have the same columns. Behind them `last`, if it is given. */
  add(batch: Batch, row: number, last?: number): void {
    const { columns, documents } = batch
    for (let index = 0; index < columns.length; index++) {
      const column = columns[index]
      this.#writer.write(column?.nulls[row] === 1 ? null : column?.values[row])
    }
    if (last !== undefined) this.#writer.write(last)
    if (documents !== undefined) this.#writer.write(documents[row])
    this.#columnCount = columns.length + (last === undefined ? 0 : 1)
    this.#hasDocuments = documents !== undefined
    this.#blockRows++
    this.#blockMemoryBytes += bytesOfRow(batch, row)
    if (this.#writer.length >= this.#blockBytes || this.#blockRows === BATCH_ROWS_MAX) this.#writeBlock()
  }

  /** Gives the buffer back; nothing was written, or nobody will read it. */
  abandon(): void {
    this.#memory.free(this.#blockBytes)
  }

  end(): SpilledRows {
    if (this.#blockRows > 0) this.#writeBlock()
    this.abandon()
    this.#memory.countRun()
    this.#file.hold()
    return {
      file: this.#file,
      blocks: this.#blocks,
      rowCount: this.#rowCount,
      columnCount: this.#columnCount,
      hasDocuments: this.#hasDocuments,
      blockMemoryBytes: this.#blocks.reduce((most, { memoryBytes }) => Math.max(most, memoryBytes), 0)
    }
  }

  #writeBlock(): void {
    const { bytes } = this.#writer
    const block = {
      position: this.#file.append(bytes),
      bytes: bytes.length,
      rowCount: this.#blockRows,
      memoryBytes: this.#blockMemoryBytes
    }
    this.#blocks.push(block)
    this.#rowCount += block.rowCount
    this.#blockRows = 0
    this.#blockMemoryBytes = 0
    this.#writer.clear(this.#blockBytes * 2)
  }
}

/** A batch for each block, which is in the memory's account until the next one is asked for. The file is let go at the end. */
export function* readRows(rows: SpilledRows, memory: QueryMemory): Generator<Batch, void, void> {
  let taken = 0
  try {
    for (const block of rows.blocks) {
      memory.free(taken)
      taken = 0
      memory.take(block.memoryBytes)
      taken = block.memoryBytes
      yield readBlock(rows, block)
    }
  } finally {
    memory.free(taken)
    rows.file.release()
  }
}

function readBlock({ file, columnCount, hasDocuments }: SpilledRows, { position, bytes, rowCount }: Block): Batch {
  const encoded = new Uint8Array(bytes)
  file.read(encoded, position)
  const reader = new ExactReader(encoded)
  const columns = Array.from({ length: columnCount }, () => ({ values: new Array<unknown>(rowCount), nulls: new Uint8Array(rowCount) }))
  const documents: Document[] = []
  for (let row = 0; row < rowCount; row++) {
    for (const { values, nulls } of columns) {
      const value = reader.read()
      values[row] = value
      if (value === null || value === undefined) nulls[row] = 1
    }
    if (hasDocuments) documents.push(reader.read() as Document)
  }
  return hasDocuments ? { rowCount, columns, documents } : { rowCount, columns }
}
