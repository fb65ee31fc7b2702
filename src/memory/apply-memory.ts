/**
 * What apply shares with the coordinator and with readers, beside the log: how far it has come, whether it sleeps, versions of each table's
 * directory of pages and of what its newest rows are found by, and the ordinals of the frames in the log.
 *
 * An ordinal stands beside its frame instead of in it, because frames go to files as they are: the word at `address / 16`, which no other
 * frame can have (a frame has 19 bytes at least). So apply hashes no key.
 *
 * MEM-1: each word has one thread that writes it. Coordinator: signal, waiting, ordinals. Apply: asleep, published, applied seq, versions.
 */
const SIGNAL = 0
const ASLEEP = 1
const PUBLISHED = 2
const WAITING = 3
const AWAKE = 0
const DOZING = 1
const DEEPLY = 2
/** Of the cursors, which are 8 bytes each. */
const APPLIED_SEQ = 8

const CONTROL_WORDS = 64
const ORDINAL_SHIFT = 4
const WASM_PAGE_BYTES = 64 * 1024

/** It can be sent to another thread. */
export type ApplyMemoryHandle = { readonly control: SharedArrayBuffer; readonly ordinals: WebAssembly.Memory; readonly tablesMax: number }

export class ApplyMemory {
  readonly handle: ApplyMemoryHandle
  readonly #words: Int32Array
  readonly #cursors: BigInt64Array
  #ordinals: Uint32Array

  private constructor(handle: ApplyMemoryHandle) {
    this.handle = handle
    this.#words = new Int32Array(handle.control)
    this.#cursors = new BigInt64Array(handle.control, 0, CONTROL_WORDS / 2)
    this.#ordinals = new Uint32Array(handle.ordinals.buffer)
  }

  /** For a log of `logBytes` that may grow to `logBytesMax`, and tables with ids below `tablesMax`. */
  static create(logBytes: number, logBytesMax: number, tablesMax: number): ApplyMemory {
    const pages = (bytes: number) => Math.ceil((bytes >> (ORDINAL_SHIFT - 2)) / WASM_PAGE_BYTES) + 1
    const ordinals = new WebAssembly.Memory({ initial: pages(logBytes), maximum: pages(logBytesMax), shared: true })
    const control = new SharedArrayBuffer((CONTROL_WORDS + 2 * tablesMax) * 4)
    return new ApplyMemory({ control, ordinals, tablesMax })
  }

  static attach(handle: ApplyMemoryHandle): ApplyMemory {
    return new ApplyMemory(handle)
  }

  // Ordinals.

  setOrdinal(frameAddress: number, ordinal: number): void {
    const at = frameAddress >>> ORDINAL_SHIFT
    if (at >= this.#ordinals.length) this.#reach(at)
    this.#ordinals[at] = ordinal
  }

  ordinalOf(frameAddress: number): number {
    const at = frameAddress >>> ORDINAL_SHIFT
    // The array is a new one after the memory grew.
    if (at >= this.#ordinals.length) this.#ordinals = new Uint32Array(this.handle.ordinals.buffer)
    return this.#ordinals[at] as number
  }

  #reach(at: number): void {
    const missing = (at + 1) * 4 - this.handle.ordinals.buffer.byteLength
    if (missing > 0) this.handle.ordinals.grow(Math.ceil(missing / WASM_PAGE_BYTES))
    this.#ordinals = new Uint32Array(this.handle.ordinals.buffer)
  }

  // Waking apply.

  /** For who waits: wakes it however it sleeps. Notifying costs 10 us where someone sleeps. */
  wakeApply(): void {
    Atomics.add(this.#words, SIGNAL, 1)
    if (Atomics.load(this.#words, ASLEEP) !== AWAKE) Atomics.notify(this.#words, SIGNAL)
  }

  /** For who only has work: while it dozes it looks by itself soon enough, and a lone commit does not pay for waking it. */
  stirApply(): void {
    if (Atomics.load(this.#words, ASLEEP) === DEEPLY) this.wakeApply()
  }

  signal(): number {
    return Atomics.load(this.#words, SIGNAL)
  }

  /** Resolves when the signal is no longer `seen`, or after `timeoutMs` (absent: never). The event loop goes on: messages are heard. */
  async sleep(seen: number, timeoutMs?: number): Promise<void> {
    Atomics.store(this.#words, ASLEEP, timeoutMs === undefined ? DEEPLY : DOZING)
    const wait = Atomics.waitAsync(this.#words, SIGNAL, seen, timeoutMs)
    if (wait.async) await wait.value
    Atomics.store(this.#words, ASLEEP, AWAKE)
  }

  // What is applied.

  /** Everything up to this seq, a commit's end, is in the pages of the tables that have pages. */
  get appliedSeq(): number {
    return Number(Atomics.load(this.#cursors, APPLIED_SEQ))
  }

  /** Publishes every earlier store with it. */
  publishApplied(seq: number): void {
    Atomics.store(this.#cursors, APPLIED_SEQ, BigInt(seq))
    Atomics.add(this.#words, PUBLISHED, 1)
    if (Atomics.load(this.#words, WAITING) !== 0) Atomics.notify(this.#words, PUBLISHED)
  }

  /** Resolves when `seq` is applied; wakes apply for it. One thread may wait, as often as it likes. */
  async untilApplied(seq: number): Promise<void> {
    Atomics.add(this.#words, WAITING, 1)
    try {
      for (;;) {
        const seen = Atomics.load(this.#words, PUBLISHED)
        if (this.appliedSeq >= seq) return
        this.wakeApply()
        const wait = Atomics.waitAsync(this.#words, PUBLISHED, seen)
        if (wait.async) await wait.value
      }
    } finally {
      Atomics.sub(this.#words, WAITING, 1)
    }
  }

  /** Which directory of a table's pages is the newest: a reader that has another one asks for it. */
  directoryVersion(tableId: number): number {
    return Atomics.load(this.#words, CONTROL_WORDS + tableId)
  }

  setDirectoryVersion(tableId: number, version: number): void {
    Atomics.store(this.#words, CONTROL_WORDS + tableId, version)
  }

  /** Which handle of a table's newest rows is the one to read with; 0: its pages have none. */
  openRowsVersion(tableId: number): number {
    return Atomics.load(this.#words, CONTROL_WORDS + this.handle.tablesMax + tableId)
  }

  setOpenRowsVersion(tableId: number, version: number): void {
    Atomics.store(this.#words, CONTROL_WORDS + this.handle.tablesMax + tableId, version)
  }
}
