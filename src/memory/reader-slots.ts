/**
 * Places of reading threads: which thread has which, and the claims that it has pinned at the moment. So whoever outlives a thread can
 * let go of what it held.
 *
 * A pin is in the list after it was made and leaves it before it is given up. If a thread could end in between, a pin would stay that
 * nobody gives up: memory that is lost, never memory that is given to another while it is read (MEM-5).
 */
import { assertLaw } from '../base/errors.js'
import { type Arena } from './arena.js'

/** An open rectangle has at most 512 pages: cells name them by 9 bits. */
const PINS_MAX = 1022
const THREAD = 0
/** Their number, and the addresses behind it. */
const PINS = 1
const SLOT_WORDS = PINS + 1 + PINS_MAX

export class ReaderSlots {
  /** It can be sent to another thread. */
  readonly words: Int32Array

  private constructor(words: Int32Array) {
    this.words = words
  }

  static create(count: number): ReaderSlots {
    return new ReaderSlots(new Int32Array(new SharedArrayBuffer(count * SLOT_WORDS * 4)))
  }

  static attach(words: Int32Array): ReaderSlots {
    return new ReaderSlots(words)
  }

  get count(): number {
    return this.words.length / SLOT_WORDS
  }

  /** The thread's slot from now on; -1 where all are taken. Ids of threads are above 0. */
  claim(threadId: number): number {
    for (let slot = 0; slot < this.count; slot++) {
      if (Atomics.compareExchange(this.words, slot * SLOT_WORDS + THREAD, 0, threadId) === 0) return slot
    }
    return -1
  }

  /** For the thread that has the slot, of a claim that somebody holds. False where nobody does: it may be another claim by now. */
  pin(slot: number, arena: Arena, address: number, generation: number): boolean {
    const at = slot * SLOT_WORDS
    const count = this.words[at + PINS] as number
    assertLaw(count < PINS_MAX, 'MEM-5', `a reading thread pins more than ${PINS_MAX} claims at once`)
    return arena.pinListed(address, generation, this.words, at + PINS)
  }

  /** Gives up the pin that was made last. */
  unpinLast(slot: number, arena: Arena): void {
    arena.unpinListed(this.words, slot * SLOT_WORDS + PINS)
  }

  /** Gives up all pins of the slot. */
  unpinAll(slot: number, arena: Arena): void {
    const at = slot * SLOT_WORDS + PINS
    while (Atomics.load(this.words, at) > 0) arena.unpinListed(this.words, at)
  }

  pinsOf(slot: number): number {
    return Atomics.load(this.words, slot * SLOT_WORDS + PINS)
  }

  /** The thread is gone: what it had pinned is let go of, and its slot is free. */
  release(threadId: number, arena: Arena): void {
    for (let slot = 0; slot < this.count; slot++) {
      if (Atomics.load(this.words, slot * SLOT_WORDS + THREAD) !== threadId) continue
      this.unpinAll(slot, arena)
      Atomics.store(this.words, slot * SLOT_WORDS + THREAD, 0)
    }
  }
}
