const zeros = Buffer.alloc(64 * 1024)

/** Where the zeros begin that go on to the end of `bytes`, not before `from`: whole blocks first, because files have megabytes of them. */
export function beginOfZeros(bytes: Uint8Array, from = 0): number {
  let end = bytes.length
  while (end - zeros.length >= from && zeros.equals(bytes.subarray(end - zeros.length, end))) end -= zeros.length
  while (end > from && bytes[end - 1] === 0) end--
  return end
}
