/** Every single-bit error of some bytes. */
export function* flips(bytes: Uint8Array): Generator<{ readonly bit: number; readonly damaged: Uint8Array }, void> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = bytes.slice()
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    yield { bit, damaged }
  }
}

/** The bits whose error `isFound` does not find. */
export function missedFlips(bytes: Uint8Array, isFound: (damaged: Uint8Array) => boolean): number[] {
  const missed: number[] = []
  for (const { bit, damaged } of flips(bytes)) if (!isFound(damaged)) missed.push(bit)
  return missed
}
