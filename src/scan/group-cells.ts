/**
 * The cells of the group kernel, and their way into the groups at the end: a block of cells for each kind of codes, each field and each
 * width of its values, in each memory.
 */
import { FLOAT_CELL_BYTES } from '../kernel/exact-sum.js'
import { INTEGER_CELL_BYTES } from '../kernel/kernels.js'
import { CountStates, type GroupTable } from './group-table.js'
import { type CodeSpace } from './group-codes.js'
import { type Scratch } from './scan-memory.js'
import { SumStates } from './sum-states.js'

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
}

/** A block of more cells is not worth it: many of them would be for groups that are not there. */
const CELLS_BYTES_MAX = 128 * 1024

export class GroupCells {
  readonly #blocks: CellBlock[] = []

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
    const at = bytes > CELLS_BYTES_MAX ? undefined : scratch.hold(bytes)
    if (at === undefined) return undefined
    scratch.views.u8.fill(0, at, at + bytes)
    const block: CellBlock = { scratch, at, bytes, width, strides: [stride, cellBytes], spaces, field, floats: 0 }
    this.#blocks.push(block)
    return block
  }

  /** Puts all cells into their groups; `statesOf` says what is to be fed by a field, -1 for the rows themselves. */
  flush(groups: GroupTable, statesOf: (field: number) => readonly (CountStates | SumStates)[]): void {
    for (const block of this.#blocks) {
      const { scratch, at, spaces, strides, width, field, floats } = block
      const { i32, f64 } = scratch.views
      const states = statesOf(field)
      const rowStates = field === 0 ? statesOf(-1) : []
      const [first, second] = spaces as [CodeSpace, CodeSpace | undefined]
      const numbers: number[] = []
      for (let code = 0; code <= first.nullCode; code++) {
        let number = -1
        for (let other = 0; other <= (second?.nullCode ?? 0); other++) {
          const cell = at + code * strides[0] + other * strides[1]
          const rows = i32[cell / 4] as number
          if (rows === 0) continue
          if (number < 0) number = groups.numberOf(0, first.valueOf(code))
          const otherNumber = second === undefined ? -1 : (numbers[other] ??= groups.numberOf(1, second.valueOf(other)))
          const group = groups.groupOf(second === undefined ? [number] : [number, otherNumber])
          for (const each of rowStates) if (each instanceof CountStates) each.add(group, rows)
          const values = i32[cell / 4 + 1] as number
          for (const each of states) {
            if (each instanceof CountStates) each.add(group, values)
            else {
              each.addCount(group, values)
              if (width === 'f64') each.addExactSum(group, f64, cell + 8, floats)
              else addWords(each, group, i32[cell / 4 + 2] as number, i32[cell / 4 + 3] as number)
            }
          }
        }
      }
    }
  }

  release(): void {
    for (const { scratch, at } of this.#blocks.splice(0)) scratch.letGo(at)
  }
}

/** An i64. */
function addWords(states: SumStates, group: number, low: number, high: number): void {
  const value = high * 2 ** 32 + (low >>> 0)
  if (Number.isSafeInteger(value)) states.addInteger(group, value)
  else states.addBigint(group, (BigInt(high) << 32n) + BigInt(low >>> 0))
}
