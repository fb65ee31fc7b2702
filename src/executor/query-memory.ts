/**
 * What a query keeps of its rows, against its bound. An estimate of bytes, made of what values take in V8. Each operator has a part of its
 * own, so that it can be told what it took; all parts stand under the one bound.
 */
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { type Batch } from '../expression/batch.js'
import { type SpillFile, type SpillSpace } from './spill.js'

/** An operator spills where the query has taken half of its bound, and the operator itself this part of it. */
const SHARE = 8
/** A block of rows in a file: of the bound, and at most. */
const BLOCK_PART = 512
const BLOCK_BYTES_MIN = 256
const BLOCK_BYTES_MAX = 256 * 1024

export type Spill = {
  readonly space: SpillSpace
  /** That the query may write, all its files together. */
  readonly bytesMax: number
}

export class QueryMemory {
  readonly #bytesMax: number
  readonly #spill: Spill | undefined
  readonly #parent: QueryMemory | undefined
  #parts: Map<string, QueryMemory> | undefined
  #bytes = 0
  #peakBytes = 0
  #spilledBytes = 0
  #runs = 0

  /** Without `spill` everything that does not fit is LIMIT. */
  constructor(bytesMax: number, spill?: Spill, parent?: QueryMemory) {
    this.#bytesMax = bytesMax
    this.#spill = spill
    this.#parent = parent
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The most that was taken at a time. */
  get peakBytes(): number {
    return this.#peakBytes
  }

  get spilledBytes(): number {
    return this.#spilledBytes
  }

  /** Sorted runs and partitions that were written. */
  get runs(): number {
    return this.#runs
  }

  /** The same memory, with an account for one step. */
  part(step: string): QueryMemory {
    const part = new QueryMemory(this.#bytesMax, this.#spill, this)
    this.#parts ??= new Map()
    this.#parts.set(step, part)
    return part
  }

  /** The account of a step, if it has one. */
  partOf(step: string): QueryMemory | undefined {
    return this.#parts?.get(step)
  }

  /** @throws DriftError LIMIT (`name`, `limit`, `seen`). */
  take(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > this.#peakBytes) this.#peakBytes = this.#bytes
    if (this.#parent !== undefined) return this.#parent.take(bytes)
    if (this.#bytes <= this.#bytesMax) return
    const limit = this.#bytesMax
    const message = `the query needs more than ${limit} bytes of memory; read its rows as a stream, with a LIMIT, or allow more`
    throw new DriftError('LIMIT', message, { name: 'queryBytesMax', limit, seen: this.#bytes })
  }

  free(bytes: number): void {
    this.#bytes -= bytes
    this.#parent?.free(bytes)
  }

  /**
   * Whether an operator that holds `own` bytes should put them into a file instead of taking `more`. Below an eighth of the bound it never
   * should, so that runs do not get short where others hold much; and all together stay under the bound, because there are few operators.
   */
  isFull(own: number, more: number): boolean {
    if (this.#spill === undefined) return false
    return (own + more) * SHARE > this.#bytesMax && (this.#total() + more) * 2 > this.#bytesMax
  }

  /** What a merge may hold of its runs. */
  get mergeBytes(): number {
    return this.#bytesMax / SHARE
  }

  /** Of rows that are written and read in one go. */
  get blockBytes(): number {
    return Math.min(BLOCK_BYTES_MAX, Math.max(BLOCK_BYTES_MIN, Math.floor(this.#bytesMax / BLOCK_PART)))
  }

  /** @throws DriftError NO_SPACE, IO. */
  createFile(): SpillFile {
    if (this.#spill === undefined) throw new DriftError('INVARIANT', 'a query without spill spills')
    return this.#spill.space.create()
  }

  countRun(): void {
    this.#runs++
    this.#parent?.countRun()
  }

  /** Before they are written. @throws DriftError LIMIT (`name`, `limit`, `seen`). */
  countSpilled(bytes: number): void {
    this.#spilledBytes += bytes
    if (this.#parent !== undefined) return this.#parent.countSpilled(bytes)
    const limit = this.#spill?.bytesMax ?? limits.querySpillBytesMax
    if (this.#spilledBytes <= limit) return
    const message = `the query needs more than ${limit} bytes of temporary files; make it smaller, or allow more memory or more spill`
    throw new DriftError('LIMIT', message, { name: 'querySpillBytesMax', limit, seen: this.#spilledBytes })
  }

  #total(): number {
    return this.#parent === undefined ? this.#bytes : this.#parent.#total()
  }
}

export function bytesOfBatch({ rowCount, columns, documents }: Batch): number {
  let bytes = rowCount * 8
  for (const { values } of columns) for (const value of values) bytes += bytesOf(value)
  if (documents !== undefined) for (const document of documents) bytes += bytesOf(document)
  return bytes
}

/** Of the rows of a batch without documents, made to objects of so many of its columns: what `bytesOf` says of each, without going through its names. */
export function bytesOfObjects({ rowCount, columns }: Batch, columnCount: number): number {
  let bytes = rowCount * (24 + 8 * columnCount)
  for (let index = 0; index < columnCount; index++) for (const value of columns[index]?.values ?? []) bytes += bytesOf(value)
  return bytes
}

export function bytesOfRow({ columns, documents }: Batch, row: number): number {
  let bytes = 8
  for (const { values } of columns) bytes += bytesOf(values[row])
  return documents === undefined ? bytes : bytes + bytesOf(documents[row])
}

export function bytesOf(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return 20 + value.length
    case 'bigint':
      return 24
    case 'object': {
      if (value === null) return 8
      if (value instanceof Date) return 80
      if (value instanceof Uint8Array) return 120 + value.length
      let bytes = 24
      if (Array.isArray(value)) for (const item of value) bytes += bytesOf(item)
      else for (const name in value) bytes += 8 + bytesOf((value as { readonly [field: string]: unknown })[name])
      return bytes
    }
    default:
      return 8
  }
}
