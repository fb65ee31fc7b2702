/** Where a value lies between two others of a histogram: 0 at the lower, 1 at the upper one; one half where nothing can be said. */
import { classOf } from '../codec/value-order.js'

/** Units of texts that are looked at behind what they begin with alike. */
const UNITS_MAX = 8

export function interpolate(low: unknown, high: unknown, value: unknown): number {
  const valueClass = classOf(value)
  if (classOf(low) !== valueClass || classOf(high) !== valueClass) return 0.5
  switch (valueClass) {
    case 'number':
      return between(Number(low), Number(high), Number(value))
    case 'time':
      return between((low as Date).getTime(), (high as Date).getTime(), (value as Date).getTime())
    case 'string':
      return betweenTexts(low as string, high as string, value as string)
    default:
      return 0.5
  }
}

function between(low: number, high: number, value: number): number {
  // Of the greatest numbers the difference is infinite.
  const part = (value / 2 - low / 2) / (high / 2 - low / 2)
  return Number.isNaN(part) ? 0.5 : Math.min(1, Math.max(0, part))
}

/** As numbers whose digits are the units behind the common beginning. */
function betweenTexts(low: string, high: string, value: string): number {
  let begin = 0
  while (begin < low.length && begin < high.length && low[begin] === high[begin]) begin++
  const texts = [low, high, value].map((text) => text.slice(begin, begin + UNITS_MAX))
  const digits = digitsOf(texts.join(''))
  const [a = 0, b = 0, c = 0] = texts.map((text) => fraction(text, digits))
  return between(a, b, c)
}

type Digits = { readonly least: number; readonly count: number }

/** From the least to the greatest unit that there is, each kind of characters whole. */
function digitsOf(text: string): Digits {
  let least = Number.POSITIVE_INFINITY
  let greatest = 0
  for (let at = 0; at < text.length; at++) {
    least = Math.min(least, text.charCodeAt(at))
    greatest = Math.max(greatest, text.charCodeAt(at))
  }
  for (const [first, last] of KINDS) {
    if (least > last || greatest < first) continue
    least = Math.min(least, first)
    greatest = Math.max(greatest, last)
  }
  return { least, count: Math.max(2, greatest - least + 1) }
}

/** Of `09`, `AZ` and `az`. */
const KINDS = [
  [48, 57],
  [65, 90],
  [97, 122]
] as const

function fraction(text: string, { least, count }: Digits): number {
  let sum = 0
  let weight = 1
  for (let at = 0; at < text.length; at++) {
    weight /= count
    sum += (text.charCodeAt(at) - least) * weight
  }
  return sum
}
