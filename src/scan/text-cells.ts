/** The texts of cells as strings: those of dictionaries are made once and kept for the thread, others when they are asked for. */
import { SHORT_TEXT_BYTES, shortText } from '../codec/short-text.js'
import { type KeyTable } from '../page/key-table.js'
import * as layout from '../page/page-layout.js'
import { type PageView, textBytes, textFrom } from '../page/page-view.js'
import { dictionaryCount, dictionaryText } from '../page/text-dictionary.js'

export class TextCells {
  readonly #keys: KeyTable
  /** By reference of the dictionary. */
  readonly #dictionaries = new Map<number, string[]>()
  /** Of texts that were only looked at. */
  seen = 0
  #memory: Uint8Array | undefined
  #buffer: Buffer = Buffer.alloc(0)

  constructor(keys: KeyTable) {
    this.#keys = keys
  }

  /** All texts of a dictionary, by code. The array grows with it. */
  dictionary(reference: number): readonly string[] {
    let texts = this.#dictionaries.get(reference)
    if (texts === undefined) this.#dictionaries.set(reference, (texts = []))
    const { heap } = this.#keys
    const count = dictionaryCount(heap, reference)
    for (let code = texts.length; code < count; code++) {
      const text = dictionaryText(heap, reference, code)
      texts.push(this.textAt(heap.memory(text), heap.index(text)))
    }
    return texts
  }

  /** The text of a cell that is no code. */
  heapText(page: PageView, cell: number): string {
    const home = page.homeOf(cell)
    return this.textAt(home.u8, home.at + (cell & layout.OFFSET_MASK))
  }

  /** Of a cell that is no code; only to have it fetched. */
  firstByte(page: PageView, cell: number): number {
    const home = page.homeOf(cell)
    return home.u8[home.at + (cell & layout.OFFSET_MASK)] as number
  }

  /** The `[length][bytes]` at `at`. */
  textAt(memory: Uint8Array, at: number): string {
    return this.textOf(memory, textFrom(memory, at), textBytes(memory, at))
  }

  /** `bytes` bytes of UTF-8. */
  textOf(memory: Uint8Array, from: number, bytes: number): string {
    const ascii = isAscii(memory, from, bytes)
    if (ascii && bytes <= SHORT_TEXT_BYTES) return shortText(memory, from, bytes)
    if (this.#memory !== memory) {
      this.#memory = memory
      this.#buffer = Buffer.from(memory.buffer, memory.byteOffset, memory.byteLength)
    }
    return ascii ? this.#buffer.latin1Slice(from, from + bytes) : this.#buffer.toString('utf8', from, from + bytes)
  }
}

function isAscii(memory: Uint8Array, from: number, bytes: number): boolean {
  let or = 0
  for (let index = 0; index < bytes; index++) or |= memory[from + index] as number
  return or < 0x80
}
