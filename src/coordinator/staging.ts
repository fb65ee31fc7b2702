import { isDeepStrictEqual } from 'node:util'
import { DriftError } from '../base/errors.js'
import { limits, PATCHES_PER_DOCUMENT } from '../base/limits.js'
import { decodeDocument, encodeDocument } from '../codec/document-codec.js'
import type { DocumentFold } from '../codec/document-fold.js'
import { writeKeyPayload } from '../codec/key-codec.js'
import { EVENT_MORE, EVENT_PATCH, EVENT_SCHEMA, EVENT_SOFT_DELETE, frameHeadBytes, writeFrameHead } from '../format/frame.js'
import type { RecordRun } from '../format/wal-record.js'
import type { ApplyMemory } from '../memory/apply-memory.js'
import { logAddress } from '../mvcc/version-frames.js'
import { eventOf, type WriteOperation, type WriteSet } from '../txn/write-set.js'
import { checkSeq, refusal } from './refusals.js'
import type { TableState } from './table-state.js'

/** Number of the private buffer among the sources of log bytes; 0 is the shared log. */
export const STAGING_SOURCE = 1

const MSGPACK_ARRAY = 0x90
/** So many are copied quicker one by one. */
const FEW_BYTES = 64
const keyScratch = new Uint8Array(limits.keyBytesMax + 16)
/** A frame's head and key, at most. */
const FRAME_ROOM = 32 + limits.keyBytesMax + 16

type Staged = {
  readonly table: TableState
  readonly ordinal: number
  readonly isNewKey: boolean
  readonly version: number
  readonly at: number
  readonly bytes: number
}

/**
 * One commit in the making: every operation is validated against everything numbered before it, the earlier ones of the same commit
 * included, gets its seq, and becomes a frame in a private buffer. Versions are appended as it goes, behind every visible seq; a
 * refused commit takes all of them back, so it leaves no trace and uses no seq (ATM-3).
 */
export class Staging {
  #bytes = new Uint8Array(64 * 1024)
  #used = 0
  #firstSeq = 0
  #lastTypeAt = 0
  readonly #staged: Staged[] = []
  #runs: { tableId: number; count: number; bytes: number }[] = []
  #events = 0
  readonly #oldestReadSeq: () => number
  readonly #check: (staged: readonly Staged[], seq: number) => void

  /**
   * `oldestReadSeq`: the oldest point of which a transaction may still ask what changed since. `check` refuses what a whole commit would
   * leave behind; it is told the commit's first seq.
   */
  constructor(oldestReadSeq: () => number, check: (staged: readonly Staged[], seq: number) => void = () => {}) {
    this.#oldestReadSeq = oldestReadSeq
    this.#check = check
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#used)
  }

  get buffer(): Uint8Array {
    return this.#bytes
  }

  get events(): number {
    return this.#events
  }

  get runs(): readonly RecordRun[] {
    return this.#runs
  }

  /** Stages all writes of a set; throws the first refusal with `details.index`, with nothing left behind. */
  stage(set: WriteSet<TableState>, firstSeq: number, time: number): void {
    this.#reset()
    this.#firstSeq = firstSeq
    let index = 0
    try {
      for (; index < set.operations.length; index++) {
        const operation = set.operations[index]
        if (operation !== undefined) this.#operation(set, operation, firstSeq + this.#events, time)
      }
    } catch (error) {
      this.takeBack()
      if (!(error instanceof DriftError) || set.operations.length === 1) throw error
      throw new DriftError(error.code.slice(6) as 'LIMIT', `operation ${index}: ${error.message}`, { ...error.details, index }, error)
    }
    try {
      this.#check(this.#staged, firstSeq)
    } catch (error) {
      this.takeBack()
      throw error
    }
    this.#finish()
  }

  /** Stages one schema event. */
  stageSchema(tableId: number, payload: Uint8Array, seq: number, time: number): void {
    this.#reset()
    const at = this.#begin(tableId, seq, time, EVENT_SCHEMA, payload.length)
    this.#bytes.set(payload, at)
    this.#end(at + payload.length)
    this.#finish()
  }

  /** Undoes everything, newest first. */
  takeBack(): void {
    const tables = new Set(this.#staged.map((entry) => entry.table))
    for (let entry = this.#staged.pop(); entry !== undefined; entry = this.#staged.pop()) {
      entry.table.takeBack(entry.ordinal, entry.isNewKey, entry.bytes)
    }
    for (const table of tables) table.columns.takeBack(this.#firstSeq)
    this.#reset()
  }

  /** The frames stand in the shared log now, from `offset` on; apply finds their ordinals beside them. */
  moved(offset: number, apply: ApplyMemory): ReadonlyMap<TableState, number> {
    let deltas: Map<TableState, number> | undefined
    let seq = this.#firstSeq
    for (const { table, ordinal, version, at } of this.#staged) {
      apply.setOrdinal(offset + at, ordinal)
      table.recent.push(seq++, ordinal, this.#oldestReadSeq)
      table.frames.setAddress(version, logAddress(0, offset + at))
      const delta = table.versions.liveChangeOf(version)
      if (delta === 0) continue
      deltas ??= new Map()
      deltas.set(table, (deltas.get(table) ?? 0) + delta)
    }
    this.#staged.length = 0
    return deltas ?? NO_DELTAS
  }

  #operation(set: WriteSet<TableState>, operation: WriteOperation<TableState>, seq: number, time: number): void {
    const { table, kind, conditions } = operation
    if (table.damage !== undefined) throw table.damage
    const { buffer } = set
    const { valueAt, keyAt, end: keyEnd } = operation
    const keyBytes = keyEnd - keyAt
    // Views of a few bytes cost more than the bytes.
    for (let index = 0; index < keyBytes; index++) keyScratch[index] = buffer[keyAt + index] as number
    let { ordinal } = operation
    let hash = 0
    if (ordinal < 0) {
      hash = table.keys.hash(keyScratch, keyBytes)
      ordinal = table.keys.find(keyScratch, keyBytes, hash)
    }
    const latest = ordinal < 0 ? 0 : table.versions.latestOf(ordinal)
    const live = latest !== 0 && table.versions.isLatestLive(ordinal)
    if (conditions.ifSeq !== undefined) checkSeq(table, keyScratch.slice(0, keyBytes), conditions.ifSeq, latest)
    if (kind === 'insert' && live) {
      throw refusal('ALREADY_EXISTS', table, keyScratch.slice(0, keyBytes))
    }
    if ((kind === 'patch' || kind === 'softDelete') && !live) {
      throw refusal('KEY_NOT_FOUND', table, keyScratch.slice(0, keyBytes))
    }
    const valueBytes = keyAt - valueAt
    if (conditions.skipUnchanged === true && live && kind !== 'softDelete') {
      const before = table.frames.document(latest, ordinal) ?? {}
      const written = decodeDocument(buffer, valueAt, keyAt)
      const after = kind === 'patch' ? { ...before, ...written } : written
      if (isDeepStrictEqual(before, after)) return
    }
    const event = eventOf(kind)
    let fold: DocumentFold | undefined
    let whole: Uint8Array | undefined
    // Every fourth patch carries its document, and so does one whose document may be over the limit: encoding it tells.
    const isDeep = ordinal >= 0 && table.versions.latestPatchDepthOf(ordinal) + 1 >= PATCHES_PER_DOCUMENT
    if (event === EVENT_PATCH && (isDeep || table.versions.latestKibMax(ordinal) * 1024 + valueBytes > limits.documentBytesMax)) {
      fold = table.frames.fold(latest, ordinal, buffer, valueAt, keyAt)
      if (fold === undefined) {
        whole = encodeDocument({ ...table.frames.document(latest, ordinal), ...decodeDocument(buffer, valueAt, keyAt) }, 'document')
      }
    }
    const carriesDocument = fold !== undefined || whole !== undefined
    const payloadMax = 2 * FRAME_ROOM + valueBytes + (fold?.bytes ?? whole?.length ?? 0)
    this.#room(payloadMax)
    const parts = event === EVENT_SOFT_DELETE ? 1 : carriesDocument ? 3 : 2
    const frameAt = this.#used
    // The key's msgpack form is at most a few bytes longer than its canonical one; the head is written when the length is known.
    const payloadAt = frameAt + frameHeadBytes(seq)
    this.#bytes[payloadAt] = MSGPACK_ARRAY | parts
    let end = writeKeyPayload(keyScratch, keyBytes, this.#bytes, payloadAt + 1)
    if (valueBytes > FEW_BYTES) this.#bytes.set(buffer.subarray(valueAt, keyAt), end)
    else for (let index = 0; index < valueBytes; index++) this.#bytes[end + index] = buffer[valueAt + index] as number
    end += valueBytes
    if (fold !== undefined) end = fold.write(this.#bytes, end)
    else if (whole !== undefined) {
      this.#bytes.set(whole, end)
      end += whole.length
    }
    this.#begin(table.definition.id, seq, time, event, end - payloadAt)
    const isNewKey = ordinal < 0
    if (isNewKey) ordinal = table.keys.add(keyScratch, keyBytes, hash)
    const version = table.versions.append(ordinal, seq, table.nextPlace, event, carriesDocument, end - frameAt)
    table.nextPlace += end - frameAt
    table.frames.setAddress(version, logAddress(STAGING_SOURCE, frameAt))
    this.#staged.push({ table, ordinal, isNewKey, version, at: frameAt, bytes: end - frameAt })
    if (operation.shape !== undefined) table.columns.see(operation.shape, seq)
    else if (event !== EVENT_SOFT_DELETE) table.columns.seeDocument(set.buffer, operation.valueAt, seq)
    this.#end(end)
  }

  /** Writes a frame's head at the end of the buffer; returns where its payload belongs. */
  #begin(tableId: number, seq: number, time: number, event: number, payloadBytes: number): number {
    this.#room(FRAME_ROOM + payloadBytes)
    const run = this.#runs.at(-1)
    const bytes = frameHeadBytes(seq) + payloadBytes
    if (run?.tableId === tableId) {
      run.count++
      run.bytes += bytes
    } else {
      this.#runs.push({ tableId, count: 1, bytes })
    }
    const payloadAt = writeFrameHead(this.#bytes, this.#used, seq, time, event | EVENT_MORE, payloadBytes)
    this.#lastTypeAt = payloadAt - 1
    return payloadAt
  }

  #end(end: number): void {
    this.#used = end
    this.#events++
    if (this.#used > limits.batchBytesMax) {
      throw new DriftError('LIMIT', `a commit may have ${limits.batchBytesMax} bytes`, {
        name: 'batchBytesMax',
        limit: limits.batchBytesMax,
        seen: this.#used
      })
    }
  }

  #finish(): void {
    if (this.#events > 0) this.#bytes[this.#lastTypeAt] = (this.#bytes[this.#lastTypeAt] ?? 0) & ~EVENT_MORE
  }

  #room(bytes: number): void {
    if (this.#used + bytes <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#used + bytes, this.#bytes.length * 2))
    grown.set(this.bytes)
    this.#bytes = grown
  }

  #reset(): void {
    this.#used = 0
    this.#events = 0
    this.#runs = []
    this.#staged.length = 0
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = new Uint8Array(64 * 1024)
  }
}

const NO_DELTAS: ReadonlyMap<TableState, number> = new Map()
const KEPT_BYTES = 32 * 1024 * 1024
