/** `array` with room for `length` items: itself, or a copy of at least twice the length. */
export function grown<A extends Uint8Array | Int32Array | Float64Array>(array: A, length: number): A {
  if (length <= array.length) return array
  const larger = new (array.constructor as new (length: number) => A)(Math.max(length, array.length * 2))
  larger.set(array)
  return larger
}
