/**
 * Values of a piece of memory as the bytes of a block, and back. Most columns of a version page are numbers near one another: they are
 * packed into the narrowest of 0 to 4 bytes, as offsets from the least or as differences from one to the next, and only then
 * compressed, if it makes them smaller by much: inflating costs ten times what unpacking does.
 */
import { packBlock, unpackBlock } from '../codec/block-codec.js'
import { crc32 } from '../codec/checksum.js'
import { damagedRecord, HOW_BYTES, HOW_DIFFERENCES, HOW_ENDS, HOW_OFFSETS, type RecordBlock, type RecordPlace } from './page-file.js'

/** What a block is made of: `count` values of `element` bytes, in `bytes` or, as whole numbers, in `words`. */
export type BlockPart = {
  readonly element: number
  /** In the image. */
  readonly offset: number
  readonly count: number
} & (
  | { readonly bytes: Uint8Array }
  /** For an element of 8 bytes the values are float64 that are whole numbers of 32 bits. */
  | { readonly words: Int32Array; readonly begins?: Int32Array }
  /** All values are the same. */
  | { readonly constant: number }
)

export type PackedPart = { readonly block: RecordBlock; readonly stored: Uint8Array }

/** `end` of a version that is current. */
const OPEN = 0x7fff_ffff

/** Stored bytes as a share of packed ones, below which compressing is worth its time. */
const SHARE = 0.7
/** Calling the codec for less is not worth it. */
const PACKED_BYTES_MIN = 64

/** `keeping`: for a file that lasts, compressed where that pays; `passing`: for one that is read again soon, packed only. */
export type Keeping = 'keeping' | 'passing'

export function packPart(part: BlockPart, keeping: Keeping = 'keeping'): PackedPart {
  const { element, offset, count } = part
  const { how, width, base, packed } = packedValues(part)
  const { codec, bytes: stored } = keeping === 'keeping' ? compressed(packed) : { codec: 0, bytes: packed }
  return {
    block: {
      how,
      codec,
      width,
      element,
      offset,
      count,
      base,
      packedBytes: packed.length,
      storedBytes: stored.length,
      crc: crc32(stored)
    },
    stored
  }
}

/** A block of a file that is read again soon, proved, as one of a file that lasts. */
export function keptPart(block: RecordBlock, packed: Uint8Array): PackedPart {
  if (block.codec !== 0) return { block, stored: packed }
  const { codec, bytes: stored } = compressed(packed)
  return { block: { ...block, codec, storedBytes: stored.length, crc: crc32(stored) }, stored }
}

function packedValues(part: BlockPart): PackedWords {
  if ('bytes' in part) return { how: HOW_BYTES, width: 0, base: 0, packed: part.bytes }
  return 'words' in part ? packWords(part) : { how: HOW_OFFSETS, width: 0, base: part.constant, packed: new Uint8Array(0) }
}

function compressed(packed: Uint8Array): { readonly codec: number; readonly bytes: Uint8Array } {
  if (packed.length >= PACKED_BYTES_MIN) {
    const found = packBlock(packed)
    if (found.bytes.length < packed.length * SHARE) return found
  }
  return { codec: 0, bytes: packed }
}

type PackedWords = { readonly how: number; readonly width: number; readonly base: number; readonly packed: Uint8Array }

function packWords({ words, begins }: { readonly words: Int32Array; readonly begins?: Int32Array }): PackedWords {
  const codes = begins === undefined ? undefined : endCodes(words, begins)
  if (codes !== undefined) {
    const width = widthOf(maxOf(codes))
    return { how: HOW_ENDS, width, base: 0, packed: narrowed(codes, width) }
  }
  let min = OPEN
  let max = -OPEN - 1
  let differenceMax = 0
  let before = words[0] ?? 0
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as number
    if (word < min) min = word
    if (word > max) max = word
    const difference = word - before
    const zigzag = difference < 0 ? -2 * difference - 1 : 2 * difference
    if (zigzag > differenceMax) differenceMax = zigzag
    before = word
  }
  if (words.length === 0) return { how: HOW_OFFSETS, width: 0, base: 0, packed: new Uint8Array(0) }
  const offsetWidth = widthOf(max - min)
  const differenceWidth = differenceMax > 0xffff_ffff ? 5 : widthOf(differenceMax)
  const numbers = new Uint32Array(words.length)
  if (differenceWidth < offsetWidth) {
    before = words[0] as number
    const base = before
    for (let index = 0; index < words.length; index++) {
      const word = words[index] as number
      const difference = word - before
      numbers[index] = difference < 0 ? -2 * difference - 1 : 2 * difference
      before = word
    }
    return { how: HOW_DIFFERENCES, width: differenceWidth, base, packed: narrowed(numbers, differenceWidth) }
  }
  for (let index = 0; index < words.length; index++) numbers[index] = (words[index] as number) - min
  return { how: HOW_OFFSETS, width: offsetWidth, base: min, packed: narrowed(numbers, offsetWidth) }
}

/** Where a version ends, the next one of its key begins, most often in the next row. Undefined where some row has no life. */
function endCodes(ends: Int32Array, begins: Int32Array): Uint32Array | undefined {
  const codes = new Uint32Array(ends.length)
  for (let row = 0; row < ends.length; row++) {
    const end = ends[row] as number
    const begin = begins[row] as number
    if (end <= begin) return undefined
    if (end === OPEN) codes[row] = 1
    else if (end !== begins[row + 1]) codes[row] = end - begin + 1
  }
  return codes
}

function maxOf(codes: Uint32Array): number {
  let max = 0
  for (let index = 0; index < codes.length; index++) if ((codes[index] as number) > max) max = codes[index] as number
  return max
}

function widthOf(max: number): number {
  return max === 0 ? 0 : max < 2 ** 8 ? 1 : max < 2 ** 16 ? 2 : max < 2 ** 24 ? 3 : 4
}

function narrowed(codes: Uint32Array, width: number): Uint8Array {
  switch (width) {
    case 0:
      return new Uint8Array(0)
    case 1:
      return Uint8Array.from(codes)
    case 2:
      return new Uint8Array(Uint16Array.from(codes).buffer)
    case 3: {
      const packed = new Uint8Array(codes.length * 3)
      for (let index = 0, at = 0; index < codes.length; index++, at += 3) {
        const code = codes[index] as number
        packed[at] = code
        packed[at + 1] = code >>> 8
        packed[at + 2] = code >>> 16
      }
      return packed
    }
    default:
      return new Uint8Array(codes.buffer)
  }
}

/** The memory that an image is unpacked into. */
export type ImageMemory = { readonly u8: Uint8Array; readonly u16: Uint16Array; readonly i32: Int32Array; readonly f64: Float64Array }

/**
 * Unpacks the stored bytes of a block to their place behind `imageAt`, a multiple of 8. `begins` is where in the memory's words the
 * column of the block before begins. `place` and `at` are where the stored bytes stand, for the message of a fault.
 * @throws DriftError CORRUPT
 */
export function unpackPart(
  memory: ImageMemory,
  imageAt: number,
  block: RecordBlock,
  stored: Uint8Array,
  place: RecordPlace,
  at: number,
  begins: number
): void {
  const sum = crc32(stored)
  if (sum !== block.crc) throw damagedRecord(place, at, 'wrong checksum of a block', block.crc, sum)
  const packed = unpackBlock(block.codec, stored, block.packedBytes)
  if (packed === undefined) throw damagedRecord(place, at, 'a block does not hold its bytes', block.packedBytes, stored.length)
  const { how, element, count } = block
  const from = imageAt + block.offset
  if (how === HOW_BYTES) memory.u8.set(packed, from)
  else if (element === 4 && how === HOW_OFFSETS) unpackOffsets(memory.i32, from >>> 2, packed, block)
  else if (element === 4 && how === HOW_DIFFERENCES) unpackDifferences(memory.i32, from >>> 2, packed, block)
  else if (element === 4 && how === HOW_ENDS && begins >= 0) unpackEnds(memory.i32, from >>> 2, packed, block, begins)
  else if (how === HOW_OFFSETS && element === 1) memory.u8.fill(block.base, from, from + count)
  else if (how === HOW_OFFSETS && element === 2) memory.u16.fill(block.base, from >>> 1, (from >>> 1) + count)
  else if (element === 8 && (how === HOW_OFFSETS || how === HOW_DIFFERENCES)) {
    const words = new Int32Array(count)
    if (how === HOW_OFFSETS) unpackOffsets(words, 0, packed, block)
    else unpackDifferences(words, 0, packed, block)
    const { f64 } = memory
    const target = from >>> 3
    for (let index = 0; index < count; index++) f64[target + index] = words[index] as number
  } else throw damagedRecord(place, at, 'a block of an unknown kind', HOW_ENDS, how)
}

// A loop for each width: one that meets several is not compiled well.

function unpackOffsets(target: Int32Array, at: number, packed: Uint8Array, { width, base, count }: RecordBlock): void {
  switch (width) {
    case 0:
      target.fill(base, at, at + count)
      return
    case 1:
      for (let index = 0; index < count; index++) target[at + index] = base + (packed[index] as number)
      return
    case 2: {
      const shorts = asShorts(packed)
      for (let index = 0; index < count; index++) target[at + index] = base + (shorts[index] as number)
      return
    }
    case 3:
      for (let index = 0, from = 0; index < count; index++, from += 3) target[at + index] = base + threeBytes(packed, from)
      return
    default: {
      const words = asWords(packed)
      for (let index = 0; index < count; index++) target[at + index] = (base + (words[index] as number)) | 0
    }
  }
}

function unpackDifferences(target: Int32Array, at: number, packed: Uint8Array, { width, base, count }: RecordBlock): void {
  let value = base
  if (width === 1) {
    for (let index = 0; index < count; index++) {
      const code = packed[index] as number
      value = (value + ((code >>> 1) ^ -(code & 1))) | 0
      target[at + index] = value
    }
    return
  }
  const codeAt = codes(packed, width)
  for (let index = 0; index < count; index++) {
    const code = codeAt(index)
    value = (value + ((code >>> 1) ^ -(code & 1))) | 0
    target[at + index] = value
  }
}

function unpackEnds(target: Int32Array, at: number, packed: Uint8Array, { width, count }: RecordBlock, begins: number): void {
  if (width === 1) {
    for (let row = 0; row < count; row++) {
      const code = packed[row] as number
      target[at + row] = code === 0 ? (target[begins + row + 1] as number) : code === 1 ? OPEN : (target[begins + row] as number) + code - 1
    }
    return
  }
  const codeAt = codes(packed, width)
  for (let row = 0; row < count; row++) {
    const code = codeAt(row)
    target[at + row] =
      code === 0 ? (target[begins + row + 1] as number) : code === 1 ? OPEN : ((target[begins + row] as number) + code - 1) | 0
  }
}

function codes(packed: Uint8Array, width: number): (index: number) => number {
  switch (width) {
    case 0:
      return () => 0
    case 1:
      return (index) => packed[index] as number
    case 2: {
      const shorts = asShorts(packed)
      return (index) => shorts[index] as number
    }
    case 3:
      return (index) => threeBytes(packed, index * 3)
    default: {
      const words = asWords(packed)
      return (index) => words[index] as number
    }
  }
}

function threeBytes(packed: Uint8Array, from: number): number {
  return (packed[from] as number) | ((packed[from + 1] as number) << 8) | ((packed[from + 2] as number) << 16)
}

/** A view needs an even place in its memory. (The slice of a Buffer is no copy.) */
function asShorts(packed: Uint8Array): Uint16Array {
  const aligned = packed.byteOffset % 2 === 0 ? packed : new Uint8Array(packed)
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length >>> 1)
}

function asWords(packed: Uint8Array): Uint32Array {
  const aligned = packed.byteOffset % 4 === 0 ? packed : new Uint8Array(packed)
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length >>> 2)
}
