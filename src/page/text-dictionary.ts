/**
 * The dictionary of one text field of a table: texts that repeat get codes 0, 1, 2, …, append-only, and columns hold codes. Past 4,096
 * texts it takes no more and is asked no more: a field with so many does not repeat enough.
 *
 * In the table's heap a dictionary is 16 words, each a reference to 256 words, each a reference to `[length][bytes]`, and behind them the
 * number of texts. That is all a reader needs; the hash table beside it is apply's own. A text is there before a row that has its code.
 */
import { copyBytes, hashBytes, sameBytes } from '../codec/unaligned.js'
import { DICTIONARY_CODES_MAX } from './page-layout.js'
import { type SharedHeap } from './shared-heap.js'

const BLOCK_CODES = 256
const COUNT_WORD = DICTIONARY_CODES_MAX / BLOCK_CODES
/** A longer text is not worth a place in a dictionary. */
const TEXT_BYTES_MAX = 127
const FIRST_SLOTS = 64

export class TextDictionary {
  readonly reference: number
  readonly #heap: SharedHeap
  /** Code + 1 and hash of each text. */
  #slots = new Int32Array(FIRST_SLOTS * 2)
  #references = new Int32Array(FIRST_SLOTS)
  #count = 0

  /** With the reference of one that is in the heap already it goes on with that. */
  constructor(heap: SharedHeap, reference?: number) {
    this.#heap = heap
    if (reference !== undefined) {
      this.reference = reference
      this.#readTexts()
      return
    }
    this.reference = heap.reserve((COUNT_WORD + 1) * 4)
    for (let word = 0; word <= COUNT_WORD; word++) heap.setWord(this.reference + word * 4, 0)
  }

  get count(): number {
    return this.#count
  }

  /** The code of the `bytes` bytes at `at`, a new one if need be; -1 where it takes no more. */
  codeOf(source: DataView, at: number, bytes: number): number {
    if (this.#count >= DICTIONARY_CODES_MAX || bytes > TEXT_BYTES_MAX) return -1
    const hash = hashBytes(source, at, bytes)
    const slots = this.#slots
    const mask = (slots.length >>> 1) - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const code = (slots[slot * 2] as number) - 1
      if (code < 0) return this.#add(source, at, bytes, hash, slot)
      if (slots[slot * 2 + 1] === hash && this.#equals(this.#references[code] as number, source, at, bytes)) return code
    }
  }

  #equals(reference: number, source: DataView, at: number, bytes: number): boolean {
    const data = this.#heap.data(reference)
    const index = this.#heap.index(reference)
    return data.getUint8(index) === bytes && sameBytes(data, index + 1, source, at, bytes)
  }

  #add(source: DataView, at: number, bytes: number, hash: number, slot: number): number {
    const code = this.#count
    const reference = this.#heap.reserve(bytes + 1)
    const memory = this.#heap.memory(reference)
    const index = this.#heap.index(reference)
    memory[index] = bytes
    copyBytes(source, at, this.#heap.data(reference), index + 1, bytes)
    const blockWord = this.reference + Math.floor(code / BLOCK_CODES) * 4
    if (code % BLOCK_CODES === 0) this.#heap.setWord(blockWord, this.#heap.reserve(BLOCK_CODES * 4))
    this.#heap.setWord(this.#heap.word(blockWord) + (code % BLOCK_CODES) * 4, reference)
    if (code === this.#references.length) this.#references = doubled(this.#references)
    this.#references[code] = reference
    this.#slots[slot * 2] = code + 1
    this.#slots[slot * 2 + 1] = hash
    this.#count++
    this.#heap.setWord(this.reference + COUNT_WORD * 4, this.#count)
    if (this.#count * 4 > this.#slots.length) this.#rehash()
    return code
  }

  #readTexts(): void {
    const count = dictionaryCount(this.#heap, this.reference)
    while (this.#slots.length < count * 4) this.#slots = new Int32Array(this.#slots.length * 2)
    this.#references = new Int32Array(Math.max(FIRST_SLOTS, this.#slots.length / 2))
    const mask = this.#slots.length / 2 - 1
    for (let code = 0; code < count; code++) {
      const reference = dictionaryText(this.#heap, this.reference, code)
      const memory = this.#heap.memory(reference)
      const at = this.#heap.index(reference)
      const hash = hashBytes(this.#heap.data(reference), at + 1, memory[at] as number)
      let slot = hash & mask
      while (this.#slots[slot * 2] !== 0) slot = (slot + 1) & mask
      this.#slots[slot * 2] = code + 1
      this.#slots[slot * 2 + 1] = hash
      this.#references[code] = reference
    }
    this.#count = count
  }

  #rehash(): void {
    const old = this.#slots
    const slots = new Int32Array(old.length * 2)
    const mask = slots.length / 2 - 1
    for (let from = 0; from < old.length; from += 2) {
      if (old[from] === 0) continue
      const hash = old[from + 1] as number
      let slot = hash & mask
      while (slots[slot * 2] !== 0) slot = (slot + 1) & mask
      slots[slot * 2] = old[from] as number
      slots[slot * 2 + 1] = hash
    }
    this.#slots = slots
  }
}

/** Texts of the dictionary at `dictionary`; all codes of rows that were counted before are below it. */
export function dictionaryCount(heap: SharedHeap, dictionary: number): number {
  return heap.word(dictionary + COUNT_WORD * 4)
}

/** Reference of a code's text in the dictionary at `dictionary`. */
export function dictionaryText(heap: SharedHeap, dictionary: number, code: number): number {
  const block = heap.word(dictionary + Math.floor(code / BLOCK_CODES) * 4)
  return heap.word(block + (code % BLOCK_CODES) * 4)
}

function doubled(words: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(words.length * 2)
  larger.set(words)
  return larger
}
