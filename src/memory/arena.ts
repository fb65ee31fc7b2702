/**
 * The memory of pages: slots of 2 MiB in shared memories of 1 GiB, within a budget of bytes that is set at the beginning. A slot is 32
 * units; a claim takes a run of units of one slot with a single compare-exchange of the slot's word, so that a small page (a chunk of a
 * delta) does not take a whole slot. What is larger than a slot takes whole slots side by side.
 *
 * Any thread may claim, pin and free. An address is the number of a claim's first unit over all memories. Each claim has a word:
 *
 *   bit 31 retired | bit 30 claimed | bits 16 … 29 generation | bits 0 … 15 pins
 *
 * MEM-5: memory that is pinned is not given to another claim. A pin names the generation it expects: an address that was freed and
 * claimed again since is not pinned, and whoever wanted it looks into the directory again.
 */
import { assertLaw, DriftError } from '../base/errors.js'

export const SLOT_BYTES = 2 * 1024 * 1024
const UNITS_PER_SLOT = 32
const WASM_PAGE_BYTES = 64 * 1024
/** WebAssembly allows 4 GiB; up to here every index of a byte is a small integer, also under `|`, `&` and `>>`. */
const MEMORY_BYTES_MAX = 1024 * 1024 * 1024

const RETIRED = 0x8000_0000 | 0
const CLAIMED = 0x4000_0000
const GENERATION_SHIFT = 16
const GENERATION_MASK = 0x3fff
const PINS_MASK = 0xffff

/** Words in front of the slots' words. */
const CLAIMED_UNITS = 0
const CONTROL_WORDS = 16

export type ArenaOptions = {
  /** The budget; whole slots of it are used. */
  readonly bytes: number
  /** A power of two of at least 4 KiB. */
  readonly slotBytes?: number
  /** Where one memory ends and the next begins: a power of two of slots. */
  readonly memoryBytesMax?: number
}

/** What another thread needs to see the same arena: it can be sent to it. */
export type ArenaHandle = {
  readonly memories: readonly WebAssembly.Memory[]
  readonly control: Int32Array
  readonly slotBytes: number
  readonly slotCount: number
  readonly slotsPerMemory: number
}

/** One memory, as arrays of each width. */
export type MemoryViews = {
  readonly buffer: SharedArrayBuffer
  readonly u8: Uint8Array
  readonly u16: Uint16Array
  readonly i32: Int32Array
  readonly f64: Float64Array
  /** For words that may begin at any byte. */
  readonly data: DataView
}

export class Arena {
  readonly handle: ArenaHandle
  readonly slotBytes: number
  readonly unitBytes: number
  readonly #slotCount: number
  readonly #slotsPerMemory: number
  /** A power of two. */
  readonly #unitsPerMemory: number
  readonly #memoryShift: number
  readonly #words: Int32Array
  /** Where the claims' words and, behind them, their sizes begin. */
  readonly #claims: number
  readonly #sizes: number
  readonly #views: MemoryViews[]
  /** Asked when a claim finds no room: true if it gave something back (in that memory, if one is named), and it is tried again. */
  relieve: ((memory: number | undefined) => boolean) | undefined

  private constructor(handle: ArenaHandle) {
    this.handle = handle
    this.slotBytes = handle.slotBytes
    this.unitBytes = handle.slotBytes / UNITS_PER_SLOT
    this.#slotCount = handle.slotCount
    this.#slotsPerMemory = handle.slotsPerMemory
    this.#unitsPerMemory = handle.slotsPerMemory * UNITS_PER_SLOT
    this.#memoryShift = Math.log2(this.#unitsPerMemory)
    this.#words = handle.control
    this.#claims = CONTROL_WORDS + handle.slotCount
    this.#sizes = this.#claims + handle.slotCount * UNITS_PER_SLOT
    this.#views = handle.memories.map(({ buffer }) => ({
      buffer,
      u8: new Uint8Array(buffer),
      u16: new Uint16Array(buffer),
      i32: new Int32Array(buffer),
      f64: new Float64Array(buffer),
      data: new DataView(buffer)
    }))
  }

  /** @throws DriftError INVALID_ARGUMENT where the budget holds no slot, or a slot has an odd size. */
  static create({ bytes, slotBytes = SLOT_BYTES, memoryBytesMax = MEMORY_BYTES_MAX }: ArenaOptions): Arena {
    const slotCount = Math.floor(bytes / slotBytes)
    const slotsPerMemory = 2 ** Math.floor(Math.log2(Math.min(memoryBytesMax, MEMORY_BYTES_MAX) / slotBytes))
    if (slotBytes < 4096 || (slotBytes & (slotBytes - 1)) !== 0 || slotCount < 1 || slotsPerMemory < 1) {
      throw new DriftError('INVALID_ARGUMENT', `an arena of ${bytes} bytes holds no slot of ${slotBytes} bytes`, { bytes, slotBytes })
    }
    const memories: WebAssembly.Memory[] = []
    for (let from = 0; from < slotCount; from += slotsPerMemory) {
      const pages = Math.ceil((Math.min(slotsPerMemory, slotCount - from) * slotBytes) / WASM_PAGE_BYTES)
      memories.push(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }))
    }
    const words = CONTROL_WORDS + slotCount * (1 + 2 * UNITS_PER_SLOT)
    const control = new Int32Array(new SharedArrayBuffer(words * 4))
    return new Arena({ memories, control, slotBytes, slotCount, slotsPerMemory })
  }

  static attach(handle: ArenaHandle): Arena {
    return new Arena(handle)
  }

  get budgetBytes(): number {
    return this.#slotCount * this.slotBytes
  }

  get claimedBytes(): number {
    return Atomics.load(this.#words, CLAIMED_UNITS) * this.unitBytes
  }

  /**
   * Memory of at least `bytes`, with whatever stood there before in it; it begins at a multiple of a unit. With `memory`, in that one.
   * @throws DriftError OVERLOADED where no run of that length is free: something must be released or unpinned first.
   */
  claim(bytes: number, memory?: number): number {
    const units = Math.max(1, Math.ceil(bytes / this.unitBytes))
    const first = memory === undefined ? 0 : memory * this.#slotsPerMemory
    const end = memory === undefined ? this.#slotCount : Math.min(this.#slotCount, first + this.#slotsPerMemory)
    const find = () =>
      units <= UNITS_PER_SLOT ? this.#claimUnits(units, first, end) : this.#claimSlots(Math.ceil(units / UNITS_PER_SLOT), first, end)
    let address = find()
    while (address < 0 && this.relieve?.(memory) === true) address = find()
    if (address < 0) {
      const details = { bytes, budgetBytes: this.budgetBytes, claimedBytes: this.claimedBytes }
      throw new DriftError(
        'OVERLOADED',
        `no ${bytes} bytes of page memory in one piece are free; read views hold them, or it is small`,
        details
      )
    }
    const taken = units <= UNITS_PER_SLOT ? units : Math.ceil(units / UNITS_PER_SLOT) * UNITS_PER_SLOT
    Atomics.add(this.#words, CLAIMED_UNITS, taken)
    Atomics.store(this.#words, this.#sizes + address, taken)
    const generation = (this.generationOf(address) + 1) & GENERATION_MASK
    Atomics.store(this.#words, this.#claims + address, CLAIMED | (generation << GENERATION_SHIFT))
    return address
  }

  /** Of the claim at `address` now; see {@link pin}. */
  generationOf(address: number): number {
    return (Atomics.load(this.#words, this.#claims + address) >>> GENERATION_SHIFT) & GENERATION_MASK
  }

  bytesOf(address: number): number {
    return Atomics.load(this.#words, this.#sizes + address) * this.unitBytes
  }

  viewsOf(address: number): MemoryViews {
    return this.#views[this.memoryOf(address)] as MemoryViews
  }

  /** Number of the memory that an address lies in. */
  memoryOf(address: number): number {
    return address >>> this.#memoryShift
  }

  /** Where the claim begins in its memory. */
  offsetOf(address: number): number {
    return (address & (this.#unitsPerMemory - 1)) * this.unitBytes
  }

  /** Holds the claim until {@link unpin}; false where it is not that claim any more, or is retired. */
  pin(address: number, generation: number): boolean {
    const at = this.#claims + address
    for (;;) {
      const word = Atomics.load(this.#words, at)
      if (word < 0 || (word & CLAIMED) === 0 || ((word >>> GENERATION_SHIFT) & GENERATION_MASK) !== generation) return false
      assertLaw((word & PINS_MASK) < PINS_MASK, 'MEM-5', `too many pins of the claim at ${address}`)
      if (Atomics.compareExchange(this.#words, at, word, word + 1) === word) return true
    }
  }

  /**
   * A hold of a claim that is not retired, or that somebody else holds at the moment; false where it is another claim. It is written down in `list`: a count at `at`, addresses behind it. A thread can be ended where a function is called or a loop turns, not
   * between these two stores: so the list of a thread that is gone says what it held.
   */
  pinListed(address: number, generation: number, list: Int32Array, at: number): boolean {
    const claim = this.#claims + address
    const count = list[at] as number
    list[at + 1 + count] = address
    for (;;) {
      const word = Atomics.load(this.#words, claim)
      const pins = word & PINS_MASK
      // What is retired is there as long as somebody holds it.
      const isThere = (word & CLAIMED) !== 0 && (word >= 0 || pins > 0)
      if (!isThere || ((word >>> GENERATION_SHIFT) & GENERATION_MASK) !== generation) return false
      assertLaw(pins < PINS_MASK, 'MEM-5', `too many pins of the claim at ${address}`)
      if (Atomics.compareExchange(this.#words, claim, word, word + 1) === word) {
        Atomics.store(list, at, count + 1)
        return true
      }
    }
  }

  /** Gives up the last pin of a list. */
  unpinListed(list: Int32Array, at: number): void {
    const count = list[at] as number
    const address = list[at + count] as number
    const claim = this.#claims + address
    Atomics.store(list, at, count - 1)
    const before = Atomics.sub(this.#words, claim, 1)
    assertLaw((before & PINS_MASK) > 0, 'MEM-5', `the claim at ${address} is not pinned`)
    this.#freeIfLeft(address)
  }

  /** The last one to let go of a retired claim frees it. */
  unpin(address: number): void {
    const before = Atomics.sub(this.#words, this.#claims + address, 1)
    assertLaw((before & PINS_MASK) > 0, 'MEM-5', `the claim at ${address} is not pinned`)
    this.#freeIfLeft(address)
  }

  isPinned(address: number): boolean {
    return (Atomics.load(this.#words, this.#claims + address) & PINS_MASK) !== 0
  }

  /** Gives the claim back at once. Only for memory that no reader can know of. */
  release(address: number): void {
    assertLaw(!this.isPinned(address), 'MEM-5', `the claim at ${address} is pinned`)
    this.retire(address)
  }

  /** Gives the claim back as soon as nobody has it pinned; from now on nobody can pin it. */
  retire(address: number): void {
    const before = Atomics.or(this.#words, this.#claims + address, RETIRED)
    assertLaw((before & CLAIMED) !== 0 && before >= 0, 'MEM-5', `no claim at ${address} that could be given back`)
    this.#freeIfLeft(address)
  }

  /** Exactly one thread turns "retired without pins" into "free". */
  #freeIfLeft(address: number): void {
    const at = this.#claims + address
    const word = Atomics.load(this.#words, at)
    if (word >= 0 || (word & PINS_MASK) !== 0) return
    const generation = word & (GENERATION_MASK << GENERATION_SHIFT)
    if (Atomics.compareExchange(this.#words, at, word, generation) !== word) return
    const units = Atomics.load(this.#words, this.#sizes + address)
    Atomics.sub(this.#words, CLAIMED_UNITS, units)
    const slot = Math.floor(address / UNITS_PER_SLOT)
    if (units <= UNITS_PER_SLOT) Atomics.and(this.#words, CONTROL_WORDS + slot, ~runOf(units, address % UNITS_PER_SLOT))
    else for (let each = 0; each < units / UNITS_PER_SLOT; each++) Atomics.store(this.#words, CONTROL_WORDS + slot + each, 0)
  }

  #claimUnits(units: number, from: number, end: number): number {
    for (let slot = from; slot < end; slot++) {
      for (;;) {
        const used = Atomics.load(this.#words, CONTROL_WORDS + slot)
        const unit = freeRun(used, units)
        if (unit < 0) break
        if (Atomics.compareExchange(this.#words, CONTROL_WORDS + slot, used, used | runOf(units, unit)) === used) {
          return slot * UNITS_PER_SLOT + unit
        }
      }
    }
    return -1
  }

  #claimSlots(slots: number, from: number, end: number): number {
    let first = from
    for (let slot = from; slot < end; slot++) {
      if (slot % this.#slotsPerMemory === 0) first = slot
      if (Atomics.compareExchange(this.#words, CONTROL_WORDS + slot, 0, -1) !== 0) {
        for (let taken = first; taken < slot; taken++) Atomics.store(this.#words, CONTROL_WORDS + taken, 0)
        first = slot + 1
      } else if (slot - first + 1 === slots) {
        return first * UNITS_PER_SLOT
      } else if ((slot + 1) % this.#slotsPerMemory === 0 || slot + 1 === end) {
        for (let taken = first; taken <= slot; taken++) Atomics.store(this.#words, CONTROL_WORDS + taken, 0)
      }
    }
    return -1
  }
}

/** The bits of `units` units from `unit` on. */
function runOf(units: number, unit: number): number {
  return units === UNITS_PER_SLOT ? -1 : ((1 << units) - 1) << unit
}

/** The first of `units` units in a row that `used` has free; -1 where there are none. */
function freeRun(used: number, units: number): number {
  let starts = ~used
  for (let length = 1; length < units && starts !== 0;) {
    const step = Math.min(length, units - length)
    starts &= starts >>> step
    length += step
  }
  return starts === 0 ? -1 : 31 - Math.clz32(starts & -starts)
}
