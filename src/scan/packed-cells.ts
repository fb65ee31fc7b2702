/**
 * Packed cells in front of a block of cells: rows are added to them, and go into the block before there are too many. A sweep has a packed
 * cell for each group and each pair of where a row begins and ends among the points in hand.
 */
import {
  PACK_WORK_BYTES,
  PACKED_CELL_BYTES,
  PACKED_ROWS_MAX,
  PACKED_STATE_BYTES,
  type PackedCodes,
  type PackInto
} from '../kernel/kernels.js'
import { type CellBlock } from './group-cells.js'
import { type SliceCodes } from './group-codes.js'
import { type Scratch } from './scan-memory.js'
import { type SliceValues } from './summed-fields.js'

/** 64 KiB: more would be slower than cells without packing. */
const CELLS_MAX = 8192

/** Points of a sweep side by side: the number of the first, and how many. */
type Window = { readonly first: number; readonly count: number }

/** Of groups at one point. */
const NO_WINDOW: Window = { first: 0, count: 0 }

export class PackedCells {
  readonly at: number
  readonly groups: number
  readonly #block: CellBlock
  /** Index of the state in front of the cells, which kernels change too: its words are in {@link PACKED_STATE_BYTES}. */
  readonly #state: number

  private constructor(block: CellBlock, at: number, groups: number) {
    this.#block = block
    this.at = at
    this.groups = groups
    this.#state = (at - PACKED_STATE_BYTES) / 4
  }

  /** For so many groups of a block, seen from at most so many points; undefined where they are too many, or there is no room. */
  static of(block: CellBlock, groups: number, pointsMax: number): PackedCells | undefined {
    const cells = pointsMax === 0 ? groups : Math.min(CELLS_MAX, groups * (pointsMax + 1) ** 2)
    if (cells > CELLS_MAX || (pointsMax > 0 && groups * 4 > cells)) return undefined
    const { scratch } = block
    const held = PACKED_STATE_BYTES + cells * PACKED_CELL_BYTES
    const at = scratch.hold(held)
    if (at === undefined) return undefined
    scratch.views.u8.fill(0, at, at + held)
    return new PackedCells(block, at + PACKED_STATE_BYTES, groups)
  }

  /** Points that a window may have. */
  get pointsMax(): number {
    return Math.floor(Math.sqrt(CELLS_MAX / this.groups)) - 1
  }

  /** Before so many rows are added, seen from the points of a window. */
  begin(rows: number, { first, count }: Window = NO_WINDOW): void {
    const { i32 } = this.#block.scratch.views
    const state = this.#state
    const isOther = first !== i32[state + 1] || count !== i32[state + 2]
    if (isOther || (i32[state] as number) + rows > PACKED_ROWS_MAX) this.unpack()
    i32[state] = (i32[state] as number) + rows
    i32[state + 1] = first
    i32[state + 2] = count
  }

  /** Into the block. */
  unpack(): void {
    const { scratch, at, strides } = this.#block
    const { kernels, views } = scratch
    const { i32 } = views
    if (i32[this.#state] === 0) return
    const [first, count] = [i32[this.#state + 1] as number, i32[this.#state + 2] as number]
    if (count === 0) kernels.unpackGroup(this.at, this.groups, at)
    else kernels.unpackSweep(this.at, this.groups, count, at + first * strides[1], strides[0])
    i32[this.#state] = 0
  }

  release(): void {
    this.#block.scratch.letGo(this.at - PACKED_STATE_BYTES)
  }
}

/** False where some row has no plain value, or the values are floats, or there are too many rows. */
export function packable(rows: number, codes: readonly SliceCodes[], value: SliceValues | undefined): boolean {
  if (rows > PACKED_ROWS_MAX || !codes.every(({ column }) => column.states === undefined)) return false
  if (value === undefined) return true
  return value.column !== undefined && value.column.encoding === 'i32' && value.column.states === undefined
}

/** What the kernels are told; strides count cells, or groups. */
export function packInto(
  packed: PackedCells,
  scratch: Scratch,
  [codes, others]: readonly [SliceCodes, SliceCodes | undefined],
  values: number | undefined
): PackInto {
  return {
    codes: packedCodes(codes, others === undefined ? 1 : others.space.nullCode + 1),
    others: others === undefined ? undefined : packedCodes(others, 1),
    values,
    cells: packed.at,
    work: scratch.take(PACK_WORK_BYTES)
  }
}

function packedCodes({ column: { encoding, values } }: SliceCodes, stride: number): PackedCodes {
  return { encoding, values, stride }
}
