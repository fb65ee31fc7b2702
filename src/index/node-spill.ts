import { type File, type Io } from '../io/io.js'
import { DriftError } from '../base/errors.js'
import { NODE_BYTES, type NodeFile } from './node-memory.js'

/**
 * Nodes of one index that left memory, each at its number in a temporary file: written by the apply thread, read by any. Nothing of it is
 * needed after the process has ended, so nothing is synced; the next opening removes what was left.
 */
export class NodeSpill implements NodeFile {
  readonly #io: Io
  readonly #folder: string
  readonly #path: string
  readonly #nodeBytes: number
  #file: File | undefined

  /** In `folder`, which is made if need be. */
  constructor(io: Io, folder: string, indexId: number, nodeBytes = NODE_BYTES) {
    this.#io = io
    this.#folder = folder
    this.#path = `${folder}/driftdb-index-${indexId}.spill`
    this.#nodeBytes = nodeBytes
  }

  write(id: number, bytes: Uint8Array): void {
    if (this.#file === undefined) {
      if (this.#io.kind(this.#folder) === 'absent') this.#io.makeDirectory(this.#folder)
      this.#file = this.#io.create(this.#path)
    }
    this.#file.write([bytes], id * this.#nodeBytes)
  }

  read(id: number, target: Uint8Array): void {
    this.#file ??= this.#io.openRead(this.#path)
    const offset = id * this.#nodeBytes
    const size = this.#file.size()
    if (offset + target.length > size) {
      const details = { file: this.#path, offset, expected: offset + target.length, found: size }
      throw new DriftError('CORRUPT', `${this.#path}: the file ends before node ${id} of an index does`, details)
    }
    this.#file.read(target, offset)
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
  }

  /** Of who writes it: all of it goes. */
  remove(): void {
    if (this.#file === undefined) return
    this.close()
    this.#io.remove(this.#path)
  }
}
