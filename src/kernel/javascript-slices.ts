/** The sweep over many slices in plain JavaScript, by the kernels for one: the twin of `assembly/slices.ts`. */
import { type MemoryViews } from '../memory/arena.js'
import {
  type CodeEncoding,
  type Encoding,
  type Kernels,
  PACK_ENCODINGS,
  PACK_ENTRY_BYTES,
  PACK_HEAD_BYTES,
  PACK_WORK_BYTES,
  type PackedCodes,
  PACKED_ROWS_MAX,
  PACKED_STATE_BYTES
} from './kernels.js'

const NONE = 0xffff_ffff
const ENTRY_WORDS = PACK_ENTRY_BYTES / 4

type Codes = Omit<PackedCodes, 'stride'>

export function packSlices(kernels: Kernels, { i32 }: MemoryViews, list: number, count: number): void {
  const words = (at: number, length: number) => Array.from(i32.subarray(at, at + length), (word) => word >>> 0)
  const [points = 0, cells = 0, lineBytes = 0, packed = 0, groups = 0, pointsMax = 1, work = 0, room = 0, limit = 0, otherLimit = 0] =
    words(list / 4, PACK_HEAD_BYTES / 4)
  const state = (packed - PACKED_STATE_BYTES) / 4

  const begin = (rows: number, first: number, some: number): void => {
    const [rowsBefore = 0, firstBefore = 0, someBefore = 0] = words(state, 3)
    const isOther = first !== firstBefore || some !== someBefore
    const isFull = rowsBefore + rows > PACKED_ROWS_MAX
    if (rowsBefore > 0 && (isOther || isFull)) kernels.unpackSweep(packed, groups, someBefore, cells + firstBefore * 16, lineBytes)
    i32.set([isOther || isFull ? rows : rowsBefore + rows, first, some], state)
  }

  const narrowed = (rows: number, values: number, encoding: Encoding, below: number, out: number): Codes | undefined => {
    if (encoding !== 'i32') return { encoding: encoding as CodeEncoding, values }
    if (rows > room || kernels.toCodes(rows, { encoding, values }, 0, below, out) !== 0) return undefined
    return { encoding: 'u16', values: out }
  }

  const pack = (entry: number): boolean => {
    const [
      beginAt = 0,
      end = 0,
      rows = 0,
      from = 0,
      pointCount = 0,
      delta = 0,
      codesAt = 0,
      states = NONE,
      encoding = 0,
      stride = 0,
      othersAt = 0,
      otherStates = NONE,
      otherEncoding = 0,
      valuesAt = NONE,
      valueStates = NONE,
      valueEncoding = 0
    ] = words(entry, ENTRY_WORDS)
    for (const each of [states, otherStates, valueStates]) if (each !== NONE && kernels.hasOthers(rows, each)) return false
    const free = work + PACK_WORK_BYTES
    const codes = narrowed(rows, codesAt, encodingOf(encoding), limit, free)
    const others = otherEncoding === 0 ? undefined : narrowed(rows, othersAt, encodingOf(otherEncoding), otherLimit, free + room * 2)
    if (codes === undefined || (otherEncoding !== 0 && others === undefined)) return false
    let values = valuesAt === NONE ? undefined : valuesAt
    if (valueEncoding === PACK_ENCODINGS.f64) {
      const out = free + room * 4
      if (rows > room || !kernels.toIntegers(rows, { encoding: 'f64', values: valuesAt }, out)) return false
      values = out
    }
    const rounds = Math.ceil(pointCount / pointsMax)
    for (let round = rounds, first = from, left = pointCount; round > 0; round--) {
      const some = Math.ceil(left / round)
      begin(rows, first, some)
      kernels.packSweep(
        { begin: beginAt, end, rows, points: points + first * 4, count: some, delta: delta | 0 },
        {
          codes: { ...codes, stride },
          others: others === undefined ? undefined : { ...others, stride: 1 },
          values,
          cells: packed,
          work
        }
      )
      first += some
      left -= some
    }
    return true
  }

  for (let index = 0; index < count; index++) {
    const entry = (list + PACK_HEAD_BYTES) / 4 + index * ENTRY_WORDS
    i32[entry + ENTRY_WORDS - 1] = pack(entry) ? 0 : 1
  }
}

function encodingOf(number: number): Encoding {
  return (['u8', 'u16', 'i32', 'f64'] as const)[number - 1] as Encoding
}
