/**
 * Whole numbers from 0 on, all in the narrowest of four widths: one byte that says how many bytes each has (1, 2, 4: unsigned; 8:
 * float64), seven zeros, then the numbers, little-endian.
 */
const HEAD_BYTES = 8

export function encodeNumbers(values: Float64Array): Uint8Array {
  let max = 0
  for (const value of values) if (value > max) max = value
  const width = max < 2 ** 8 ? 1 : max < 2 ** 16 ? 2 : max < 2 ** 32 ? 4 : 8
  const bytes = new Uint8Array(HEAD_BYTES + values.length * width)
  bytes[0] = width
  view(bytes.buffer, HEAD_BYTES, values.length, width)?.set(values)
  return bytes
}

/** Undefined where the bytes are not exactly `rows` numbers. */
export function decodeNumbers(bytes: Uint8Array, rows: number): Float64Array | undefined {
  const width = bytes[0] ?? 0
  if (bytes.length !== HEAD_BYTES + rows * width) return undefined
  // A view needs an even place in its memory.
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
  const numbers = view(aligned.buffer, aligned.byteOffset + HEAD_BYTES, rows, width)
  return numbers === undefined ? undefined : Float64Array.from(numbers)
}

function view(buffer: ArrayBufferLike, offset: number, rows: number, width: number) {
  switch (width) {
    case 1:
      return new Uint8Array(buffer, offset, rows)
    case 2:
      return new Uint16Array(buffer, offset, rows)
    case 4:
      return new Uint32Array(buffer, offset, rows)
    case 8:
      return new Float64Array(buffer, offset, rows)
    default:
      return undefined
  }
}
