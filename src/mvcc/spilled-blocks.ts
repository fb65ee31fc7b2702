import { DriftError } from '../base/errors.js'
import { crc32 } from '../codec/checksum.js'
import type { BlockFile, SpillFile } from './block-file.js'

/** Blocks of versions that no snapshot has, in a temporary file: of use to this process only, and gone with it. */
export class SpilledBlocks implements BlockFile {
  readonly #file: SpillFile
  readonly #places = new Map<number, { readonly position: number; readonly crc: number }>()

  constructor(file: SpillFile) {
    this.#file = file
  }

  write(block: number, bytes: Uint8Array): void {
    this.#places.set(block, { position: this.#file.append(bytes), crc: crc32(bytes) })
  }

  read(block: number, target: Uint8Array): void {
    const place = this.#places.get(block)
    if (place === undefined) throw new DriftError('INVARIANT', `VIS-13: block ${block} of versions was not spilled`)
    this.#file.read(target, place.position)
    if (crc32(target) === place.crc) return
    throw new DriftError('CORRUPT', 'a temporary file of versions has wrong bytes', { offset: place.position, found: 'wrong checksum' })
  }

  close(): void {
    this.#file.close()
  }
}
