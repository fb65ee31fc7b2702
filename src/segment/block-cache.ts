/**
 * Blocks of segments in memory, under one byte budget for the whole database: clock eviction, so that a hit costs one store.
 * Frames inside a cached block were verified when it was loaded.
 */
export type CachedBlock = {
  readonly bytes: Uint8Array
  /** Offset of its first byte in the file. */
  readonly offset: number
  /** Second chance of the clock. */
  used: boolean
  evict: (() => void) | undefined
}

export class BlockCache {
  readonly #budgetBytes: number
  readonly #ring: CachedBlock[] = []
  #hand = 0
  #bytes = 0

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  get budgetBytes(): number {
    return this.#budgetBytes
  }

  /** Takes a block that was just loaded; others go until the budget holds (the newest always stays). */
  add(block: CachedBlock): void {
    this.#bytes += block.bytes.length
    while (this.#bytes > this.#budgetBytes && this.#ring.length > 0) this.#evictOne()
    this.#ring.push(block)
  }

  #evictOne(): void {
    for (;;) {
      if (this.#hand >= this.#ring.length) this.#hand = 0
      const block = this.#ring[this.#hand]
      if (block === undefined) return
      if (block.evict !== undefined && block.used) {
        block.used = false
        this.#hand++
        continue
      }
      const last = this.#ring.pop()
      // It is the newest: the hand comes to it last.
      if (last !== undefined && last !== block) this.#ring[this.#hand++] = last
      this.#bytes -= block.bytes.length
      block.evict?.()
      block.evict = undefined
      return
    }
  }
}
