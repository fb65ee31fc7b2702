/** A shared memory with columns in it, both kinds of kernels over it, and the arbitraries that fill it. */
import fc from 'fast-check'
import { realIo } from '../../src/io/real-io.js'
import { javascriptKernels } from '../../src/kernel/javascript-kernels.js'
import { type Encoding, type KernelColumn, type Kernels } from '../../src/kernel/kernels.js'
import { compileKernels, wasmKernels } from '../../src/kernel/wasm-kernels.js'
import { Arena, type MemoryViews } from '../../src/memory/arena.js'

export const ROWS_MAX = 5000
export const OPEN_END = 0x7fff_ffff
export const CLAMPED_BEGIN = -0x7fff_ffff
export const AT = 1000

const arena = Arena.create({ bytes: 8 * 1024 * 1024, slotBytes: 1024 * 1024 })
const start = arena.offsetOf(arena.claim(8 * 1024 * 1024))
const memory = arena.handle.memories[0] as WebAssembly.Memory
export const views: MemoryViews = arena.viewsOf(0)

export const kinds: readonly (readonly [name: string, kernels: Kernels])[] = [
  ['wasm', wasmKernels(compileKernels(realIo), memory)],
  ['javascript', javascriptKernels(views)]
]

const widths: Readonly<Record<Encoding, number>> = { u8: 1, u16: 2, i32: 4, f64: 8 }

/** Puts one piece behind the other, with a byte that nobody may write between them. */
export class Placer {
  #at = start
  readonly #fences: number[] = []

  bytes(count: number, align: number): number {
    this.#fences.push(this.#at)
    views.u8[this.#at] = 0xee
    const at = Math.ceil((this.#at + 1) / align) * align
    this.#at = at + count
    return at
  }

  put(encoding: Encoding, values: ArrayLike<number>): number {
    const at = this.bytes(values.length * widths[encoding], widths[encoding])
    views[encoding].set(values, at / widths[encoding])
    return at
  }

  zeros(bytes: number): number {
    const at = this.bytes(bytes, 8)
    views.u8.fill(0, at, at + bytes)
    return at
  }

  column<E extends Encoding>(encoding: E, { values, states }: RandomColumn): KernelColumn<E> {
    return { encoding, values: this.put(encoding, values), states: states === undefined ? undefined : this.put('u8', states) }
  }

  /** Whether the bytes before the pieces stand as they did; a last piece closes the one before. */
  get isWhole(): boolean {
    this.bytes(0, 1)
    return this.#fences.slice(0, -1).every((at) => views.u8[at] === 0xee)
  }
}

export type RandomColumn = { readonly values: readonly number[]; readonly states?: readonly number[] | undefined }

export type RandomRows = {
  readonly begin: readonly number[]
  readonly end: readonly number[]
  readonly mask?: readonly number[] | undefined
}

/** Values by encoding: the extremes often. */
export const valueOf: Readonly<Record<Encoding, fc.Arbitrary<number>>> = {
  u8: fc.integer({ min: 0, max: 255 }),
  u16: fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 1, 0xff, 0x100, 0xffff)),
  i32: fc.oneof(fc.integer(), fc.integer({ min: -9, max: 9 }), fc.constantFrom(-0x8000_0000, 0x7fff_ffff)),
  f64: fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    fc.integer({ min: -999_999, max: 999_999 }).map((cents) => cents / 100),
    fc.maxSafeInteger(),
    fc.constantFrom(1e300, -1e300, 1, Number.MIN_VALUE, -Number.MIN_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** -1022)
  )
}

/** Lengths up to {@link ROWS_MAX}, the small and the odd ones often. */
export const rowCount = fc.oneof(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 0, max: ROWS_MAX }))

/** Of a length: drawn values repeated, so that long columns are cheap to make and shrink. */
function repeated(value: fc.Arbitrary<number>, rows: number): fc.Arbitrary<number[]> {
  return fc
    .tuple(fc.array(value, { minLength: 1, maxLength: 97 }), fc.integer({ min: 1, max: 7 }))
    .map(([some, step]) => Array.from({ length: rows }, (_, row) => some[(row * step + (row >> 5)) % some.length] as number))
}

export function columnOf(value: fc.Arbitrary<number>, rows: number): fc.Arbitrary<RandomColumn> {
  return fc.record({
    values: repeated(value, rows),
    states: fc.oneof(fc.constant(undefined), repeated(fc.constantFrom(0, 0, 0, 1, 2, 3), rows), repeated(fc.constantFrom(1, 2), rows))
  })
}

const someBegin = fc.oneof(fc.integer({ min: 0, max: 2 * AT }), fc.constantFrom(CLAMPED_BEGIN, AT - 1, AT, AT + 1, OPEN_END - 1))
const someEnd = fc.oneof(fc.integer({ min: 0, max: 2 * AT }), fc.constantFrom(AT - 1, AT, AT + 1, OPEN_END))

export function maskOf(rows: number): fc.Arbitrary<number[]> {
  return repeated(fc.constantFrom(0, 1, 2), rows)
}

/** Some visible at AT, or all, or none. */
export function rowsOf(rows: number): fc.Arbitrary<RandomRows> {
  const mask = fc.oneof(fc.constant(undefined), maskOf(rows))
  return fc.oneof(
    { weight: 4, arbitrary: fc.record({ begin: repeated(someBegin, rows), end: repeated(someEnd, rows), mask }) },
    fc.record({ begin: repeated(fc.constantFrom(CLAMPED_BEGIN, AT), rows), end: repeated(fc.constantFrom(AT + 1, OPEN_END), rows), mask }),
    fc.record({ begin: repeated(someBegin, rows), end: repeated(fc.constantFrom(0, AT), rows), mask })
  )
}

export function isSelected({ begin, end, mask }: RandomRows, row: number): boolean {
  return (begin[row] as number) <= AT && (end[row] as number) > AT && (mask === undefined || mask[row] === 2)
}

export function isPlain({ states }: RandomColumn, row: number): boolean {
  return states === undefined || states[row] === 0
}

/** Values that count, in order. */
export function selectedValues(rows: RandomRows, column: RandomColumn): number[] {
  return column.values.filter((_, row) => isSelected(rows, row) && isPlain(column, row))
}

export function placeRows(placer: Placer, { begin, end, mask }: RandomRows) {
  return {
    begin: placer.put('i32', begin),
    end: placer.put('i32', end),
    rows: begin.length,
    at: AT,
    mask: mask === undefined ? undefined : placer.put('u8', mask)
  }
}

const unit = 2n ** 1074n

/** A float64 as a whole number of 2^-1074. */
export function unitsOf(value: number): bigint {
  const words = new DataView(new ArrayBuffer(8))
  words.setFloat64(0, value)
  const bits = words.getBigUint64(0)
  const exponent = (bits >> 52n) & 0x7ffn
  const mantissa = bits & 0xf_ffff_ffff_ffffn
  const magnitude = exponent === 0n ? mantissa : (mantissa | 0x10_0000_0000_0000n) << (exponent - 1n)
  return bits >> 63n === 1n ? -magnitude : magnitude
}

export function isWhole(units: bigint): boolean {
  return units % unit === 0n
}

export function wholeOf(units: bigint): bigint {
  return units / unit
}
