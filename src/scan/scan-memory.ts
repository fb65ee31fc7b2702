/**
 * The kernels of a scanning thread and their working memory. A kernel sees one shared memory, so each memory of the arena has its own
 * kernels, and its own piece of memory for masks and cells, which is claimed once, before pages fill the arena.
 */
import { DriftError } from '../base/errors.js'
import { type Kernels } from '../kernel/kernels.js'
import { type Arena, type MemoryViews } from '../memory/arena.js'

/** Masks of a large page and a few thousand cells. */
const SCRATCH_BYTES = 512 * 1024

export type KernelsOf = (memory: WebAssembly.Memory, views: MemoryViews) => Kernels

export class ScanMemory {
  readonly #arena: Arena
  readonly #scratches: Scratch[]

  /** @throws DriftError OVERLOADED where a memory of the arena has no room. */
  constructor(arena: Arena, kernelsOf: KernelsOf, scratchBytes = SCRATCH_BYTES) {
    this.#arena = arena
    this.#scratches = arena.handle.memories.map((memory, index) => {
      const address = arena.claim(Math.min(scratchBytes, arena.slotBytes), index)
      const views = arena.viewsOf(address)
      const start = arena.offsetOf(address)
      return new Scratch(() => kernelsOf(memory, views), views, address, start, start + arena.bytesOf(address))
    })
  }

  /** Of the memory in which `address` lies. */
  of(address: number): Scratch {
    return this.#scratches[this.#arena.memoryOf(address)] as Scratch
  }

  /** All of them, one for each memory. */
  get all(): readonly Scratch[] {
    return this.#scratches
  }

  /** Gives the working memory back. */
  release(): void {
    for (const { address } of this.#scratches) this.#arena.release(address)
  }
}

type Held = { readonly at: number; readonly end: number }

/**
 * The first half is taken for one page, in which nobody else runs; pieces of the second half are held by a scan until it ends, beside
 * those of other scans of the thread.
 */
export class Scratch {
  readonly views: MemoryViews
  readonly address: number
  readonly #makeKernels: () => Kernels
  #kernels: Kernels | undefined
  readonly #start: number
  readonly #middle: number
  readonly #end: number
  #at: number
  /** In order of place. */
  #held: readonly Held[] = []

  constructor(makeKernels: () => Kernels, views: MemoryViews, address: number, start: number, end: number) {
    this.#makeKernels = makeKernels
    this.views = views
    this.address = address
    this.#start = start
    this.#middle = (start + end) / 2
    this.#end = end
    this.#at = start
  }

  /** Made when they are first needed. */
  get kernels(): Kernels {
    return (this.#kernels ??= this.#makeKernels())
  }

  /**
   * Offset of `bytes` bytes, at a multiple of 8, with whatever stood there before, until {@link reset}.
   * @throws DriftError OVERLOADED where there are not so many.
   */
  take(bytes: number): number {
    const at = this.#at
    this.#at = (at + bytes + 7) & ~7
    if (this.#at <= this.#middle) return at
    throw new DriftError('OVERLOADED', `a scan has no ${bytes} bytes of working memory left`, { bytes })
  }

  /** For the next page. */
  reset(): void {
    this.#at = this.#start
  }

  /** The same until {@link letGo}; undefined where there is no room. */
  hold(bytes: number): number | undefined {
    let at = this.#middle
    let index = 0
    for (; index < this.#held.length; index++) {
      const next = this.#held[index] as Held
      if (next.at - at >= bytes) break
      at = (next.end + 7) & ~7
    }
    if (at + bytes > this.#end) return undefined
    this.#held = this.#held.toSpliced(index, 0, { at, end: at + bytes })
    return at
  }

  letGo(at: number): void {
    this.#held = this.#held.filter((piece) => piece.at !== at)
  }
}
