/**
 * The memory that the coordinator and the writer thread share: 64 KiB of words and cursors, then the chunks of the shared log.
 * Only this room makes shared memory and calls Atomics.
 *
 * MEM-1: each word has one thread that writes it. Coordinator: signal, tail, asked, wanted, stays awake, burst. Writer: asleep, published,
 * answered, gathering, state, reserved and, but under durability `none`, the cursors.
 */
export const LOG_CONTROL_BYTES = 64 * 1024
export const LOG_CHUNK_BYTES = 1024 * 1024
const WASM_PAGE_BYTES = 64 * 1024

const SIGNAL = 0
const ASLEEP = 1
const TAIL = 2
const PUBLISHED = 3
const STATE = 4
const ASKED = 5
const ANSWERED = 6
const NO_ROOM = 7
const STAYS_AWAKE = 8
const BURST = 9
const GATHERING = 10

const VISIBLE_SEQ = 16
const DURABLE_SEQ = 17
const WAL_RESERVED = 18
const WAL_WANTED = 19

const STATE_POISONED = 1

/** The handle that goes to the other thread, once, at its start. */
export type LogMemoryHandle = WebAssembly.Memory

export class LogMemory {
  readonly handle: LogMemoryHandle
  #words: Int32Array
  #cursors: BigInt64Array
  #bytes: Uint8Array

  private constructor(handle: LogMemoryHandle) {
    this.handle = handle
    this.#words = new Int32Array(handle.buffer, 0, 64)
    this.#cursors = new BigInt64Array(handle.buffer, 0, 64)
    this.#bytes = new Uint8Array(handle.buffer)
  }

  /** Room for `roomBytes` of log, which may grow to `roomBytesMax` for a batch that fits in no other way. */
  static create(roomBytes: number, roomBytesMax: number): LogMemory {
    const pages = (bytes: number) => Math.ceil((LOG_CONTROL_BYTES + bytes) / WASM_PAGE_BYTES)
    return new LogMemory(new WebAssembly.Memory({ initial: pages(roomBytes), maximum: pages(roomBytesMax), shared: true }))
  }

  static attach(handle: LogMemoryHandle): LogMemory {
    return new LogMemory(handle)
  }

  /** All bytes; the array is a new one after the memory grew, so it is asked for anew for each piece of work. */
  bytes(): Uint8Array {
    if (this.#bytes.length !== this.handle.buffer.byteLength) this.#bytes = new Uint8Array(this.handle.buffer)
    return this.#bytes
  }

  /** False where the memory may not grow that far. */
  grow(bytes: number): boolean {
    try {
      this.handle.grow(Math.ceil(bytes / WASM_PAGE_BYTES))
    } catch (error) {
      if (error instanceof RangeError) return false
      throw error
    }
    return true
  }

  // Waking the writer.

  /** Makes every earlier store visible to the writer and wakes it if it sleeps. Notifying costs 10 us only where someone sleeps. */
  wakeWriter(): void {
    Atomics.add(this.#words, SIGNAL, 1)
    if (Atomics.load(this.#words, ASLEEP) !== 0) Atomics.notify(this.#words, SIGNAL)
  }

  /** True while the writer sleeps, and for a moment after it was woken. */
  get writerIsAsleep(): boolean {
    return Atomics.load(this.#words, ASLEEP) !== 0
  }

  signal(): number {
    return Atomics.load(this.#words, SIGNAL)
  }

  /** The writer's sleep: returns at once if the signal is no longer `seen`. Hears no message. */
  sleep(seen: number): void {
    Atomics.store(this.#words, ASLEEP, 1)
    Atomics.wait(this.#words, SIGNAL, seen)
    Atomics.store(this.#words, ASLEEP, 0)
  }

  /** The same without blocking the thread's event loop. */
  async sleepInEventLoop(seen: number): Promise<void> {
    // ASLEEP stays set: an older wait that ends late must not clear it under a newer one, and a needless notify is cheap.
    Atomics.store(this.#words, ASLEEP, 1)
    const wait = Atomics.waitAsync(this.#words, SIGNAL, seen)
    if (wait.async) await wait.value
  }

  /** Control requests travel by message; this pair of counters tells a writer at work or asleep that one is on its way. */
  askWriter(): void {
    Atomics.add(this.#words, ASKED, 1)
    this.wakeWriter()
  }

  /** The writer took up a question. */
  answered(): void {
    Atomics.add(this.#words, ANSWERED, 1)
  }

  hasQuestion(): boolean {
    return Atomics.load(this.#words, ASKED) !== Atomics.load(this.#words, ANSWERED)
  }

  /** Whether the writer shall wait awake, for a moment, for the next commit: the coordinator's to say. */
  get writerStaysAwake(): boolean {
    return Atomics.load(this.#words, STAYS_AWAKE) === 1
  }

  set writerStaysAwake(awake: boolean) {
    Atomics.store(this.#words, STAYS_AWAKE, awake ? 1 : 0)
  }

  /** The callers of a group were answered, and their next commits come one after another: {@link endBurst} follows. */
  beginBurst(): void {
    Atomics.store(this.#words, BURST, 1)
  }

  endBurst(): void {
    Atomics.store(this.#words, BURST, 0)
    if (Atomics.load(this.#words, GATHERING) !== 0) Atomics.notify(this.#words, BURST)
  }

  /** The writer's sleep while a burst lasts, so many milliseconds at most: nobody pays for waking it before the end. False: there is none. */
  sleepThroughBurst(ms: number): boolean {
    if (Atomics.load(this.#words, BURST) === 0) return false
    Atomics.store(this.#words, GATHERING, 1)
    Atomics.wait(this.#words, BURST, 1, ms)
    Atomics.store(this.#words, GATHERING, 0)
    return true
  }

  // Waking the coordinator.

  published(): number {
    return Atomics.load(this.#words, PUBLISHED)
  }

  wakeCoordinator(): void {
    Atomics.add(this.#words, PUBLISHED, 1)
    Atomics.notify(this.#words, PUBLISHED)
  }

  /** Resolves when something was published since `seen`. Does not keep the process alive: the writer's thread does, while it must. */
  async untilPublished(seen: number): Promise<void> {
    const wait = Atomics.waitAsync(this.#words, PUBLISHED, seen)
    if (wait.async) await wait.value
  }

  // Words and cursors.

  get tail(): number {
    return Atomics.load(this.#words, TAIL) * 8
  }

  set tail(address: number) {
    Atomics.store(this.#words, TAIL, address / 8)
  }

  get poisoned(): boolean {
    return Atomics.load(this.#words, STATE) === STATE_POISONED
  }

  poison(): void {
    Atomics.store(this.#words, STATE, STATE_POISONED)
    this.wakeCoordinator()
  }

  /** The last attempt to write zeros ahead failed for lack of space. */
  get noRoom(): boolean {
    return Atomics.load(this.#words, NO_ROOM) !== 0
  }

  set noRoom(value: boolean) {
    Atomics.store(this.#words, NO_ROOM, value ? 1 : 0)
  }

  get visibleSeq(): number {
    return Number(Atomics.load(this.#cursors, VISIBLE_SEQ))
  }

  set visibleSeq(seq: number) {
    Atomics.store(this.#cursors, VISIBLE_SEQ, BigInt(seq))
  }

  get durableSeq(): number {
    return Number(Atomics.load(this.#cursors, DURABLE_SEQ))
  }

  set durableSeq(seq: number) {
    Atomics.store(this.#cursors, DURABLE_SEQ, BigInt(seq))
  }

  /** Bytes of WAL records, counted from the opening, for which zeros are on the disk. Never decreases. */
  get walReserved(): number {
    return Number(Atomics.load(this.#cursors, WAL_RESERVED))
  }

  set walReserved(bytes: number) {
    Atomics.store(this.#cursors, WAL_RESERVED, BigInt(bytes))
  }

  /** Up to where the coordinator would like to have zeros. */
  get walWanted(): number {
    return Number(Atomics.load(this.#cursors, WAL_WANTED))
  }

  set walWanted(bytes: number) {
    Atomics.store(this.#cursors, WAL_WANTED, BigInt(bytes))
  }
}
