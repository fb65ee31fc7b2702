const BYTES_MIN = 1024
const BYTES_MAX = 16 * 1024 * 1024
/** A byte has the marks of four hashes. Of so many bytes of frames: no key has much fewer. */
const FRAME_BYTES_PER_MARKS = 64
const CHANGED = 1
const CARRIED = 2
const HASH_BITS = 32

/**
 * Which keys of a table have more than INSERTs, by their hashes: what it says of a key may be true of another one only, what it denies is
 * not so. At most 16 MiB.
 */
export class ChangedKeys {
  readonly #marks: Uint8Array
  /** Of a hash that say where its marks are, the uppermost ones: a range of hashes is a range of marks. */
  readonly #bits: number

  /** `frameBytes`: of the table. */
  constructor(frameBytes: number) {
    let bytes = BYTES_MIN
    while (bytes < BYTES_MAX && bytes * FRAME_BYTES_PER_MARKS < frameBytes) bytes *= 2
    this.#marks = new Uint8Array(bytes)
    this.#bits = Math.log2(bytes) + 2
  }

  /** A key has a PATCH or a SOFT_DELETE, perhaps one that carries a document. */
  add(hash: number, carriesDocument: boolean): void {
    const at = hash >>> (HASH_BITS - this.#bits)
    this.#marks[at >>> 2] = (this.#marks[at >>> 2] as number) | ((carriesDocument ? CHANGED | CARRIED : CHANGED) << ((at & 3) * 2))
  }

  isChanged(hash: number): boolean {
    return (this.#of(hash) & CHANGED) !== 0
  }

  /** Whether one of its PATCHes carries a document. */
  carriesDocument(hash: number): boolean {
    return (this.#of(hash) & CARRIED) !== 0
  }

  /** Whether a key of this hash or one above it is changed. */
  isAnyFrom(hash: number): boolean {
    return this.#marks.subarray(hash >>> (HASH_BITS - this.#bits + 2)).some((marks) => marks !== 0)
  }

  #of(hash: number): number {
    const at = hash >>> (HASH_BITS - this.#bits)
    return (this.#marks[at >>> 2] as number) >>> ((at & 3) * 2)
  }
}
