/** Words in front of each row: hash of its key, room and bytes of its parts, then bytes of its key and its state. */
const HEAD_BYTES = 16
const HASH = 0
const ROOM = 1
const BYTES = 2
const STATE = 3

/** Of the word {@link STATE}: bytes of the key, then patches without a document, then flags. */
const KEY_MASK = 0xffff
const DEPTH_SHIFT = 16
const DEPTH_MASK = 7
const IS_KNOWN = 1 << 20
const IS_GONE = 1 << 21

/** Of the budget, bytes for one slot of the hash table at most. */
const BYTES_PER_SLOT = 64
const SLOT_BYTES = 8
const FIRST_SLOTS = 64
/** More than this part of the bytes in use, or of the slots, and there are too many rows. */
const FULL = 0.875
const SLOTS_FULL = 0.5
/** A row may need this part of the memory. */
const LARGE = 0.25
const HASHES = 2 ** 32
/** So many are copied quicker one by one. */
const FEW_BYTES = 32

/**
 * Which keys are live while a table's events go by in their order, and of each its last whole document with the patches behind it, one
 * msgpack value after the other. Keys are those of a share of all hashes, at first of all of them; where they do not fit, the share is
 * halved and the keys of its other half are let go: they are for another pass over the events.
 *
 * It takes the budget and not more, or four times what the largest row needs. Rows lie one behind the other; a row that outgrew its room
 * is written anew at the end, and what is gone is squeezed out where the end is reached.
 */
export class LiveRows {
  /** Documents and patches of the rows, among other things; another array after a row was added or grew. */
  bytes: Uint8Array
  #words: Uint32Array
  /** Two words each: the hash; where its row begins, in units of 8 bytes, and 1 more: 0 is free. So who finds no row reads none. */
  #slots = new Uint32Array(FIRST_SLOTS * 2)
  #slotsMax = FIRST_SLOTS
  #usedBytes = 0
  #usedSlots = 0
  #from = 0
  #to = HASHES

  constructor(budgetBytes: number) {
    while (this.#slotsMax * 2 * BYTES_PER_SLOT <= budgetBytes) this.#slotsMax *= 2
    // What is not touched takes no memory.
    this.bytes = new Uint8Array(Math.max(4096, Math.ceil((budgetBytes - this.#slotsMax * SLOT_BYTES) / 8) * 8))
    this.#words = new Uint32Array(this.bytes.buffer)
  }

  /** Whether keys of this hash are looked at in this pass. */
  has(hash: number): boolean {
    return hash >= this.#from && hash < this.#to
  }

  /** Hashes from here on are for another pass; undefined: none is. */
  get rest(): number | undefined {
    return this.#to === HASHES ? undefined : this.#to
  }

  /** Lets go of all rows and takes the hashes that no pass had yet. */
  nextShare(): void {
    this.#from = this.#to
    this.#to = HASHES
    this.#slots.fill(0)
    this.#usedBytes = this.#usedSlots = 0
  }

  /** The row of the key `key[0, length)`, good until a row is added or grows; -1: it is not live. */
  find(key: Uint8Array, length: number, hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
      const entry = slots[slot + 1] as number
      if (entry === 0) return -1
      const row = (entry - 1) * 2
      if (slots[slot] === hash && this.#isKey(row, key, length)) return row
    }
  }

  /** Patches since the last whole document. */
  depthOf(row: number): number {
    return ((this.#words[row + STATE] as number) >>> DEPTH_SHIFT) & DEPTH_MASK
  }

  /** Whether {@link partsFrom} leads to its document. */
  isKnown(row: number): boolean {
    return ((this.#words[row + STATE] as number) & IS_KNOWN) !== 0
  }

  /** Where its document and its patches begin in {@link bytes}. */
  partsFrom(row: number): number {
    return row * 4 + HEAD_BYTES + padded((this.#words[row + STATE] as number) & KEY_MASK)
  }

  partsTo(row: number): number {
    return this.partsFrom(row) + (this.#words[row + BYTES] as number)
  }

  /** The key is live, its document is that in `source[from, to)`; no bytes: it is not known. */
  set(key: Uint8Array, length: number, hash: number, source: Uint8Array, from: number, to: number): void {
    let row = this.find(key, length, hash)
    if (row < 0 || to - from > (this.#words[row + ROOM] as number)) row = this.#make(row, key, length, hash, padded(to - from))
    if (row < 0) return
    this.#words[row + BYTES] = 0
    this.#words[row + STATE] = length
    this.#append(row, source, from, to)
  }

  /** Behind the parts of the key's `row` comes a patch without a document, `source[from …]`. */
  patch(row: number, key: Uint8Array, length: number, hash: number, source: Uint8Array, from: number): void {
    const depth = this.depthOf(row) + 1
    let at = row
    if (this.isKnown(row)) {
      const patchBytes = source.length - from
      const bytes = (this.#words[row + BYTES] as number) + patchBytes
      // Patches are mostly alike, and there are three.
      if (bytes > (this.#words[row + ROOM] as number)) at = this.#make(row, key, length, hash, padded(bytes + 2 * patchBytes))
      if (at < 0) return
      this.#append(at, source, from, source.length)
    }
    this.#words[at + STATE] = ((this.#words[at + STATE] as number) & ~(DEPTH_MASK << DEPTH_SHIFT)) | (depth << DEPTH_SHIFT)
  }

  /** Its key is no longer live. */
  remove(row: number): void {
    this.#words[row + STATE] = (this.#words[row + STATE] as number) | IS_GONE
  }

  #append(row: number, source: Uint8Array, from: number, to: number): void {
    if (from === to) return
    const at = this.partsTo(row)
    copy(source, from, to, this.bytes, at)
    this.#words[row + BYTES] = (this.#words[row + BYTES] as number) + to - from
    this.#words[row + STATE] = (this.#words[row + STATE] as number) | IS_KNOWN
  }

  /** A row with this room, in the place of `old` and with its parts if that is one; -1: its key is no longer of the share. */
  #make(old: number, key: Uint8Array, length: number, hash: number, room: number): number {
    const bytes = HEAD_BYTES + padded(length) + room
    const isMoved = this.#makeRoom(bytes)
    if (!this.has(hash)) return -1
    const before = old >= 0 && isMoved ? this.find(key, length, hash) : old
    const words = this.#words
    const row = this.#usedBytes / 4
    this.#usedBytes += bytes
    words[row + HASH] = hash
    words[row + ROOM] = room
    words[row + BYTES] = 0
    words[row + STATE] = length
    copy(key, 0, length, this.bytes, row * 4 + HEAD_BYTES)
    if (before >= 0) {
      words[row + STATE] = words[before + STATE] as number
      words[row + BYTES] = words[before + BYTES] as number
      this.bytes.copyWithin(this.partsFrom(row), this.partsFrom(before), this.partsTo(before))
      this.#slots[this.#slotOf(before) + 1] = row / 2 + 1
      this.remove(before)
    } else this.#put(hash, row / 2 + 1)
    return row
  }

  /** Room for a row of so many bytes; true where rows were moved for it. */
  #makeRoom(bytes: number): boolean {
    if (this.#areSlotsFull()) this.#moreSlots()
    if (this.#usedBytes + bytes <= this.bytes.length && !this.#areSlotsFull()) return false
    this.#squeeze()
    while (this.#usedBytes + bytes > this.bytes.length * FULL || this.#areSlotsFull()) {
      if (bytes > this.bytes.length * LARGE) this.#grow(bytes / LARGE)
      else if (this.#to - this.#from > 1) {
        this.#to = this.#from + Math.ceil((this.#to - this.#from) / 2)
        this.#squeeze()
      } else {
        this.#slotsMax *= 2
        this.#grow(this.bytes.length * 2)
      }
    }
    return true
  }

  #moreSlots(): void {
    if (this.#slots.length === this.#slotsMax * 2) return
    const before = this.#slots
    this.#slots = new Uint32Array(before.length * 2)
    this.#usedSlots = 0
    for (let slot = 0; slot < before.length; slot += 2) {
      if (before[slot + 1] !== 0) this.#put(before[slot] as number, before[slot + 1] as number)
    }
  }

  #areSlotsFull(): boolean {
    return this.#usedSlots * 2 >= this.#slots.length * SLOTS_FULL
  }

  /** Only keys of one hash, or one large row, bring this about. */
  #grow(bytes: number): void {
    const before = this.bytes
    this.bytes = new Uint8Array(Math.ceil(bytes / 8) * 8)
    this.bytes.set(before.subarray(0, this.#usedBytes))
    this.#words = new Uint32Array(this.bytes.buffer)
    this.#moreSlots()
  }

  /** Moves the rows that are there, and of this share, to the front. */
  #squeeze(): void {
    const words = this.#words
    const end = this.#usedBytes / 4
    this.#slots.fill(0)
    this.#usedBytes = this.#usedSlots = 0
    for (let row = 0; row < end;) {
      const state = words[row + STATE] as number
      const bytes = HEAD_BYTES + padded(state & KEY_MASK) + (words[row + ROOM] as number)
      if ((state & IS_GONE) === 0 && this.has(words[row + HASH] as number)) {
        this.bytes.copyWithin(this.#usedBytes, row * 4, row * 4 + bytes)
        this.#usedBytes += bytes
        this.#put(words[(this.#usedBytes - bytes) / 4 + HASH] as number, (this.#usedBytes - bytes) / 8 + 1)
      }
      row += bytes / 4
    }
  }

  #put(hash: number, entry: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = (hash << 1) & mask
    while (slots[slot + 1] !== 0) slot = (slot + 2) & mask
    slots[slot] = hash
    slots[slot + 1] = entry
    this.#usedSlots++
  }

  #slotOf(row: number): number {
    const mask = this.#slots.length - 1
    let slot = ((this.#words[row + HASH] as number) << 1) & mask
    while (this.#slots[slot + 1] !== row / 2 + 1) slot = (slot + 2) & mask
    return slot
  }

  #isKey(row: number, key: Uint8Array, length: number): boolean {
    const state = this.#words[row + STATE] as number
    if ((state & (KEY_MASK | IS_GONE)) !== length) return false
    const at = row * 4 + HEAD_BYTES
    for (let index = 0; index < length; index++) if (this.bytes[at + index] !== key[index]) return false
    return true
  }
}

function padded(bytes: number): number {
  return (bytes + 7) & ~7
}

function copy(source: Uint8Array, from: number, to: number, target: Uint8Array, offset: number): void {
  if (to - from >= FEW_BYTES) target.set(source.subarray(from, to), offset)
  else for (let index = from; index < to; index++) target[offset + index - from] = source[index] as number
}
