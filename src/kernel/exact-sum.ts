/**
 * A sum of float64 values without rounding, so that it is the same whatever the order of the values and however they were cut into pages
 * and threads. (Two doubles are enough for most sums, but not for all: 1e200, 1e100, 1, -1e100 and -1e200 give 0 or 1,
 * as they come.)
 *
 * A float64 is a whole number of 2^-1074. The sum is kept in 67 chunks of 32 bits of that number, each a float64 which holds a whole
 * number and may run over or below 0: an addition changes three of them by less than 2^32. After 2^20 additions what ran over is carried.
 *
 *   0  additions since then, float64
 *   8  chunks, the lowest first, float64 each
 */
export const EXACT_SUM_BYTES = 8 * 68
const CHUNKS = 67
const CHUNK = 2 ** 32
const ADDS_MAX = 2 ** 20
/** Of a float64's mantissa. */
const MANTISSA_HIGH = 0xf_ffff
const UNIT_BITS = 1074

/** A cell of a float64 column in groups and sweeps. */
export const FLOAT_CELL_BYTES = 8 + EXACT_SUM_BYTES

export function clearExactSum(f64: Float64Array, at: number): void {
  f64.fill(0, at / 8, (at + EXACT_SUM_BYTES) / 8)
}

/** Makes room for `adds` additions. */
export function reserveExact(f64: Float64Array, at: number, adds: number): void {
  const sum = at / 8
  const before = f64[sum] as number
  if (before + adds <= ADDS_MAX) {
    f64[sum] = before + adds
    return
  }
  for (let chunk = sum + 1; chunk < sum + CHUNKS; chunk++) {
    const carry = Math.floor((f64[chunk] as number) / CHUNK)
    f64[chunk] = (f64[chunk] as number) - carry * CHUNK
    f64[chunk + 1] = (f64[chunk + 1] as number) + carry
  }
  f64[sum] = adds + 1
}

/** Adds the float64 of these words (low, high) after {@link reserveExact}. `sign` -1 takes it away. */
export function addExactWords(f64: Float64Array, at: number, low: number, high: number, sign: 1 | -1): void {
  const exponent = (high >>> 20) & 0x7ff
  const mantissa = exponent === 0 ? high & MANTISSA_HIGH : (high & MANTISSA_HIGH) | (MANTISSA_HIGH + 1)
  const position = exponent === 0 ? 0 : exponent - 1
  const shift = position & 31
  const chunk = at / 8 + 1 + (position >>> 5)
  const signed = high < 0 ? -sign : sign
  // `>>> 32` would be `>>> 0`.
  const over = shift === 0 ? 0 : low >>> (32 - shift)
  f64[chunk] = (f64[chunk] as number) + signed * ((low << shift) >>> 0)
  f64[chunk + 1] = (f64[chunk + 1] as number) + signed * (((mantissa << shift) | over) >>> 0)
  f64[chunk + 2] = (f64[chunk + 2] as number) + signed * (shift === 0 ? 0 : mantissa >>> (32 - shift))
}

const scratch = new Float64Array(1)
const scratchWords = new Int32Array(scratch.buffer)

export function addExact(f64: Float64Array, at: number, value: number): void {
  scratch[0] = value
  reserveExact(f64, at, 1)
  addExactWords(f64, at, scratchWords[0] as number, scratchWords[1] as number, 1)
}

/** Adds a whole sum to another; they may lie in different memories. */
export function mergeExactSum(into: Float64Array, intoAt: number, from: Float64Array, fromAt: number): void {
  reserveExact(into, intoAt, from[fromAt / 8] as number)
  for (let chunk = 1; chunk <= CHUNKS; chunk++) {
    into[intoAt / 8 + chunk] = (into[intoAt / 8 + chunk] as number) + (from[fromAt / 8 + chunk] as number)
  }
}

/** In units of 2^-1074. */
function unitsOf(f64: Float64Array, at: number): bigint {
  let units = 0n
  for (let chunk = CHUNKS; chunk > 0; chunk--) units = (units << 32n) + BigInt(f64[at / 8 + chunk] as number)
  return units
}

/** The sum where it is a whole number: exact. Else undefined. */
export function exactSumInteger(f64: Float64Array, at: number): bigint | undefined {
  const units = unitsOf(f64, at)
  const integer = units >> BigInt(UNIT_BITS)
  return integer << BigInt(UNIT_BITS) === units ? integer : undefined
}

/** The float64 nearest to the sum, ties to even; +-Infinity where it is too large for one. */
export function exactSumNumber(f64: Float64Array, at: number): number {
  const units = unitsOf(f64, at)
  const magnitude = units < 0n ? -units : units
  const bits = magnitude.toString(16).length * 4
  // Number() of a bigint is the nearest float64. What is cut off is only whether there was something; scaling by a power of two is exact.
  const cut = BigInt(Math.max(0, bits - 128))
  const top = magnitude >> cut
  const nearest = Number(top << cut === magnitude ? top : top | 1n) * 2 ** (Number(cut) - UNIT_BITS)
  return units < 0n ? -nearest : nearest
}
