import { DriftError, type ErrorCode } from '../base/errors.js'

/** Something that must not be: `file` is the path that was read, `offset` the byte in it. */
export type Problem = { readonly file: string; readonly offset: number; readonly message: string; readonly code: ErrorCode }

/** Something that a crash or a live writer leaves and the next opening puts right. */
export type Note = { readonly file: string; readonly offset: number; readonly message: string }

/** A file that is wrong everywhere must not fill the memory with what is wrong with it. */
const PROBLEMS_PER_FILE_MAX = 100

/** What a verification has found so far. */
export class Findings {
  readonly problems: Problem[] = []
  readonly notes: Note[] = []
  readonly #perFile = new Map<string, number>()

  problem(file: string, offset: number, message: string, code: ErrorCode = 'DRIFT_CORRUPT'): void {
    const count = (this.#perFile.get(file) ?? 0) + 1
    this.#perFile.set(file, count)
    if (count <= PROBLEMS_PER_FILE_MAX) this.problems.push({ file, offset, message, code })
    if (count === PROBLEMS_PER_FILE_MAX + 1)
      this.note(file, offset, `more than ${PROBLEMS_PER_FILE_MAX} problems; the others are not listed`)
  }

  note(file: string, offset: number, message: string): void {
    this.notes.push({ file, offset, message })
  }

  /** Lists what others found. */
  take({ problems, notes }: Findings): void {
    for (const { file, offset, message, code } of problems) this.problem(file, offset, message, code)
    for (const { file, offset, message } of notes) this.note(file, offset, message)
  }

  /** Lists a thrown error, under the file and offset that it names, or else under these. */
  thrown(error: unknown, file: string, offset = 0): void {
    const known = DriftError.from(error, file)
    const { file: namedFile, offset: namedOffset } = known.details
    this.problem(
      typeof namedFile === 'string' ? namedFile : file,
      typeof namedFile === 'string' && typeof namedOffset === 'number' ? namedOffset : offset,
      known.message,
      known.code
    )
  }
}
