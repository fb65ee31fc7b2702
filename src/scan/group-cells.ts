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

  /** What was packed goes into the cells: before anything reads them. */
  unpack(): void {
    for (const { packed } of this.#blocks) packed?.unpack()
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

/** Cells that have rows, in lists side by side. */
export type FilledCells = {
  /** By the first and the second column. */
  readonly codes: Int32Array
  readonly others: Int32Array
  /** Their places, in words. */
  readonly words: Int32Array
}

/** The cells of a block that have rows; of the second column only codes below `otherCount`. */
export function filledCells({ scratch, at, spaces, strides }: CellBlock, otherCount = (spaces[1]?.nullCode ?? 0) + 1): FilledCells {
  const { i32 } = scratch.views
  const codeCount = (spaces[0] as CodeSpace).nullCode + 1
  const [codes, others, words] = [0, 1, 2].map(() => new Int32Array(codeCount * otherCount)) as [Int32Array, Int32Array, Int32Array]
  const [step, otherStep] = [strides[0] / 4, strides[1] / 4]
  let count = 0
  for (let code = 0; code < codeCount; code++) {
    let word = at / 4 + code * step
    for (let other = 0; other < otherCount; other++, word += otherStep) {
      if (i32[word] === 0) continue
      codes[count] = code
      others[count] = other
      words[count] = word
      count++
    }
  }
  return { codes: codes.subarray(0, count), others: others.subarray(0, count), words: words.subarray(0, count) }
}

/** Adds cells to groups, one each: their rows to `rowCounts`, their values to `states`. */
export function addCells(
  { scratch, width, floats }: CellBlock,
  words: Int32Array,
  groups: Int32Array,
  rowCounts: readonly CountStates[],
  states: readonly (CountStates | SumStates)[]
): void {
  const { i32, f64 } = scratch.views
  for (const counts of rowCounts) {
    for (let cell = 0; cell < words.length; cell++) counts.add(groups[cell] as number, i32[words[cell] as number] as number)
  }
  for (const each of states) {
    for (let cell = 0; cell < words.length; cell++) {
      const [group, word] = [groups[cell] as number, words[cell] as number]
      const values = i32[word + 1] as number
      if (each instanceof CountStates) each.add(group, values)
      else {
        each.addCount(group, values)
        if (width === 'f64') each.addExactSum(group, f64, word * 4 + 8, floats)
        else each.addWords(group, i32[word + 2] as number, i32[word + 3] as number)
      }
    }
  }
}
