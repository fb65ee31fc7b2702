/** The numbers that a column of GROUP BY gives to codes: the values of those that are met are asked for once. */
import { type CodeSpace } from './group-codes.js'
import { type GroupTable } from './group-table.js'

export class CodeNumbers {
  readonly #groups: GroupTable
  readonly #column: number
  readonly #bySpace = new Map<CodeSpace, Int32Array>()

  constructor(groups: GroupTable, column: number) {
    this.#groups = groups
    this.#column = column
  }

  /** Written over the codes. */
  of(space: CodeSpace, codes: Int32Array): Int32Array {
    let known = this.#bySpace.get(space)
    if (known === undefined) this.#bySpace.set(space, (known = new Int32Array(space.nullCode + 1).fill(-1)))
    for (let index = 0; index < codes.length; index++) {
      const code = codes[index] as number
      let number = known[code] as number
      if (number < 0) known[code] = number = this.#groups.numberOf(this.#column, space.valueOf(code))
      codes[index] = number
    }
    return codes
  }
}
