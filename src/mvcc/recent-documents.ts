import type { Document } from '../codec/value.js'
import type { VersionFrames } from './version-frames.js'
import type { VersionStore } from './version-store.js'

/** A power of two. */
const SLOTS = 4096
/** A document with more fields is not kept: copying it would cost as much as reading it. */
const FIELDS_MAX = 32
/** Characters of a text that is kept. */
const TEXT_UNITS_MAX = 256

/**
 * The documents of rows that are read by key again and again, as objects: a copy of one costs a tenth of reading its bytes, and after a
 * patch only the patch is read. One slot for each row, the last one that came to it; a row is kept from its second read on, so a row that
 * is read once costs two stores. Only flat documents: a copy of them shares nothing. At most {@link SLOTS} times 32 short values.
 */
export class RecentDocuments {
  readonly #versions: VersionStore
  readonly #frames: VersionFrames
  /** Of the row that came to the slot last, + 1; 0: none did. */
  readonly #ordinals = new Uint32Array(SLOTS)
  /** That it was read at. */
  readonly #readAt = new Uint32Array(SLOTS)
  /** That version's, where it is kept. */
  readonly #documents: (Document | undefined)[] = new Array<Document | undefined>(SLOTS).fill(undefined)

  constructor(versions: VersionStore, frames: VersionFrames) {
    this.#versions = versions
    this.#frames = frames
  }

  /** The document of a row at one of its versions, which it has at seq `at`; the caller's own. Undefined if that is a delete. */
  document(ordinal: number, version: number, at: number): Document | undefined {
    const slot = ordinal & (SLOTS - 1)
    if (this.#ordinals[slot] !== ordinal + 1) {
      this.#ordinals[slot] = ordinal + 1
      this.#readAt[slot] = version
      this.#documents[slot] = undefined
      return this.#frames.document(version, ordinal, at)
    }
    const kept = this.#documents[slot]
    const keptVersion = this.#readAt[slot] ?? 0
    if (kept !== undefined && keptVersion === version) return { ...kept }
    const isNext = kept !== undefined && this.#versions.previousOf(version) === keptVersion
    const document = isNext ? this.#frames.after({ ...kept }, version) : this.#frames.document(version, ordinal, at)
    // An older point than the one before: who reads the past does not take the present's place.
    if (version < keptVersion) return document
    this.#readAt[slot] = version
    this.#documents[slot] = document !== undefined && isFlat(document) ? { ...document } : undefined
    return document
  }

  /** The row's newest version was taken back: its number will be given again. */
  forget(ordinal: number): void {
    const slot = ordinal & (SLOTS - 1)
    if (this.#ordinals[slot] === ordinal + 1) this.#ordinals[slot] = 0
  }
}

function isFlat(document: Document): boolean {
  let fields = 0
  for (const field in document) {
    const value = document[field]
    if (++fields > FIELDS_MAX || (typeof value === 'object' && value !== null)) return false
    if (typeof value === 'string' && value.length > TEXT_UNITS_MAX) return false
  }
  return true
}
