import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { DOCUMENT_ROOM_BYTES, encodeDocument, encodePlainDocument, shapeOfPlain } from '../codec/document-codec.js'
import type { Shape } from '../codec/document-shape.js'
import { encodeKey } from '../codec/key-codec.js'
import { EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE } from '../format/frame.js'

export type WriteKind = 'insert' | 'upsert' | 'patch' | 'softDelete' | 'schema'

export type WriteConditions = {
  /** Only if the key's last event has this seq; 0: only if it has none. */
  readonly ifSeq?: number | undefined
  /** A write that changes nothing makes no event. */
  readonly skipUnchanged?: boolean | undefined
}

const noConditions: WriteConditions = {}

/** One write, encoded: offsets into the set's bytes. */
export type WriteOperation<Table> = {
  readonly table: Table
  readonly kind: WriteKind
  readonly valueAt: number
  /** Where the value ends and the key begins. */
  readonly keyAt: number
  readonly end: number
  /** Of the value, where encoding it told; else it is found in the value's bytes. */
  readonly shape: Shape | undefined
  readonly conditions: WriteConditions
  /** Of the key, where a transaction has looked for it already; -1: to be found, or there is none yet. */
  ordinal: number
}

/**
 * The writes of one commit, encoded on the caller's thread before anything is numbered: what a caller does to its objects afterwards
 * changes nothing. Documents and patches as msgpack, each with its key's canonical bytes
 * behind it.
 */
export class WriteSet<Table extends { readonly definition: { readonly name: string; readonly primaryKey: string } }> {
  readonly operations: WriteOperation<Table>[] = []
  #bytesMax: number = limits.batchBytesMax
  #buffer = new Uint8Array(FIRST_BYTES)
  #used = 0

  /** Bytes of all keys and values. */
  get bytes(): number {
    return this.#used
  }

  get buffer(): Uint8Array {
    return this.#buffer
  }

  /** Ready for another commit, of so many bytes at most. */
  clear(bytesMax: number = limits.batchBytesMax): void {
    this.#bytesMax = bytesMax
    this.operations.length = 0
    this.#used = 0
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = new Uint8Array(FIRST_BYTES)
  }

  /** Takes back all operations but the first `count`. */
  truncate(count: number): void {
    this.operations.length = count
    this.#used = this.operations.at(-1)?.end ?? 0
  }

  /** INSERT or UPSERT of a document; its key is its primary-key field. Throws INVALID_DOCUMENT or LIMIT, and adds nothing then. */
  document(kind: 'insert' | 'upsert', table: Table, document: unknown, conditions = noConditions): void {
    const valueAt = this.#room(0, DOCUMENT_ROOM_BYTES)
    // A document of the common kind is written right here; any other comes from the encoder's own buffer.
    const plainEnd = encodePlainDocument(document, this.#buffer, valueAt)
    const shape = plainEnd < 0 ? undefined : shapeOfPlain()
    const keyAt = plainEnd < 0 ? this.#value(encodeDocument(document, 'document')) : plainEnd
    const length = this.#key((document as Record<string, unknown>)[table.definition.primaryKey], keyAt, table)
    this.#add(table, kind, valueAt, keyAt, keyAt + length, shape, conditions)
  }

  /** PATCH: fields to set; the primary key may stand in it, unchanged. */
  patch(table: Table, key: unknown, set: unknown, conditions = noConditions): void {
    const { name, primaryKey } = table.definition
    const valueAt = this.#room(0, DOCUMENT_ROOM_BYTES)
    const plainEnd = encodePlainDocument(set, this.#buffer, valueAt)
    const shape = plainEnd < 0 ? undefined : shapeOfPlain()
    const keyAt = plainEnd < 0 ? this.#value(encodeDocument(set, 'patch')) : plainEnd
    const end = keyAt + this.#key(key, keyAt, table)
    const inSet = (set as Record<string, unknown>)[primaryKey]
    if (inSet !== undefined) {
      const length = this.#key(inSet, end, table)
      if (Buffer.compare(this.#buffer.subarray(keyAt, end), this.#buffer.subarray(end, end + length)) !== 0) {
        throw new DriftError('INVALID_DOCUMENT', `a patch of table ${name} may not change its primary key ${primaryKey}`, {
          table: name,
          path: primaryKey,
          reason: 'the primary key may not change'
        })
      }
    }
    this.#add(table, 'patch', valueAt, keyAt, end, shape, conditions)
  }

  softDelete(table: Table, key: unknown, conditions = noConditions): void {
    const at = this.#room(0, 0)
    this.#add(table, 'softDelete', at, at, at + this.#key(key, at, table), undefined, conditions)
  }

  /** Copies a value behind what is there; returns where its key belongs. Nothing is added yet. */
  #value(value: Uint8Array): number {
    const at = this.#room(value.length, value.length)
    this.#buffer.set(value, at)
    return at + value.length
  }

  #key(key: unknown, at: number, { definition }: Table): number {
    try {
      // By way of a scratch: a view for each row costs more than copying the few bytes of a key.
      const length = encodeKey(key, keyScratch)
      for (let index = 0; index < length; index++) this.#buffer[at + index] = keyScratch[index] ?? 0
      return length
    } catch (error) {
      if (!(error instanceof DriftError)) throw error
      const name = error.code === 'DRIFT_LIMIT' ? 'LIMIT' : 'INVALID_DOCUMENT'
      const { name: table, primaryKey } = definition
      throw new DriftError(name, `table ${table}, primary key ${primaryKey}: ${error.message}`, {
        ...error.details,
        table,
        path: primaryKey
      })
    }
  }

  /** Makes room for two keys and `roomBytes`, of which `valueBytes` will be used; returns where to write. */
  #room(valueBytes: number, roomBytes: number): number {
    if (this.operations.length >= limits.batchEventsMax) {
      throw new DriftError('LIMIT', `a commit may have ${limits.batchEventsMax} events`, {
        name: 'batchEventsMax',
        limit: limits.batchEventsMax,
        seen: this.operations.length + 1
      })
    }
    const needed = this.#used + roomBytes + 2 * KEY_ROOM
    if (this.#used + valueBytes > this.#bytesMax) {
      throw new DriftError('LIMIT', `a commit may have ${this.#bytesMax} bytes`, {
        name: 'batchBytesMax',
        limit: this.#bytesMax,
        seen: this.#used + valueBytes
      })
    }
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2))
      grown.set(this.#buffer.subarray(0, this.#used))
      this.#buffer = grown
    }
    return this.#used
  }

  #add(
    table: Table,
    kind: WriteKind,
    valueAt: number,
    keyAt: number,
    end: number,
    shape: Shape | undefined,
    conditions: WriteConditions
  ): void {
    this.operations.push({ table, kind, valueAt, keyAt, end, shape, conditions, ordinal: -1 })
    this.#used = end
  }
}

const KEY_ROOM = 1100
const keyScratch = new Uint8Array(KEY_ROOM)
const FIRST_BYTES = 32 * 1024
/** A set that grew past this gives its buffer back. */
const KEPT_BYTES = 4 * 1024 * 1024

export function eventOf(kind: WriteKind): number {
  switch (kind) {
    case 'insert':
    case 'upsert':
      return EVENT_INSERT
    case 'patch':
      return EVENT_PATCH
    case 'softDelete':
      return EVENT_SOFT_DELETE
    case 'schema':
      throw new DriftError('INVARIANT', 'CAT-2: a schema change is not a row event')
  }
}
