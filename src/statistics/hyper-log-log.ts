/**
 * How many different values there were, by HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007): each of 4,096 registers keeps the longest
 * run of zeros that a hash with its number began with. The standard error is 1.04 / sqrt(4096) = 1.6 %.
 *
 * The hashes have 64 bits, so that a large number of values needs no correction. Registers become a number by Ertl's estimator (2017),
 * which is free of bias for few values too: that of 2007 needs tables of measured corrections there (HLL++), this one needs none.
 */
const PRECISION_BITS = 12
const REGISTERS = 1 << PRECISION_BITS
/** Of the hash behind the number of the register. */
const RUN_BITS = 64 - PRECISION_BITS
const HIGH_RUN_BITS = 32 - PRECISION_BITS
const HIGH_RUN_MASK = (1 << HIGH_RUN_BITS) - 1

export class HyperLogLog {
  readonly #registers = new Uint8Array(REGISTERS)

  /** Takes the hash of a value. */
  add(high: number, low: number): void {
    const register = high >>> HIGH_RUN_BITS
    const run = high & HIGH_RUN_MASK
    const rank = run === 0 ? HIGH_RUN_BITS + Math.clz32(low) + 1 : Math.clz32(run) - PRECISION_BITS + 1
    if (rank > (this.#registers[register] ?? 0)) this.#registers[register] = rank
  }

  estimate(): number {
    const counts = new Uint32Array(RUN_BITS + 2)
    for (const rank of this.#registers) counts[rank] = (counts[rank] ?? 0) + 1
    let sum = REGISTERS * tau(1 - (counts[RUN_BITS + 1] ?? 0) / REGISTERS)
    for (let rank = RUN_BITS; rank >= 1; rank--) sum = (sum + (counts[rank] ?? 0)) / 2
    sum += REGISTERS * sigma((counts[0] ?? 0) / REGISTERS)
    return (REGISTERS * REGISTERS) / (2 * Math.LN2) / sum
  }
}

/** x + the sum of x^(2^k) 2^(k-1), k from 1 on: what empty registers say. */
function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY
  let power = share
  let weight = 1
  let sum = share
  for (let before = Number.NaN; before !== sum; weight *= 2) {
    before = sum
    power *= power
    sum += power * weight
  }
  return sum
}

/** (1 - x - the sum of (1 - x^(2^-k))^2 2^-k, k from 1 on) / 3: what full registers say. */
function tau(share: number): number {
  if (share === 0 || share === 1) return 0
  let root = share
  let weight = 1
  let sum = 1 - share
  for (let before = Number.NaN; before !== sum;) {
    before = sum
    root = Math.sqrt(root)
    weight /= 2
    sum -= (1 - root) ** 2 * weight
  }
  return sum / 3
}
