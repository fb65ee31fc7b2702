/**
 * Of each ordinal of a table: the bytes of its key, and where its newest version lies in the open pages. Apply finds a row's previous
 * version here without hashing a key.
 */
import { type Arena } from '../memory/arena.js'
import { sharedInt32 } from '../memory/shared-array.js'
import { SharedHeap } from './shared-heap.js'

/** The ordinal has no version in an open page. */
export const NOWHERE = -1

const FIRST_ORDINALS = 64

/** What a reading thread needs; it is asked for anew when the reader meets an ordinal or a reference that is not in it. */
export type KeyTableHandle = { readonly references: Int32Array; readonly locations: Int32Array; readonly heap: Int32Array }

export class KeyTable {
  readonly heap: SharedHeap
  /** By ordinal: reference to `[u16 length][canonical bytes]`; 0: the ordinal has not been met. */
  references: Int32Array
  /** By ordinal: `open page << row bits | row`, or {@link NOWHERE}. */
  locations: Int32Array

  constructor(heap: SharedHeap, handle?: KeyTableHandle) {
    this.heap = heap
    this.references = handle?.references ?? sharedInt32(FIRST_ORDINALS)
    this.locations = handle?.locations ?? sharedInt32(FIRST_ORDINALS).fill(NOWHERE)
  }

  static attach(arena: Arena, handle: KeyTableHandle): KeyTable {
    return new KeyTable(new SharedHeap(arena, handle.heap), handle)
  }

  /** A reading thread takes over what grew since. */
  renew({ references, locations, heap }: KeyTableHandle): void {
    this.references = references
    this.locations = locations
    this.heap.addresses = heap
  }

  get handle(): KeyTableHandle {
    return { references: this.references, locations: this.locations, heap: this.heap.addresses }
  }

  /** Ordinals that there is room for; those behind have not been met. */
  get capacity(): number {
    return this.references.length
  }

  has(ordinal: number): boolean {
    return ordinal < this.references.length && this.references[ordinal] !== 0
  }

  locationOf(ordinal: number): number {
    return ordinal < this.locations.length ? (this.locations[ordinal] as number) : NOWHERE
  }

  add(ordinal: number, key: Uint8Array, bytes: number): number {
    if (ordinal >= this.references.length) this.#grow(ordinal + 1)
    const reference = this.heap.reserve(bytes + 2)
    const target = this.heap.memory(reference)
    let at = this.heap.index(reference)
    target[at++] = bytes & 0xff
    target[at++] = bytes >>> 8
    for (let index = 0; index < bytes; index++) target[at + index] = key[index] as number
    this.references[ordinal] = reference
    return reference
  }

  /** A copy of the canonical bytes of an ordinal that was met. */
  keyOf(ordinal: number): Uint8Array {
    const reference = this.references[ordinal] as number
    const memory = this.heap.memory(reference)
    const at = this.heap.index(reference)
    return memory.slice(at + 2, at + 2 + lengthAt(memory, at))
  }

  /** Key order of two ordinals that were met. */
  compare(one: number, other: number): number {
    const { heap } = this
    const first = this.references[one] as number
    const second = this.references[other] as number
    const a = heap.memory(first)
    const b = heap.memory(second)
    const aAt = heap.index(first)
    const bAt = heap.index(second)
    const aBytes = lengthAt(a, aAt)
    const bBytes = lengthAt(b, bAt)
    const shorter = Math.min(aBytes, bBytes) + 2
    for (let index = 2; index < shorter; index++) {
      const difference = (a[aAt + index] as number) - (b[bAt + index] as number)
      if (difference !== 0) return difference
    }
    return aBytes - bBytes
  }

  /** Key order of an ordinal and of canonical bytes. */
  compareTo(ordinal: number, key: Uint8Array, bytes = key.length): number {
    const reference = this.references[ordinal] as number
    const memory = this.heap.memory(reference)
    const at = this.heap.index(reference)
    const length = lengthAt(memory, at)
    const shorter = Math.min(length, bytes)
    for (let index = 0; index < shorter; index++) {
      const difference = (memory[at + 2 + index] as number) - (key[index] as number)
      if (difference !== 0) return difference
    }
    return length - bytes
  }

  #grow(ordinals: number): void {
    const capacity = Math.max(ordinals, this.references.length * 2)
    const references = sharedInt32(capacity)
    const locations = sharedInt32(capacity).fill(NOWHERE, this.locations.length)
    references.set(this.references)
    locations.set(this.locations)
    this.references = references
    this.locations = locations
  }
}

function lengthAt(memory: Uint8Array, at: number): number {
  return (memory[at] as number) | ((memory[at + 1] as number) << 8)
}
