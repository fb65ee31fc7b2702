import { type ApplyMemory } from '../memory/apply-memory.js'
import { type NewestRows as DocumentSource } from '../mvcc/newest-rows.js'
import { type NewestRows } from '../page/newest-rows.js'
import { type NewestAnswer } from '../apply/applier.js'

/** Of a table without pages: after so many questions they are made. That is a fraction of a second, or a million rows a second to be read. */
const QUESTIONS_MAX = 1000

export type NewestDocumentsParts = {
  readonly apply: ApplyMemory
  readonly tableId: number
  /** True while the table has pages that this thread may read in. */
  readonly isLive: () => boolean
  readonly ask: () => Promise<NewestAnswer | undefined>
  readonly attach: (answer: NewestAnswer) => NewestRows
  /** Pages would be of use. */
  readonly onWanted: () => void
}

/** The newest documents of one table, out of its open pages as apply has them now (coordinator's thread, synchronously). */
export class NewestDocuments implements DocumentSource {
  readonly #parts: NewestDocumentsParts
  #rows: NewestRows | undefined
  /** Of {@link #rows}. */
  #version = 0
  #isAsking = false
  #questions = 0
  seq = 0

  constructor(parts: NewestDocumentsParts) {
    this.#parts = parts
  }

  bytesOf(ordinal: number, since: number): Uint8Array | undefined {
    const { apply, tableId, isLive, onWanted } = this.#parts
    if (!isLive()) {
      if (++this.#questions % QUESTIONS_MAX === 0) onWanted()
      return undefined
    }
    // First: whatever was applied up to there stands in the arrays of the version that is read behind it.
    const { appliedSeq } = apply
    const version = apply.newestVersion(tableId)
    if (version !== this.#version) this.#renew(version)
    if (this.#rows === undefined || appliedSeq < since) return undefined
    const bytes = this.#rows.bytesOf(ordinal, appliedSeq)
    this.seq = this.#rows.seq
    return bytes
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
      } catch {
        // The apply thread is lost or closed, which others are told: nothing is read here then.
      } finally {
        this.#isAsking = false
      }
    }
    void renewed()
  }
}
