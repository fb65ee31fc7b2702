/**
 * Adding a float64 to an exact sum; `../exact-sum.ts` says how it is laid out. Everything here is inlined into loops or called where a
 * block of rows ends.
 */
const CHUNKS: u32 = 67
const ADDS_MAX: f64 = 1048576
const CHUNK: f64 = 4294967296

/** Makes room for `adds` additions. */
export function reserve(sum: usize, adds: f64): void {
  const before = load<f64>(sum)
  if (before + adds <= ADDS_MAX) {
    store<f64>(sum, before + adds)
    return
  }
  for (let chunk: u32 = 1; chunk < CHUNKS; chunk++) {
    const place = sum + ((<usize>chunk) << 3)
    const carry = Math.floor(load<f64>(place) / CHUNK)
    store<f64>(place, load<f64>(place) - carry * CHUNK)
    store<f64>(place + 8, load<f64>(place + 8) + carry)
  }
  store<f64>(sum, adds + 1)
}

/** After {@link reserve}. */
export function addExact(sum: usize, value: f64): void {
  const bits = reinterpret<u64>(value)
  const exponent = <u32>(bits >> 52) & 0x7ff
  let mantissa = bits & 0xf_ffff_ffff_ffff
  let position: u32 = 0
  if (exponent != 0) {
    mantissa |= 0x10_0000_0000_0000
    position = exponent - 1
  }
  if (mantissa == 0) return
  const place = sum + 8 + ((<usize>(position >> 5)) << 3)
  const shift = <u64>(position & 31)
  const low = (mantissa & 0xffff_ffff) << shift
  const high = (mantissa >> 32) << shift
  const middle = (low >> 32) + (high & 0xffff_ffff)
  const sign: f64 = <i64>bits < 0 ? -1 : 1
  store<f64>(place, load<f64>(place) + sign * <f64>(low & 0xffff_ffff))
  store<f64>(place + 8, load<f64>(place + 8) + sign * <f64>middle)
  store<f64>(place + 16, load<f64>(place + 16) + sign * <f64>(high >> 32))
}

/** Adds a whole sum to another. */
export function mergeExact(into: usize, from: usize): void {
  reserve(into, load<f64>(from))
  for (let chunk: u32 = 1; chunk <= CHUNKS; chunk++) {
    const offset = (<usize>chunk) << 3
    store<f64>(into + offset, load<f64>(into + offset) + load<f64>(from + offset))
  }
}
