import { DriftError } from '../base/errors.js'
import { silentLog, type Log } from '../base/log.js'
import { NODE_BLOCK_BITS, NODE_BYTES, NODE_WORDS } from '../format/version-node.js'
import type { BlockFile, SpillSpace } from './block-file.js'
import { SpilledBlocks } from './spilled-blocks.js'
import { VersionMemory, type BlockOwner } from './version-memory.js'

export type VersionBlocksOptions = {
  /** Unbounded where none is given. */
  readonly memory?: VersionMemory | undefined
  /** Where blocks go that no snapshot has; they stay in memory where there is none. */
  readonly spill?: SpillSpace | undefined
  readonly log?: Log | undefined
  /** Versions in a block, as a power of two; others in tests. */
  readonly blockBits?: number | undefined
  /** All blocks below a number anew, for where a file of them is damaged; undefined where they cannot be had. */
  readonly rebuild?: ((below: number) => { words(block: number): Uint32Array; close(): void } | undefined) | undefined
}

const FIRST_ROWS = 256
/** After a temporary file could not be written, so often it is not tried. */
const RETRY_AFTER = 500

/**
 * The nodes of one table's versions, in blocks by number. The last block takes versions; a full one may leave memory, and is read back,
 * in the call that needs it, from where it lies: a snapshot, or a temporary file.
 *
 * Words of a block must not be held while another is asked for: they may be given to it.
 */
export class VersionBlocks implements BlockOwner {
  readonly bits: number
  readonly #memory: VersionMemory
  readonly #spill: SpillSpace | undefined
  readonly #log: Log
  readonly #rebuild: VersionBlocksOptions['rebuild']
  readonly #words: (Uint32Array | undefined)[] = []
  readonly #files: (BlockFile | undefined)[] = []
  /** Counted by the memory's budget. */
  readonly #isCounted: boolean[] = []
  #used = new Uint8Array(64)
  /** The block that takes versions. */
  #open = 0
  #spilled: SpilledBlocks | undefined
  #untried = 0
  #isClosed = false
  #isInMemory = false
  /** Since {@link beginInMemory} a block was asked for that would have to be read. */
  missed = false

  constructor({ memory = new VersionMemory(), spill, log = silentLog, blockBits = NODE_BLOCK_BITS, rebuild }: VersionBlocksOptions = {}) {
    this.bits = blockBits
    this.#memory = memory
    this.#spill = spill
    this.#log = log
    this.#rebuild = rebuild
  }

  /** In memory. */
  get bytes(): number {
    return this.#words.reduce((sum, words) => sum + (words?.byteLength ?? 0), 0)
  }

  isResident(block: number): boolean {
    return this.#words[block] !== undefined
  }

  /** The block's words, until another block is asked for. Throws CORRUPT, IO. */
  words(block: number): Uint32Array {
    const words = this.#words[block]
    if (words === undefined) return this.#load(block)
    this.#used[block] = 1
    return words
  }

  /** Until {@link endInMemory} no block is read: one that is not in memory is {@link missed}, and reads as if nothing were in it. */
  beginInMemory(): void {
    this.missed = false
    this.#isInMemory = true
  }

  endInMemory(): void {
    this.#isInMemory = false
  }

  /** The words of the block that takes version `row` of it; the one before it, if there is one, is full. */
  room(block: number, row: number): Uint32Array {
    const words = this.#words[block]
    if (words !== undefined && block === this.#open && row * NODE_WORDS < words.length) return words
    return this.#widen(block, row, words)
  }

  /** The last version of block `block` is the newest of all again: what stands behind it never was. */
  reopen(block: number): void {
    if (block === this.#open) return
    const gone = this.#words[this.#open]
    if (gone !== undefined) this.#memory.release(gone)
    this.#words[this.#open] = undefined
    this.words(block)
    for (const uncounted of [this.#open, block]) {
      if (this.#isCounted[uncounted] === true) this.#memory.drop(this, uncounted)
      this.#isCounted[uncounted] = false
    }
    // It will be another than the one that was put away.
    this.#files[block] = undefined
    this.#open = block
  }

  /** These blocks lie in a file now; what memory has of them may go, what it has not is read from there. */
  attach(first: number, last: number, file: BlockFile): void {
    while (this.#used.length <= last) this.#widenUsed()
    const before = new Set<BlockFile>()
    for (let block = first; block <= last; block++) {
      const known = this.#files[block]
      if (known !== undefined) before.add(known)
      this.#files[block] = file
      if (block >= this.#words.length) this.#words.push(undefined)
    }
    if (before.size > 0) this.#closeUnused(before)
  }

  /** The block that takes versions, as a snapshot has it: `rows` of them. */
  resume(block: number, rows: number): void {
    // What is here of the block that was taken up so far is the begin of what the snapshot has.
    const begun = this.#words[this.#open]
    if (begun !== undefined && this.#files[this.#open] !== undefined) {
      this.#memory.release(begun)
      this.#words[this.#open] = undefined
    } else if (begun !== undefined) this.#count(this.#open)
    const words = this.#memory.buffer(NODE_WORDS << this.bits)
    if (rows > 0) this.#files[block]?.read(block, bytesOf(words, rows * NODE_BYTES))
    this.#files[block] = undefined
    this.#words[block] = words
    this.#open = block
  }

  giveUp(block: number): Uint32Array | undefined {
    if (block === this.#open) return undefined
    const words = this.#words[block]
    if (words === undefined || (this.#files[block] === undefined && !this.#putAway(block, words))) return undefined
    this.#words[block] = undefined
    this.#isCounted[block] = false
    return words
  }

  wasUsed(block: number): boolean {
    const used = this.#used[block] === 1
    this.#used[block] = 0
    return used
  }

  /** What is in memory can be read by who still holds it; the rest is CLOSED. */
  close(): void {
    if (this.#isClosed) return
    this.#memory.forget(this)
    for (const file of new Set([...this.#files, this.#spilled])) file?.close()
    this.#spilled = undefined
    this.#isClosed = true
  }

  #load(block: number): Uint32Array {
    if (this.#isInMemory) {
      this.missed = true
      return NOTHING
    }
    if (this.#isClosed) throw new DriftError('CLOSED', 'the database was closed, or moved on by refresh(); read again', {})
    const file = this.#files[block]
    if (file === undefined) throw new DriftError('INVARIANT', `VIS-13: block ${block} of versions is nowhere`)
    const words = this.#memory.buffer(NODE_WORDS << this.bits)
    try {
      file.read(block, bytesOf(words, words.byteLength))
    } catch (error) {
      this.#memory.release(words)
      return this.#replaceDamaged(file, block, error)
    }
    this.#hold(block, words)
    return words
  }

  /** All blocks of a damaged file are made anew. */
  #replaceDamaged(file: BlockFile, block: number, thrown: unknown): Uint32Array {
    const damage = DriftError.from(thrown, 'versions')
    if (damage.kind !== 'data') throw damage
    const anew = this.#rebuild?.(this.#open)
    if (anew === undefined) throw damage
    this.#log.warn({ code: damage.code, ...damage.details }, 'versions in a file are damaged; they are made anew from the segments')
    try {
      for (let index = 0; index < this.#open; index++) {
        if (this.#files[index] !== file) continue
        this.#files[index] = undefined
        if (this.#words[index] === undefined) this.#hold(index, anew.words(index).slice())
      }
    } finally {
      anew.close()
      file.close()
    }
    return this.words(block)
  }

  #hold(block: number, words: Uint32Array): void {
    this.#words[block] = words
    this.#used[block] = 1
    this.#count(block)
  }

  #count(block: number): void {
    if (this.#isCounted[block] === true) return
    this.#isCounted[block] = true
    this.#memory.add(this, block, NODE_BYTES << this.bits)
  }

  #widen(block: number, row: number, words: Uint32Array | undefined): Uint32Array {
    const whole = NODE_WORDS << this.bits
    if (this.#used.length <= block) this.#widenUsed()
    const full = this.#open
    this.#open = block
    if (full !== block) this.#count(full)
    // A small table is a small block.
    const size = block > 0 ? whole : Math.min(whole, Math.max(FIRST_ROWS, (row + 1) * 2) * NODE_WORDS)
    const wide = size === whole ? this.#memory.buffer(whole) : new Uint32Array(size)
    if (words !== undefined && block !== full) throw new DriftError('INVARIANT', `VIS-13: block ${block} of versions is not the next`)
    if (words !== undefined) wide.set(words)
    else if (block === 0) wide.fill(0, 0, NODE_WORDS)
    this.#words[block] = wide
    return wide
  }

  #widenUsed(): void {
    const wide = new Uint8Array(this.#used.length * 2)
    wide.set(this.#used)
    this.#used = wide
  }

  /** Into the temporary file. False where that cannot be: nothing is lost, the block stays. */
  #putAway(block: number, words: Uint32Array): boolean {
    if (this.#spill === undefined || this.#untried-- > 0) return false
    try {
      this.#spilled ??= new SpilledBlocks(this.#spill.create())
      this.#spilled.write(block, bytesOf(words, words.byteLength))
    } catch (error) {
      this.#untried = RETRY_AFTER
      const { code, message } = DriftError.from(error, 'versions')
      this.#log.warn({ code, message }, 'versions cannot be put into a temporary file; they stay in memory')
      return false
    }
    this.#untried = 0
    this.#files[block] = this.#spilled
    return true
  }

  #closeUnused(files: ReadonlySet<BlockFile>): void {
    const live = new Set(this.#files)
    for (const file of files) {
      if (live.has(file)) continue
      file.close()
      if (file === this.#spilled) this.#spilled = undefined
    }
  }
}

const NOTHING = new Uint32Array(0)

function bytesOf(words: Uint32Array, bytes: number): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, bytes)
}
