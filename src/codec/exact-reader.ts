/** Reads back, one after the other, the values that an {@link ExactWriter} wrote. */
import { DriftError } from '../base/errors.js'
import { EXACT_BIGINT, EXACT_TEXT, EXACT_TIME, EXACT_UNDEFINED } from './exact-writer.js'
import { SHORT_TEXT_BYTES, shortText } from './short-text.js'

const TEXT_SLOTS = 256

export class ExactReader {
  readonly #bytes: Buffer
  readonly #view: DataView
  /** Texts that were met last: names of fields, values that repeat. */
  readonly #texts = new Array<{ readonly text: string; readonly from: number } | undefined>(TEXT_SLOTS).fill(undefined)
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** @throws DriftError CORRUPT for what no writer wrote. */
  read(): unknown {
    const head = this.#view.getUint8(this.#skip(1))
    if (head < 0x80) return head
    if (head >= 0xe0) return head - 0x100
    if (head < 0x90) return this.#fields(head & 0x0f)
    if (head < 0xa0) return this.#items(head & 0x0f)
    if (head < 0xc0) return this.#text(head & 0x1f)
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc6: {
        const from = this.#skip(this.#count())
        return new Uint8Array(this.#bytes.subarray(from, this.#at))
      }
      case 0xc9:
        return this.#extension(this.#count())
      case 0xcb:
        return this.#view.getFloat64(this.#skip(8))
      case 0xcf:
        return this.#view.getBigUint64(this.#skip(8))
      case 0xd2:
        return this.#view.getInt32(this.#skip(4))
      case 0xd3:
        return this.#view.getBigInt64(this.#skip(8))
      case 0xd9:
        return this.#text(this.#view.getUint8(this.#skip(1)))
      case 0xdb: {
        const from = this.#skip(this.#count())
        return this.#bytes.toString('utf8', from, this.#at)
      }
      case 0xdd:
        return this.#items(this.#count())
      case 0xdf:
        return this.#fields(this.#count())
      default:
        throw unknown(head)
    }
  }

  #items(count: number): unknown[] {
    const items: unknown[] = []
    for (let index = 0; index < count; index++) items.push(this.read())
    return items
  }

  #fields(count: number): object {
    const object: { [field: string]: unknown } = {}
    for (let index = 0; index < count; index++) {
      const field = this.read() as string
      const value = this.read()
      // Not an assignment where that would set a prototype.
      if (field === '__proto__') Object.defineProperty(object, field, { value, enumerable: true, writable: true, configurable: true })
      else object[field] = value
    }
    return object
  }

  #extension(length: number): unknown {
    const type = this.#view.getUint8(this.#skip(1))
    const from = this.#skip(length)
    switch (type) {
      case EXACT_UNDEFINED:
        return undefined
      case EXACT_BIGINT:
        return BigInt(this.#bytes.latin1Slice(from, this.#at))
      case EXACT_TEXT:
        return this.#bytes.toString('utf16le', from, this.#at)
      case EXACT_TIME:
        return new Date(this.#view.getFloat64(from))
      default:
        throw unknown(type)
    }
  }

  /** ASCII. */
  #text(length: number): string {
    const from = this.#skip(length)
    if (length > SHORT_TEXT_BYTES) return this.#bytes.latin1Slice(from, this.#at)
    const bytes = this.#bytes
    let hash = length
    for (let at = from; at < from + length; at++) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0
    const slot = (hash ^ (hash >>> 15)) & (TEXT_SLOTS - 1)
    const known = this.#texts[slot]
    if (known?.text.length === length) {
      let same = 0
      while (same < length && bytes[known.from + same] === bytes[from + same]) same++
      if (same === length) return known.text
    }
    const text = shortText(bytes, from, length)
    this.#texts[slot] = { text, from }
    return text
  }

  #count(): number {
    return this.#view.getUint32(this.#skip(4))
  }

  /** Goes on by so many bytes; returns where they begin. */
  #skip(bytes: number): number {
    const from = this.#at
    this.#at += bytes
    if (this.#at > this.#bytes.length) throw new DriftError('CORRUPT', 'rows put aside end inside a value', { offset: from })
    return from
  }
}

function unknown(byte: number): DriftError {
  return new DriftError('CORRUPT', `rows put aside hold a byte ${byte} that begins no value`, { found: byte })
}
