import { hashKey } from '../codec/key-codec.js'
import { publishWord, readWord, sharedBytes, sharedInt32, sharedUint32 } from '../memory/shared-array.js'

/**
 * The primary-key index of one table, in shared memory: an open-addressing hash table from a key's canonical bytes to its ordinal.
 *
 * A slot is two words: hash, ordinal + 1 (0: empty). One thread writes; any thread that has the handle may read: a slot's ordinal is
 * published after its hash, its key bytes and its reference. When half full, a table of twice the size is begun and each later insert
 * moves some slots of the old one; readers look into the new table, then into the old one, and entries never leave the old one.
 * Key bytes lie in a heap of blocks as `[u16 length][bytes]`; a hit is verified against them.
 */
export type KeyIndexHandle = {
  readonly seed: number
  readonly table: Int32Array
  readonly old: Int32Array | undefined
  readonly heap: readonly Uint8Array[]
  readonly references: readonly Uint32Array[]
}

const HEAP_BLOCK_BYTES = 1 << 20
const FIRST_HEAP_BLOCK_BYTES = 16 * 1024
const REFERENCES_PER_BLOCK = 1 << 16
const FIRST_REFERENCES = 1024
const FIRST_SLOTS = 1024
/** Old slots that one insert moves: the old table is empty long before the new one is half full. */
const MOVED_PER_INSERT = 8
const RESERVE_FACTOR = 4

const NO_KEY = new Uint8Array(2)

/** Finds keys; for a reading thread. */
export class KeyIndexView {
  protected readonly seed: number
  protected table: Int32Array
  protected old: Int32Array | undefined
  protected readonly heap: Uint8Array[]
  protected readonly references: Uint32Array[]

  constructor(handle: KeyIndexHandle) {
    this.seed = handle.seed
    this.table = handle.table
    this.old = handle.old
    this.heap = [...handle.heap]
    this.references = [...handle.references]
  }

  hash(key: Uint8Array, length: number): number {
    return hashKey(key, 0, length, this.seed) | 0
  }

  /** The ordinal of the key `key[0, length)`, or -1. */
  find(key: Uint8Array, length: number, hash = this.hash(key, length)): number {
    const found = this.#probe(this.table, key, length, hash)
    return found >= 0 || this.old === undefined ? found : this.#probe(this.old, key, length, hash)
  }

  /** The canonical bytes of an ordinal's key: a view on the heap. */
  keyOf(ordinal: number): Uint8Array {
    const reference = this.referenceOf(ordinal)
    const block = this.heap[reference >>> 20] ?? NO_KEY
    const at = reference & (HEAP_BLOCK_BYTES - 1)
    return block.subarray(at + 2, at + 2 + ((block[at] ?? 0) | ((block[at + 1] ?? 0) << 8)))
  }

  /** As `compareKeys` of the keys of two ordinals, without looking at them one by one. */
  compareOrdinals(one: number, other: number): number {
    const left = this.referenceOf(one)
    const right = this.referenceOf(other)
    const a = this.heap[left >>> 20] ?? NO_KEY
    const b = this.heap[right >>> 20] ?? NO_KEY
    const atA = left & (HEAP_BLOCK_BYTES - 1)
    const atB = right & (HEAP_BLOCK_BYTES - 1)
    const bytesA = (a[atA] ?? 0) | ((a[atA + 1] ?? 0) << 8)
    const bytesB = (b[atB] ?? 0) | ((b[atB + 1] ?? 0) << 8)
    const shorter = Math.min(bytesA, bytesB)
    for (let index = 2; index < shorter + 2; index++) {
      const difference = (a[atA + index] as number) - (b[atB + index] as number)
      if (difference !== 0) return difference
    }
    return bytesA - bytesB
  }

  protected referenceOf(ordinal: number): number {
    return this.references[ordinal >>> 16]?.[ordinal & (REFERENCES_PER_BLOCK - 1)] ?? 0
  }

  protected entryAt(table: Int32Array, index: number): number {
    return readWord(table, index)
  }

  #probe(table: Int32Array, key: Uint8Array, length: number, hash: number): number {
    const mask = (table.length >>> 1) - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.entryAt(table, slot * 2 + 1)
      if (entry === 0) return -1
      if (table[slot * 2] === hash && this.#isKey(entry - 1, key, length)) return entry - 1
    }
  }

  #isKey(ordinal: number, key: Uint8Array, length: number): boolean {
    const reference = this.referenceOf(ordinal)
    const block = this.heap[reference >>> 20]
    if (block === undefined) return false
    const at = reference & (HEAP_BLOCK_BYTES - 1)
    if (((block[at] ?? 0) | ((block[at + 1] ?? 0) << 8)) !== length) return false
    for (let index = 0; index < length; index++) if (block[at + 2 + index] !== key[index]) return false
    return true
  }
}

/** The writing end: the coordinator's. */
export class KeyIndex extends KeyIndexView {
  #count = 0
  #heapUsed = 0
  #moved = 0

  constructor(seed: number) {
    super({
      seed,
      table: sharedInt32(FIRST_SLOTS * 2),
      old: undefined,
      heap: [sharedBytes(FIRST_HEAP_BLOCK_BYTES)],
      references: [sharedUint32(FIRST_REFERENCES)]
    })
  }

  /** Keys, those of deleted rows included. */
  get count(): number {
    return this.#count
  }

  get bytes(): number {
    const sum = (arrays: readonly { byteLength: number }[]) => arrays.reduce((total, array) => total + array.byteLength, 0)
    return this.table.byteLength + (this.old?.byteLength ?? 0) + sum(this.heap) + sum(this.references)
  }

  handle(): KeyIndexHandle {
    return { seed: this.seed, table: this.table, old: this.old, heap: [...this.heap], references: [...this.references] }
  }

  /** Adds a key that is not there and returns its ordinal: the next one. */
  add(key: Uint8Array, length: number, hash = this.hash(key, length)): number {
    const ordinal = this.#count
    this.#setReference(ordinal, this.#store(key, length))
    if (this.old === undefined && ordinal * 4 >= this.table.length) this.#grow(this.table.length)
    if (this.old !== undefined) this.#move(MOVED_PER_INSERT)
    this.#put(this.table, hash, ordinal)
    this.#count++
    return ordinal
  }

  /**
   * Room for `count` keys at once, for an opening that knows how many will come: no table half moved that every probe must look into
   * too. At most {@link RESERVE_FACTOR} times the keys that are there, since the guess may be wrong.
   */
  reserve(count: number): void {
    const keys = Math.min(count, this.#count * RESERVE_FACTOR)
    let slots = this.table.length >>> 1
    while (slots < keys * 2) slots *= 2
    if (slots * 2 === this.table.length) return
    if (this.old !== undefined) this.#move(this.old.length)
    this.#grow(slots)
    this.#move(this.table.length)
  }

  /**
   * Adds the keys of a snapshot, which are proved and not there: `heap` has `[u16 length][bytes]` of each and becomes a block of this
   * one, `hashes` their hashes. There will be `total` keys. False where the bytes are not those keys.
   */
  restore(heap: Uint8Array, hashes: Uint32Array, total: number): boolean {
    if (heap.length > HEAP_BLOCK_BYTES) return false
    this.#roomFor(total)
    const block = this.heap.push(sharedBytes(HEAP_BLOCK_BYTES)) - 1
    this.heap[block]?.set(heap)
    this.#heapUsed = heap.length
    // No thread has a handle before an opening ends, so plain stores will do; a million keys are restored in this loop.
    const { table } = this
    const mask = (table.length >>> 1) - 1
    const from = block * HEAP_BLOCK_BYTES
    let ordinal = this.#count
    let at = 0
    for (let index = 0; index < hashes.length; index++) {
      const hash = (hashes[index] ?? 0) | 0
      const length = (heap[at] ?? 0) | ((heap[at + 1] ?? 0) << 8)
      // One in some is held against its bytes: another database's hashes would be seen at once.
      if ((index & 0xfff) === 0 && this.hash(heap.subarray(at + 2, at + 2 + length), length) !== hash) return false
      let slot = hash & mask
      while (table[slot * 2 + 1] !== 0) slot = (slot + 1) & mask
      table[slot * 2] = hash
      table[slot * 2 + 1] = ordinal + 1
      const references = this.references[ordinal >>> 16]
      if (references === undefined || (ordinal & (REFERENCES_PER_BLOCK - 1)) >= references.length) this.#setReference(ordinal, from + at)
      else references[ordinal & (REFERENCES_PER_BLOCK - 1)] = from + at
      ordinal++
      at += length + 2
    }
    this.#count = ordinal
    return at === heap.length
  }

  /** The heap's bytes and hashes of keys from `ordinal` on, at most a block of them: what {@link restore} takes. */
  portion(ordinal: number): { readonly heap: Uint8Array; readonly hashes: Uint32Array } {
    const heap = new Uint8Array(HEAP_BLOCK_BYTES)
    const hashes: number[] = []
    let used = 0
    for (let next = ordinal; next < this.#count; next++) {
      const key = this.keyOf(next)
      if (used + key.length + 2 > heap.length) break
      heap[used] = key.length
      heap[used + 1] = key.length >>> 8
      heap.set(key, used + 2)
      used += key.length + 2
      hashes.push(this.hash(key, key.length) >>> 0)
    }
    return { heap: heap.subarray(0, used), hashes: Uint32Array.from(hashes) }
  }

  /** Takes the key that was added last back out. Slots filled last are emptied first, so no probe chain breaks. */
  removeLast(): void {
    const ordinal = --this.#count
    const key = this.keyOf(ordinal)
    const hash = this.hash(key, key.length)
    for (const table of this.old === undefined ? [this.table] : [this.table, this.old]) {
      const mask = (table.length >>> 1) - 1
      for (let slot = hash & mask; table[slot * 2 + 1] !== 0; slot = (slot + 1) & mask) {
        if (table[slot * 2 + 1] !== ordinal + 1) continue
        publishWord(table, slot * 2 + 1, 0)
        break
      }
    }
    // The next key takes its place; what was at the end of a block before the last stays unused.
    const reference = this.referenceOf(ordinal)
    this.#heapUsed = reference >>> 20 === this.heap.length - 1 ? reference & (HEAP_BLOCK_BYTES - 1) : 0
  }

  /** This thread sees what it wrote itself without a fence. */
  protected override entryAt(table: Int32Array, index: number): number {
    return table[index] ?? 0
  }

  #put(table: Int32Array, hash: number, ordinal: number): void {
    const mask = (table.length >>> 1) - 1
    let slot = hash & mask
    while (table[slot * 2 + 1] !== 0) slot = (slot + 1) & mask
    table[slot * 2] = hash
    publishWord(table, slot * 2 + 1, ordinal + 1)
  }

  /** The table is large enough for so many keys, and whole. */
  #roomFor(keys: number): void {
    let slots = this.table.length >>> 1
    while (slots <= keys * 2) slots *= 2
    if (this.old !== undefined) this.#move(this.old.length)
    if (slots * 2 === this.table.length) return
    this.#grow(slots)
    this.#move(this.table.length)
  }

  #grow(slots: number): void {
    this.old = this.table
    this.table = sharedInt32(slots * 2)
    this.#moved = 0
  }

  #move(count: number): void {
    const old = this.old
    if (old === undefined) return
    const end = Math.min(this.#moved + count, old.length >>> 1)
    for (let slot = this.#moved; slot < end; slot++) {
      const entry = old[slot * 2 + 1] ?? 0
      if (entry !== 0) this.#put(this.table, old[slot * 2] ?? 0, entry - 1)
    }
    this.#moved = end
    if (end === old.length >>> 1) this.old = undefined
  }

  #store(key: Uint8Array, length: number): number {
    let block = this.heap.length - 1
    const size = this.heap[block]?.length ?? 0
    if (this.#heapUsed + length + 2 > size) {
      this.heap.push(sharedBytes(HEAP_BLOCK_BYTES))
      block++
      this.#heapUsed = 0
    }
    const bytes = this.heap[block]
    const at = this.#heapUsed
    if (bytes !== undefined) {
      bytes[at] = length
      bytes[at + 1] = length >>> 8
      for (let index = 0; index < length; index++) bytes[at + 2 + index] = key[index] ?? 0
    }
    this.#heapUsed += length + 2
    return block * HEAP_BLOCK_BYTES + at
  }

  #setReference(ordinal: number, reference: number): void {
    const block = ordinal >>> 16
    const index = ordinal & (REFERENCES_PER_BLOCK - 1)
    let references = this.references[block]
    if (references === undefined || index >= references.length) {
      const grown = sharedUint32(block === 0 ? Math.min(REFERENCES_PER_BLOCK, Math.max(FIRST_REFERENCES, index * 2)) : REFERENCES_PER_BLOCK)
      if (references !== undefined) grown.set(references)
      this.references[block] = grown
      references = grown
    }
    references[index] = reference
  }
}
