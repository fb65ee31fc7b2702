/**
 * Temporary files of queries: `tmp/` in the database's folder, or the system's folder for such where the database is only read. A file
 * loses its name as soon as it is open, so that it is gone with its last user, however that ends; only a process that dies between the two
 * leaves a name behind, of an empty file, which the next opening removes.
 */
import { DriftError } from '../base/errors.js'
import type { Log } from '../base/log.js'
import type { Random } from '../base/random.js'
import type { File, Io } from '../io/io.js'
import type { SpillFile, SpillSpace } from '../executor/spill.js'

export const SPILL_FOLDER = 'tmp'
/** Names in a folder that others use too. */
const PREFIX = 'driftdb-'
const SUFFIX = '.spill'
const PLACE = 'a temporary file of a query'

export type SpillFolderOptions = {
  readonly io: Io
  readonly directory: string
  readonly random: Random
}

export class SpillFolder implements SpillSpace {
  readonly #options: SpillFolderOptions
  readonly #open = new Set<UnnamedFile>()

  constructor(options: SpillFolderOptions) {
    this.#options = options
  }

  /** Files that are open. */
  get fileCount(): number {
    return this.#open.size
  }

  /** What a dead process left. A name that cannot be removed is left for another time: it is in nobody's way. */
  sweep(log: Log): void {
    const { io, directory } = this.#options
    try {
      if (io.kind(directory) !== 'directory') return
      for (const name of io.list(directory)) {
        if (name.startsWith(PREFIX) && name.endsWith(SUFFIX)) io.remove(`${directory}/${name}`)
      }
    } catch (error) {
      log.warn({ directory, code: DriftError.from(error, directory).code }, 'temporary files of queries were left where they are')
    }
  }

  create(): SpillFile {
    const { io, directory, random } = this.#options
    const path = `${directory}/${PREFIX}${Buffer.from(random(8)).toString('hex')}${SUFFIX}`
    try {
      if (io.kind(directory) === 'absent') io.makeDirectory(directory)
      const file = new UnnamedFile(io.create(path), () => this.#open.delete(file))
      this.#open.add(file)
      try {
        io.remove(path)
      } catch (error) {
        file.close()
        io.remove(path)
        throw error
      }
      return file
    } catch (error) {
      throw DriftError.from(error, PLACE)
    }
  }

  /** Ends the files of queries that nobody ended. */
  close(): void {
    for (const file of this.#open) file.close()
  }
}

class UnnamedFile implements SpillFile {
  readonly #onClose: () => void
  #file: File | undefined
  #length = 0

  constructor(file: File, onClose: () => void) {
    this.#file = file
    this.#onClose = onClose
  }

  append(bytes: Uint8Array): number {
    const position = this.#length
    try {
      this.#opened().write([bytes], position)
    } catch (error) {
      throw DriftError.from(error, PLACE)
    }
    this.#length += bytes.length
    return position
  }

  read(target: Uint8Array, position: number): void {
    let count: number
    try {
      count = this.#opened().read(target, position)
    } catch (error) {
      throw DriftError.from(error, PLACE)
    }
    if (count === target.length) return
    const details = { offset: position, expected: target.length, found: count }
    throw new DriftError('IO', `${PLACE} is shorter than what was written`, details)
  }

  close(): void {
    const file = this.#file
    if (file === undefined) return
    this.#file = undefined
    this.#onClose()
    file.close()
  }

  #opened(): File {
    if (this.#file === undefined) throw new DriftError('CLOSED', 'the database is closed; open it again', {})
    return this.#file
  }
}
