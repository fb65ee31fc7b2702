/** What a query keeps of its rows, against its bound. An estimate of bytes, made of what values take in V8. */
import { DriftError } from '../base/errors.js'
import { type Batch } from './batch.js'

export class QueryMemory {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @throws DriftError LIMIT (`name`, `limit`, `seen`). */
  take(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes <= this.#bytesMax) return
    const limit = this.#bytesMax
    const message = `the query needs more than ${limit} bytes of memory; read its rows as a stream, with a LIMIT, or allow more`
    throw new DriftError('LIMIT', message, { name: 'queryBytesMax', limit, seen: this.#bytes })
  }

  free(bytes: number): void {
    this.#bytes -= bytes
  }
}

export function bytesOfBatch({ rowCount, columns, documents }: Batch): number {
  let bytes = rowCount * 8
  for (const { values } of columns) for (const value of values) bytes += bytesOf(value)
  if (documents !== undefined) for (const document of documents) bytes += bytesOf(document)
  return bytes
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
