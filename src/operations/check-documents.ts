import { isDeepStrictEqual } from 'node:util'
import { DriftError } from '../base/errors.js'
import { PATCHES_PER_DOCUMENT } from '../base/limits.js'
import { decodeDocument, encodeDocument } from '../codec/document-codec.js'
import { DocumentFold } from '../codec/document-fold.js'
import { fieldCount, firstFieldAt, textEnd } from '../codec/document-shape.js'
import { decodeKeyAt, hashKey, readKeyPayload, skipValue } from '../codec/key-codec.js'
import type { Document } from '../codec/value.js'
import { EVENT_INSERT, EVENT_NAMES, EVENT_PATCH, type Frame } from '../format/frame.js'
import { ChangedKeys } from './changed-keys.js'
import type { Findings } from './findings.js'
import { LiveRows } from './live-rows.js'

/** What {@link LiveRows} may take where nobody says otherwise. */
const BUDGET_BYTES = 256 * 1024 * 1024
/** Of the frames of a table: the rows that they make, with what stands in front of each, are not more, and a part of the memory is spare. */
const ROOM_PER_FRAME_BYTE = 3
const SMALL_BYTES = 16 * 1024
/** `[key, patch, document]` */
const CARRYING = 0x93
const KEY_TEXT_MAX = 100
/** A table that is wrong everywhere must not fill the memory with what is wrong with it. */
const FAULTS_MAX = 10_000

type Fault = { readonly hash: number; readonly file: string; readonly offset: number; readonly message: string }

/**
 * Holds the events of one table against each other: that a PATCH or SOFT_DELETE finds its key live (VIS-15), that no more than three
 * PATCHes stand in a row without a document, and that the document which a PATCH carries is, byte for byte, what the last one before it
 * makes with the patches behind that and its own (FMT-10); only names that are numbers may stand elsewhere. An INSERT may follow anything,
 * for an UPSERT of a live key is one.
 *
 * The events are told in their order, those of the WAL behind those of the segments. Memory is bounded: 256 MiB (or `budgetBytes`) for keys
 * and documents, 16 MiB of marks; for a row that needs more than a quarter of that with its patches, four times as much. Where the rows of
 * a table need more, the first pass looks at a share of the keys only, and {@link nextPass} asks for all events again, until each key was
 * in one pass. From the second on only rows with a PATCH or SOFT_DELETE take memory, and their documents only if a PATCH carries one.
 */
export class DocumentCheck {
  readonly #seed: number
  readonly #findings: Findings
  readonly #rows: LiveRows
  /** Undefined where one pass is enough. */
  readonly #changed: ChangedKeys | undefined
  readonly #key = new Uint8Array(1100)
  readonly #fold = new DocumentFold()
  #scratch = new Uint8Array(4096)
  readonly #faults: Fault[] = []
  #passes = 1

  /** `frameBytes`: of the table, in segments and WAL. `seed`: of hashes, whichever. */
  constructor(frameBytes: number, seed: number, findings: Findings, budgetBytes = BUDGET_BYTES) {
    const wanted = frameBytes * ROOM_PER_FRAME_BYTE + SMALL_BYTES
    this.#seed = seed
    this.#findings = findings
    this.#rows = new LiveRows(Math.min(wanted, budgetBytes))
    if (wanted > budgetBytes) this.#changed = new ChangedKeys(frameBytes)
  }

  /** Behind the last event: lists what this pass found. True: all events must be told again. */
  nextPass(): boolean {
    const rows = this.#rows
    // A key that was let go meanwhile is looked at again.
    for (const { hash, file, offset, message } of this.#faults) if (rows.has(hash)) this.#findings.problem(file, offset, message)
    this.#faults.length = 0
    const { rest } = rows
    if (rest === undefined || this.#changed?.isAnyFrom(rest) === false) return false
    rows.nextShare()
    this.#passes++
    return true
  }

  /** Takes the next event of a user's table, which is whole and can be understood. */
  take(frame: Frame, file: string, offset: number): void {
    const { event, payload } = frame
    const rows = this.#rows
    const key = this.#key
    const length = readKeyPayload(payload, 1, key)
    const hash = hashKey(key, 0, length, this.#seed)
    const changed = this.#changed
    if (changed !== undefined) {
      if (this.#passes > 1 && !changed.isChanged(hash)) return
      if (this.#passes === 1 && event !== EVENT_INSERT) changed.add(hash, payload[0] === CARRYING)
    }
    if (!rows.has(hash)) return
    const at = skipValue(payload, 1)
    if (event === EVENT_INSERT) return this.#know(length, hash, payload, at)
    const row = rows.find(key, length, hash)
    if (row < 0) this.#fault(frame, file, offset, hash, length, 'no event before it leaves that key live (VIS-15)')
    if (event !== EVENT_PATCH) {
      if (row >= 0) rows.remove(row)
    } else if (payload[0] === CARRYING) {
      const documentAt = skipValue(payload, at)
      const fault = row >= 0 && rows.isKnown(row) ? this.#documentFault(row, payload, at, documentAt) : undefined
      if (fault !== undefined) this.#fault(frame, file, offset, hash, length, `${fault} (FMT-10)`)
      this.#know(length, hash, payload, documentAt)
    } else if (row < 0) {
      // What it changed cannot be known, nor what the next ones change.
      rows.set(key, length, hash, payload, 0, 0)
    } else if (rows.depthOf(row) < PATCHES_PER_DOCUMENT - 1) {
      rows.patch(row, key, length, hash, payload, at)
    } else {
      this.#fault(frame, file, offset, hash, length, `it is the ${PATCHES_PER_DOCUMENT}th PATCH in a row without a document (FMT-10)`)
      rows.set(key, length, hash, payload, 0, 0)
    }
  }

  /** The key that was read last is live, and its document stands in the payload from `at` on. */
  #know(length: number, hash: number, payload: Uint8Array, at: number): void {
    const isWanted = this.#passes === 1 || this.#changed?.carriesDocument(hash) !== false
    this.#rows.set(this.#key, length, hash, payload, at, isWanted ? payload.length : at)
  }

  /** Why the document in `payload[to …]` is not that of the row with the patch in `payload[from, to)`. */
  #documentFault(row: number, payload: Uint8Array, from: number, to: number): string | undefined {
    const { bytes } = this.#rows
    const partsTo = this.#rows.partsTo(row)
    const documentAt = this.#rows.partsFrom(row)
    const patchesAt = skipValue(bytes, documentAt)
    const fold = this.#fold
    let isCommon = fold.begin(bytes, documentAt, patchesAt)
    for (let at = patchesAt; isCommon && at < partsTo;) {
      const end = skipValue(bytes, at)
      isCommon = fold.patch(bytes, at, end)
      at = end
    }
    if (isCommon && fold.patch(payload, from, to) && fold.bytes === payload.length - to) {
      if (this.#scratch.length < fold.bytes) this.#scratch = new Uint8Array(2 * fold.bytes)
      const end = fold.write(this.#scratch, 0)
      if (isSame(this.#scratch, end, payload, to)) return undefined
    }
    return this.#objectFault(row, payload, from, to)
  }

  /** The same by values: what is not of the common kind was made of objects, in which names that are numbers come first. */
  #objectFault(row: number, payload: Uint8Array, from: number, to: number): string | undefined {
    const { bytes } = this.#rows
    const partsTo = this.#rows.partsTo(row)
    let document: Document = {}
    for (let at = this.#rows.partsFrom(row); at < partsTo;) {
      const end = skipValue(bytes, at)
      document = { ...document, ...decodeDocument(bytes, at, end) }
      at = end
    }
    document = { ...document, ...decodeDocument(payload, from, to) }
    const found = decodeDocument(payload, to)
    try {
      const whole = encodeDocument(document, 'document')
      if (isSame(whole, whole.length, payload, to)) return undefined
      // In version pages they stay where they came in, so they may stand anywhere.
      if (isDeepStrictEqual(Object.keys(found), Object.keys(document)) && haveSameFields(whole, payload.subarray(to))) return undefined
    } catch (error) {
      return `no document can be made of the last one before it and the patches: ${DriftError.from(error, 'document').message}`
    }
    return `its document has ${difference(found, document)} than the last one before it makes with the patches`
  }

  #fault({ seq, event }: Frame, file: string, offset: number, hash: number, length: number, message: string): void {
    if (this.#faults.length === FAULTS_MAX) return
    const key = keyText(this.#key, length)
    this.#faults.push({ hash, file, offset, message: `event ${seq} (${EVENT_NAMES[event]}) of key ${key}: ${message}` })
  }
}

function isSame(expected: Uint8Array, length: number, payload: Uint8Array, from: number): boolean {
  if (payload.length - from !== length) return false
  for (let index = 0; index < length; index++) if (expected[index] !== payload[from + index]) return false
  return true
}

/** Whether two documents have the same names with the same bytes as values, in whatever order. */
function haveSameFields(one: Uint8Array, other: Uint8Array): boolean {
  const values = valuesOf(one)
  const others = valuesOf(other)
  return values.size === others.size && [...values].every(([name, value]) => others.get(name)?.equals(value) === true)
}

function valuesOf(document: Uint8Array): Map<string, Buffer> {
  const bytes = Buffer.from(document.buffer, document.byteOffset, document.length)
  const values = new Map<string, Buffer>()
  let at = firstFieldAt(document, 0)
  for (let left = fieldCount(document, 0); left > 0; left--) {
    const nameEnd = textEnd(document, at)
    const end = skipValue(document, nameEnd)
    values.set(bytes.toString('latin1', at, nameEnd), bytes.subarray(nameEnd, end))
    at = end
  }
  return values
}

function difference(found: Document, expected: Document): string {
  const name = [...Object.keys(expected), ...Object.keys(found)].find((field) => !isDeepStrictEqual(found[field], expected[field]))
  return name === undefined
    ? 'its fields in another order, or written otherwise,'
    : `another ${JSON.stringify(name.slice(0, KEY_TEXT_MAX))}`
}

function keyText(canonical: Uint8Array, length: number): string {
  const key = decodeKeyAt(canonical, 0, length)
  if (typeof key !== 'string') return String(key)
  return key.length > KEY_TEXT_MAX ? `${JSON.stringify(key.slice(0, KEY_TEXT_MAX))}…` : JSON.stringify(key)
}
