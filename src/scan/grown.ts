/** Arrays with more room than items. */
type Growing = Uint8Array | Int32Array | Float64Array

/** The first items of an array that is not added to any more. */
export type Cut = <A extends Growing>(array: A, length: number) => A

/** `array` with room for `length` items: itself, or a copy of at least twice the length. */
export function grown<A extends Growing>(array: A, length: number): A {
  if (length <= array.length) return array
  const larger = new (array.constructor as new (length: number) => A)(Math.max(length, array.length * 2))
  larger.set(array)
  return larger
}

export const copied: Cut = <A extends Growing>(array: A, length: number): A =>
  array.length === length ? array : (array.slice(0, length) as A)

export const viewed: Cut = <A extends Growing>(array: A, length: number): A => array.subarray(0, length) as A
