/** The n largest numbers of many: a heap whose root is the worst of them. */
export class BestValues {
  readonly #heap: Float64Array
  #count = 0

  constructor(room: number) {
    this.#heap = new Float64Array(room)
  }

  get count(): number {
    return this.#count
  }

  /** What a value must reach; -Infinity while there is room. */
  get worst(): number {
    return this.#count < this.#heap.length ? -Infinity : (this.#heap[0] as number)
  }

  add(value: number): void {
    const heap = this.#heap
    if (this.#count < heap.length) {
      let at = this.#count++
      while (at > 0) {
        const parent = (at - 1) >> 1
        if ((heap[parent] as number) <= value) break
        heap[at] = heap[parent] as number
        at = parent
      }
      heap[at] = value
      return
    }
    if (value <= (heap[0] as number)) return
    let at = 0
    for (let child = 1; child < this.#count; child = 2 * at + 1) {
      if (child + 1 < this.#count && (heap[child + 1] as number) < (heap[child] as number)) child++
      if ((heap[child] as number) >= value) break
      heap[at] = heap[child] as number
      at = child
    }
    heap[at] = value
  }

  /** The n-th largest; -Infinity where there are fewer. */
  nthBest(n: number): number {
    if (n > this.#count) return -Infinity
    const sorted = this.#heap.slice(0, this.#count).sort()
    return sorted[this.#count - n] as number
  }

  countAbove(value: number): number {
    let above = 0
    for (let index = 0; index < this.#count; index++) if ((this.#heap[index] as number) > value) above++
    return above
  }
}
