/**
 * Values to msgpack and back ({@link ExactReader}) without any change: what a query puts aside while it runs. Unlike the codec of documents
 * it normalises and refuses nothing: -0 stays -0, a bigint a bigint whatever its size, a text with a lone surrogate that text. So it is no
 * format of the database, and nothing that it writes outlives the query.
 *
 * Plain msgpack but for four extension types. A number is an int32 where it is one, else a float64; 64-bit integers are bigints.
 */
export const EXACT_UNDEFINED = 1
/** Decimal digits. */
export const EXACT_BIGINT = 2
/** UTF-16, little-endian. */
export const EXACT_TEXT = 3
/** A float64: unix ms. */
export const EXACT_TIME = 4

const FIRST_BYTES = 512
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
const UINT64_MAX = 2n ** 64n - 1n
/** Texts up to this long are tried as ASCII, unit by unit. */
const SHORT_UNITS = 64

export class ExactWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #view = new DataView(this.#bytes.buffer)
  #at = 0

  /** Bytes written since the last {@link clear}. */
  get length(): number {
    return this.#at
  }

  /** What was written: a view that holds until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  /** Room beyond `keepBytes` is given back. */
  clear(keepBytes: number): void {
    this.#at = 0
    if (this.#bytes.length > Math.max(keepBytes, FIRST_BYTES)) this.#resize(FIRST_BYTES)
  }

  write(value: unknown): void {
    this.#reserve(16)
    switch (typeof value) {
      case 'number':
        this.#number(value)
        break
      case 'string':
        this.#text(value)
        break
      case 'boolean':
        this.#bytes[this.#at++] = value ? 0xc3 : 0xc2
        break
      case 'bigint':
        this.#bigint(value)
        break
      case 'object':
        if (value === null) this.#bytes[this.#at++] = 0xc0
        else this.#object(value)
        break
      case 'undefined':
        this.#extension(EXACT_UNDEFINED, 0)
        break
      default:
        throw new TypeError(`a ${typeof value} is no value`)
    }
  }

  #number(value: number): void {
    if (value !== (value | 0) || Object.is(value, -0)) {
      this.#bytes[this.#at] = 0xcb
      this.#view.setFloat64(this.#at + 1, value)
      this.#at += 9
    } else if (value >= -0x20 && value < 0x80) {
      this.#bytes[this.#at++] = value
    } else {
      this.#bytes[this.#at] = 0xd2
      this.#view.setInt32(this.#at + 1, value)
      this.#at += 5
    }
  }

  #bigint(value: bigint): void {
    if (value > UINT64_MAX || value < INT64_MIN) {
      const digits = Buffer.from(String(value), 'latin1')
      this.#extension(EXACT_BIGINT, digits.length)
      this.#at += digits.copy(this.#bytes, this.#at)
      return
    }
    this.#bytes[this.#at] = value > INT64_MAX ? 0xcf : 0xd3
    this.#view.setBigUint64(this.#at + 1, BigInt.asUintN(64, value))
    this.#at += 9
  }

  #text(text: string): void {
    const units = text.length
    if (units <= SHORT_UNITS) {
      this.#reserve(units + 2)
      let at = this.#at + (units < 32 ? 1 : 2)
      let all = 0
      for (let index = 0; index < units; index++) {
        const unit = text.charCodeAt(index)
        all |= unit
        this.#bytes[at++] = unit
      }
      if (all < 0x80) {
        this.#bytes[this.#at] = units < 32 ? 0xa0 | units : 0xd9
        if (units >= 32) this.#bytes[this.#at + 1] = units
        this.#at = at
        return
      }
    }
    if (!text.isWellFormed()) {
      this.#extension(EXACT_TEXT, units * 2)
      this.#at += this.#bytes.write(text, this.#at, 'utf16le')
      return
    }
    this.#reserve(5 + units * 3)
    const count = this.#bytes.write(text, this.#at + 5, 'utf8')
    this.#head32(0xdb, count)
    this.#at += count
  }

  #object(value: object): void {
    if (Array.isArray(value)) {
      this.#container(0x90, 0xdd, value.length)
      for (const item of value) this.write(item)
    } else if (value instanceof Date) {
      this.#extension(EXACT_TIME, 8)
      this.#view.setFloat64(this.#at, value.getTime())
      this.#at += 8
    } else if (value instanceof Uint8Array) {
      this.#reserve(5 + value.length)
      this.#head32(0xc6, value.length)
      this.#bytes.set(value, this.#at)
      this.#at += value.length
    } else {
      const fields = Object.keys(value)
      this.#container(0x80, 0xdf, fields.length)
      for (const field of fields) {
        this.#reserve(16)
        this.#text(field)
        this.write((value as { readonly [field: string]: unknown })[field])
      }
    }
  }

  /** An array's or a map's head. */
  #container(short: number, long: number, count: number): void {
    if (count < 16) this.#bytes[this.#at++] = short | count
    else this.#head32(long, count)
  }

  #extension(type: number, length: number): void {
    this.#reserve(6 + length)
    this.#head32(0xc9, length)
    this.#bytes[this.#at++] = type
  }

  #head32(head: number, count: number): void {
    this.#bytes[this.#at] = head
    this.#view.setUint32(this.#at + 1, count)
    this.#at += 5
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes
    if (needed > this.#bytes.length) this.#resize(Math.max(needed, this.#bytes.length * 2))
  }

  #resize(length: number): void {
    const resized = Buffer.allocUnsafeSlow(length)
    this.#bytes.copy(resized, 0, 0, this.#at)
    this.#bytes = resized
    this.#view = new DataView(resized.buffer)
  }
}
