import { type OpenRowsAnswer } from '../apply/applier.js'
import { DriftError } from '../base/errors.js'
import { type ApplyMemory } from '../memory/apply-memory.js'
import { type PageDocuments as DocumentSource } from '../mvcc/page-documents.js'
import { type OpenRows, SEALED } from '../page/open-rows.js'
import { type PageDirectory, tileOf } from '../page/page-directory.js'
import { isHandle, type PageHandle, type SealedPage } from '../page/page-handle.js'
import { type PageView } from '../page/page-view.js'

/** Of a table without pages: after so many questions they are made. That is a fraction of a second, or a million rows a second to be read. */
const QUESTIONS_MAX = 1000
/** A sealed page is read when it was missed so often: that is what so many frames and blocks of versions take. */
const MISSES_MAX = 16
const MISSES_KEPT = 1024

export type PageDocumentsParts = {
  readonly apply: ApplyMemory
  readonly tableId: number
  /** True while the table has pages that this thread may read in. */
  readonly isLive: () => boolean
  /** Never rejects. */
  readonly ask: () => Promise<OpenRowsAnswer | undefined>
  readonly attach: (answer: OpenRowsAnswer) => OpenRows
  /** A directory of the table's pages, maybe an old one, of which no page goes back. */
  readonly directory: () => PageDirectory<SealedPage> | undefined
  /** A newer one is wanted. */
  readonly renewDirectory: () => void
  /** The page, pinned, if it is in memory. */
  readonly pinResident: (handle: PageHandle) => PageView | undefined
  /** The same, read from its file if need be. @throws DriftError OVERLOADED, CORRUPT, IO */
  readonly pin: (handle: PageHandle) => PageView
  readonly unpin: (view: PageView) => void
  /** Pages would be of use. */
  readonly onWanted: () => void
}

/** Documents of one table out of its pages as apply has them now (coordinator's thread, synchronously). */
export class PageDocuments implements DocumentSource {
  readonly #parts: PageDocumentsParts
  #rows: OpenRows | undefined
  /** Of {@link #rows}. */
  #version = 0
  #isAsking = false
  #questions = 0
  /** By page number, of sealed pages that were not in memory. */
  readonly #misses = new Uint8Array(MISSES_KEPT)
  seq = 0

  constructor(parts: PageDocumentsParts) {
    this.#parts = parts
  }

  /** Finds out how rows are read, if that is not known: who asks first does not have to wait for it. */
  renew(): void {
    this.#openRows()
  }

  newest(ordinal: number, since: number): Uint8Array | undefined {
    // First: whatever was applied up to there stands in the arrays of the version that is read behind it.
    const { appliedSeq } = this.#parts.apply
    const rows = this.#openRows()
    if (rows === undefined || appliedSeq < since) return undefined
    const bytes = rows.newest(ordinal, appliedSeq)
    this.seq = rows.seq
    return bytes
  }

  at(ordinal: number, seq: number): Uint8Array | null | undefined {
    const { appliedSeq } = this.#parts.apply
    const rows = this.#openRows()
    if (rows === undefined || appliedSeq < seq) return undefined
    const bytes = rows.at(ordinal, seq)
    return bytes === SEALED ? this.#inSealed(rows, ordinal, seq) : bytes
  }

  /** A sealed page that is not in memory is left where it is, for a frame is less to read; not where it is missed often. */
  #inSealed(rows: OpenRows, ordinal: number, seq: number): Uint8Array | null | undefined {
    const { directory: directoryNow, renewDirectory, pinResident, unpin } = this.#parts
    const directory = directoryNow()
    const isKnown = directory !== undefined && seq <= directory.appliedSeq
    const page = isKnown ? tileOf(directory, seq, rows.keys.keyOf(ordinal))?.page : undefined
    if (page === undefined || !isHandle(page)) {
      renewDirectory()
      return undefined
    }
    const view = pinResident(page) ?? this.#readMissed(page)
    if (view === undefined) return undefined
    try {
      return rows.inSealed(view, ordinal, seq)
    } finally {
      unpin(view)
    }
  }

  #readMissed(page: PageHandle): PageView | undefined {
    const place = page.number % MISSES_KEPT
    const misses = (this.#misses[place] as number) + 1
    this.#misses[place] = misses % MISSES_MAX
    if (misses < MISSES_MAX) return undefined
    try {
      return this.#parts.pin(page)
    } catch (error) {
      // Memory is short, or the page is damaged and is made again: whoever keeps pages was told, and frames say the same.
      if (error instanceof DriftError) return undefined
      throw error
    }
  }

  #openRows(): OpenRows | undefined {
    const { apply, tableId, isLive, onWanted } = this.#parts
    if (!isLive()) {
      if (++this.#questions % QUESTIONS_MAX === 0) onWanted()
      return undefined
    }
    const version = apply.openRowsVersion(tableId)
    if (version !== this.#version) this.#renew(version)
    return this.#rows
  }

  /** Asks how rows are read now; until the answer is here, none is. */
  #renew(version: number): void {
    this.#rows = undefined
    if (version === 0 || this.#isAsking) return
    const { ask, attach, isLive } = this.#parts
    this.#isAsking = true
    const renewed = async (): Promise<void> => {
      try {
        const answer = await ask()
        if (answer === undefined || !isLive()) return
        this.#rows = attach(answer)
        this.#version = answer.version
      } finally {
        this.#isAsking = false
      }
    }
    void renewed()
  }
}
