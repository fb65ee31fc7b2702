/**
 * 64 bits of hash for a value, as two words: equal values have equal ones, whether they are a number or a bigint. Nothing on disk depends on
 * it. Of a text that is very long, its ends and its length count.
 */
import { identityOf } from '../codec/value-order.js'

const number = new Float64Array(1)
const words = new Uint32Array(number.buffer)

/** Units of a text that are looked at, half of them at each end. */
const UNITS_MAX = 1024

/** Puts the high word into `target[0]`, the low one into `target[1]`. The value is not null. */
export function hashValue(value: unknown, target: Uint32Array): void {
  switch (typeof value) {
    case 'number':
      return hashNumber(value, target)
    case 'string':
      return hashText(value, TEXT_SEED, target)
    case 'bigint': {
      const near = Number(value)
      // One that a number holds is equal to it.
      if (BigInt(near) === value) return hashNumber(near, target)
      return hashText(String(value), OTHER_SEED, target)
    }
    default:
      if (value instanceof Date) {
        hashNumber(value.getTime(), target)
        target[0] = ((target[0] ?? 0) ^ TIME_SEED) >>> 0
        return
      }
      return hashText(identityOf(value), OTHER_SEED, target)
  }
}

const TEXT_SEED = 0x51ed270b
const TIME_SEED = 0x6c8e9cf5
const OTHER_SEED = 0x2f6b1a3d

function hashNumber(value: number, target: Uint32Array): void {
  // -0 is 0.
  number[0] = value === 0 ? 0 : value
  const low = mixed((words[0] ?? 0) ^ 0x7f4a7c15)
  const high = mixed(((words[1] ?? 0) + Math.imul(low, 5)) | 0)
  target[0] = mixed(high ^ Math.imul(low, 0x9e3779b1))
  target[1] = mixed(low ^ Math.imul(high, 0x85ebca77))
}

/** Two lanes of multiplications, which meet at the end; turned between them, for a multiplication alone carries bits upwards only. */
function hashText(text: string, seed: number, target: Uint32Array): void {
  let high = seed ^ text.length
  let low = 0x41c6ce57 ^ seed
  const { length } = text
  const head = length <= UNITS_MAX ? length : UNITS_MAX / 2
  for (let at = 0; at < head; at++) {
    const unit = text.charCodeAt(at)
    high = Math.imul(turned(high, 13) ^ unit, 0x9e3779b1)
    low = Math.imul(turned(low, 15) ^ unit, 0x5f356495)
  }
  for (let at = Math.max(head, length - UNITS_MAX / 2); at < length; at++) {
    const unit = text.charCodeAt(at)
    high = Math.imul(turned(high, 13) ^ unit, 0x9e3779b1)
    low = Math.imul(turned(low, 15) ^ unit, 0x5f356495)
  }
  target[0] = mixed(high ^ mixed(low))
  target[1] = mixed(low ^ Math.imul(high, 0x85ebca77))
}

function turned(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

/** The end of MurmurHash3: every bit of the word changes half of the others. */
function mixed(word: number): number {
  let bits = word
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
