/** A comparison with a constant, as the kernels want it. */
import { type Comparison, type Encoding } from './kernels.js'

const LESS = 1
const EQUAL = 2
const GREATER = 4

const wants: Readonly<Record<Comparison, number>> = {
  '<': LESS,
  '=': EQUAL,
  '<=': LESS | EQUAL,
  '>': GREATER,
  '<>': LESS | GREATER,
  '>=': GREATER | EQUAL
}

const lowest: Readonly<Record<Encoding, number>> = { u8: 0, u16: 0, i32: -0x8000_0000, f64: -Infinity }
const highest: Readonly<Record<Encoding, number>> = { u8: 0xff, u16: 0xffff, i32: 0x7fff_ffff, f64: Infinity }

/** Bits of what is wanted (1 less, 2 equal, 4 greater), and a constant that the column's type can hold. */
export type KernelComparison = { readonly wants: number; readonly constant: number }

/** An integer column is compared with any number: 1.5 lies between 1 and 2, and 1e10 above all. */
export function kernelComparison(encoding: Encoding, comparison: Comparison, constant: number): KernelComparison {
  const bits = wants[comparison]
  if (encoding === 'f64') return { wants: bits, constant }
  if (constant > highest[encoding]) return always((bits & LESS) !== 0)
  if (constant < lowest[encoding]) return always((bits & GREATER) !== 0)
  if (Number.isInteger(constant)) return { wants: bits, constant }
  // What is at most the integer below is less, all else greater.
  const below = Math.floor(constant)
  if (below < lowest[encoding]) return always((bits & GREATER) !== 0)
  return { wants: (bits & LESS ? LESS | EQUAL : 0) | (bits & GREATER), constant: below }
}

function always(is: boolean): KernelComparison {
  return { wants: is ? LESS | EQUAL | GREATER : 0, constant: 0 }
}
