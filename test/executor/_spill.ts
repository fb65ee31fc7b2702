/** Temporary files of queries in memory, which count what is done and fail where a test says. */
import { DriftError } from '../../src/base/errors.js'
import { MemoryBytes } from '../../src/io/memory-io.js'
import { type SpillFile, type SpillSpace } from '../../src/executor/spill.js'

export class TestSpace implements SpillSpace {
  /** Creations, writes and reads so far. */
  operations = 0
  /** Of them, throw at this one (1-based); 0: never. */
  failAt = 0
  fileCount = 0
  writes = 0
  reads = 0
  readonly open = new Set<object>()

  create(): SpillFile {
    this.#operation()
    this.fileCount++
    const bytes = new MemoryBytes()
    const file: SpillFile = {
      append: (part) => {
        this.#operation()
        this.#assertOpen(file)
        this.writes++
        const position = bytes.length
        bytes.write(part, position)
        return position
      },
      read: (target, position) => {
        this.#operation()
        this.#assertOpen(file)
        this.reads++
        if (bytes.read(target, position) !== target.length) throw new Error('read past the end')
      },
      close: () => void this.open.delete(file)
    }
    this.open.add(file)
    return file
  }

  #operation(): void {
    if (++this.operations === this.failAt) throw new DriftError('NO_SPACE', 'no space is left', {})
  }

  #assertOpen(file: SpillFile): void {
    if (!this.open.has(file)) throw new Error('the file was closed')
  }
}
