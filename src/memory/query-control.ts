/**
 * What the threads of one query share: which piece of work is next, whether to stop, how far they are. A piece ("morsel") is a tile, or some.
 *
 * Every word is changed by atomic operations of any of the threads. Stopping also moves the counter past its end, so that a morsel that
 * is taken after it is no morsel.
 */
const NEXT = 0
const MORSELS = 1
const STOPPED = 2
/** A bit for each participant that began to work; bit 31: nobody may begin any more. */
const ENTERED = 3
/** Morsels that were given out. */
const TAKEN = 4
/** Of the counts, which are 8 bytes each. */
const ROWS = 4

const WORDS = 16
const CLOSED = 0x8000_0000 | 0
/** Far behind any number of morsels, and far from where a word ends. */
const PAST_THE_END = 0x4000_0000

export const PARTICIPANTS_MAX = 31

export class QueryControl {
  /** It can be sent to another thread. */
  readonly words: Int32Array
  readonly #counts: BigInt64Array

  private constructor(words: Int32Array) {
    this.words = words
    this.#counts = new BigInt64Array(words.buffer, 0, WORDS / 2)
  }

  static create(morsels: number): QueryControl {
    const words = new Int32Array(new SharedArrayBuffer(WORDS * 4))
    words[MORSELS] = morsels
    return new QueryControl(words)
  }

  static attach(words: Int32Array): QueryControl {
    return new QueryControl(words)
  }

  /** The number of the next morsel; -1: there is none. */
  take(): number {
    const morsel = Atomics.add(this.words, NEXT, 1)
    if (morsel >= (this.words[MORSELS] as number)) return -1
    Atomics.add(this.words, TAKEN, 1)
    return morsel
  }

  /** Takes `morsel` if it is the next one. */
  takeIfNext(morsel: number): boolean {
    if (morsel >= (this.words[MORSELS] as number) || Atomics.compareExchange(this.words, NEXT, morsel, morsel + 1) !== morsel) return false
    Atomics.add(this.words, TAKEN, 1)
    return true
  }

  /** Morsels that were given out, in all. */
  get taken(): number {
    return Atomics.load(this.words, TAKEN)
  }

  get isExhausted(): boolean {
    return Atomics.load(this.words, NEXT) >= (this.words[MORSELS] as number)
  }

  /** No more morsels are given out; who works on one ends at his next look. */
  stop(): void {
    Atomics.store(this.words, STOPPED, 1)
    Atomics.store(this.words, NEXT, PAST_THE_END)
  }

  get isStopped(): boolean {
    return Atomics.load(this.words, STOPPED) !== 0
  }

  /** Before a participant takes its first morsel; false where it comes too late. */
  enter(participant: number): boolean {
    for (;;) {
      const entered = Atomics.load(this.words, ENTERED)
      if (entered < 0 || this.isStopped) return false
      if (Atomics.compareExchange(this.words, ENTERED, entered, entered | (1 << participant)) === entered) return true
    }
  }

  /** Nobody may enter any more. */
  close(): void {
    Atomics.or(this.words, ENTERED, CLOSED)
  }

  hasEntered(participant: number): boolean {
    return (Atomics.load(this.words, ENTERED) & (1 << participant)) !== 0
  }

  /** Adds to the rows that were looked at. */
  looked(rows: number): void {
    Atomics.add(this.#counts, ROWS, BigInt(rows))
  }

  get rowsLooked(): number {
    return Number(Atomics.load(this.#counts, ROWS))
  }
}
