/**
 * A loop for each kind of arrays that it may meet: one that meets several is not compiled well. All have the same text, and only as functions
 * of their own does each have its own code.
 */
export class CompiledLoops<Loop> {
  readonly #parameters: readonly string[]
  readonly #textOf: (kind: string) => string
  readonly #loops = new Map<string, Loop>()

  /** `textOf`: the body for a kind. */
  constructor(parameters: readonly string[], textOf: (kind: string) => string) {
    this.#parameters = parameters
    this.#textOf = textOf
  }

  /** The one for these arrays. */
  for(...arrays: readonly ArrayBufferView[]): Loop {
    const kind = arrays.map((array) => array.constructor.name).join(' ')
    let loop = this.#loops.get(kind)
    if (loop === undefined) {
      // oxlint-disable-next-line typescript/no-implied-eval -- See above; the text is this program's own.
      loop = new Function(...this.#parameters, this.#textOf(kind)) as Loop
      this.#loops.set(kind, loop)
    }
    return loop
  }
}
