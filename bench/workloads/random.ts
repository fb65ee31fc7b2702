/** Seeded numbers: the same for the same seed, on any machine. */
export type Random = (bound: number) => number

/** Numbers in [0, bound), the same for the same seed (xorshift32). */
export function randomNumbers(seed: number): Random {
  let state = seed | 1
  return (bound) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % bound
  }
}

/** A shuffled copy (Fisher-Yates). */
export function shuffled<T>(values: readonly T[], random: Random): T[] {
  const copy = [...values]
  for (let index = copy.length - 1; index > 0; index--) {
    const other = random(index + 1)
    const value = copy[index] as T
    copy[index] = copy[other] as T
    copy[other] = value
  }
  return copy
}

/**
 * Ranks in [0, count) with a share that falls as 1 / rank^skew: a few keys take most of the updates. The method of Gray et al.,
 * "Quickly generating billion-record synthetic databases" (SIGMOD 1994), as YCSB uses it.
 */
export function zipfRanks(count: number, skew: number, random: Random): () => number {
  const zeta = (n: number) => {
    let sum = 0
    for (let rank = 1; rank <= n; rank++) sum += 1 / rank ** skew
    return sum
  }
  const zetaOfAll = zeta(count)
  const alpha = 1 / (1 - skew)
  const eta = (1 - (2 / count) ** (1 - skew)) / (1 - zeta(2) / zetaOfAll)
  return () => {
    const share = random(2 ** 30) / 2 ** 30
    const scaled = share * zetaOfAll
    if (scaled < 1) return 0
    if (scaled < 1 + 0.5 ** skew) return 1
    return Math.min(count - 1, Math.floor(count * (eta * share - eta + 1) ** alpha))
  }
}
