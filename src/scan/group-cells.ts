/**
 * The cells of the group kernel, and their way into the groups at the end: a block of cells for each kind of codes, each field and each
 * width of its values, in each memory.
 */
import { FLOAT_CELL_BYTES } from '../kernel/exact-sum.js'
import { INTEGER_CELL_BYTES } from '../kernel/kernels.js'
import { CountStates } from './group-table.js'
import { type CodeSpace } from './group-codes.js'
import { PackedCells } from './packed-cells.js'
import { type Scratch } from './scan-memory.js'
import { type SumStates } from './sum-states.js'

type Width = 'i32' | 'f64'

export type CellBlock = {
  readonly scratch: Scratch
  readonly at: number
  readonly bytes: number
  readonly width: Width
  /** Of the first and the second column. */
  readonly strides: readonly [number, number]
  readonly spaces: readonly CodeSpace[]
  /** Number of the field among those that are added up. */
  readonly field: number
  floats: number
  /** In front of the cells: made with the first rows that can be packed; undefined where there is no room. */
  packed?: PackedCells | undefined
}

export class GroupCells {
  readonly #blocks: CellBlock[] = []
  readonly #bytesMax: number

  /** `bytesMax` of one block. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The block for these, cleared when it is new; undefined where there is no room for it. */
  of(scratch: Scratch, spaces: readonly CodeSpace[], field: number, width: Width): CellBlock | undefined {
    const [first, second] = spaces
    for (const block of this.#blocks) {
      if (block.scratch !== scratch || block.field !== field || block.width !== width) continue
      if (block.spaces[0] === first && block.spaces[1] === second) return block
    }
    const cellBytes = width === 'f64' ? FLOAT_CELL_BYTES : INTEGER_CELL_BYTES
    const stride = cellBytes * ((second?.nullCode ?? 0) + 1)
    const bytes = stride * ((first as CodeSpace).nullCode + 1)
    const at = bytes > this.#bytesMax ? undefined : scratch.hold(bytes)
    if (at === undefined) return undefined
    scratch.views.u8.fill(0, at, at + bytes)
    const block: CellBlock = { scratch, at, bytes, width, strides: [stride, cellBytes], spaces, field, floats: 0 }
    this.#blocks.push(block)
    return block
  }

  /** The packed cells in front of a block; `pointsMax` 0 for groups at one point. */
  packedOf(block: CellBlock, pointsMax: number): PackedCells | undefined {
    if ('packed' in block) return block.packed
    const groups = pointsMax === 0 ? block.bytes / INTEGER_CELL_BYTES : block.bytes / block.strides[0]
    return (block.packed = PackedCells.of(block, groups, pointsMax))
  }

  /** What was packed goes into the cells: before {@link each}, or whatever else reads them. */
  unpack(): void {
    for (const { packed } of this.#blocks) packed?.unpack()
  }

  /** Each cell that has rows. */
  each(visit: (block: CellBlock, code: number, other: number, cell: number) => void): void {
    for (const block of this.#blocks) {
      const { scratch, at, spaces, strides } = block
      const { i32 } = scratch.views
      const [first, second] = spaces as [CodeSpace, CodeSpace | undefined]
      for (let code = 0; code <= first.nullCode; code++) {
        for (let other = 0; other <= (second?.nullCode ?? 0); other++) {
          const cell = at + code * strides[0] + other * strides[1]
          if (i32[cell / 4] !== 0) visit(block, code, other, cell)
        }
      }
    }
  }

  get blocks(): readonly CellBlock[] {
    return this.#blocks
  }

  release(): void {
    for (const { scratch, at, packed } of this.#blocks.splice(0)) {
      scratch.letGo(at)
      packed?.release()
    }
  }
}

/** Adds a cell to a group: its rows to `rowCounts`, its values to `states`. */
export function addCell(
  { scratch, width, floats }: CellBlock,
  cell: number,
  group: number,
  rowCounts: readonly CountStates[],
  states: readonly (CountStates | SumStates)[]
): void {
  const { i32, f64 } = scratch.views
  for (const each of rowCounts) each.add(group, i32[cell / 4] as number)
  const values = i32[cell / 4 + 1] as number
  for (const each of states) {
    if (each instanceof CountStates) each.add(group, values)
    else {
      each.addCount(group, values)
      if (width === 'f64') each.addExactSum(group, f64, cell + 8, floats)
      else each.addWords(group, i32[cell / 4 + 2] as number, i32[cell / 4 + 3] as number)
    }
  }
}
