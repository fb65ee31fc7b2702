import { readU32 } from '../format/bytes.js'
import { encodeFileHeader, FILE_FLAG_BLOCKS, FILE_HEADER_BYTES, FILE_KIND_PAGES } from '../format/file-header.js'
import { type File, type Io } from '../io/io.js'
import { type PagePlace } from '../memory/page-table.js'
import { pageFileName } from './page-files.js'

const HEAD_CRC = 44

/**
 * Where sealed pages go that must leave memory before a snapshot has them (the apply thread). Nothing of it is needed after the process
 * has ended, so nothing is synced; it is removed at the next opening like every `.tmp`.
 */
export class SpillFile {
  #number: number
  readonly #io: Io
  readonly #folder: string
  readonly #header: Uint8Array
  #file: File | undefined
  #end = 0
  readonly #turned: number[] = []

  /** `number` is negative. The file is made with the first page. */
  constructor(io: Io, folder: string, number: number, tableId: number, databaseId: Uint8Array) {
    this.#number = number
    this.#io = io
    this.#folder = folder
    const head = { kind: FILE_KIND_PAGES, flags: FILE_FLAG_BLOCKS, tableId, number: 0, origin: 0, salt: 0 }
    this.#header = encodeFileHeader({ ...head, databaseId })
  }

  get bytes(): number {
    return this.#end
  }

  write(record: readonly Uint8Array[]): PagePlace {
    if (this.#file === undefined) {
      this.#io.makeDirectory(this.#folder)
      this.#file = this.#io.create(`${this.#folder}/${pageFileName(this.#number)}`)
      this.#file.write([this.#header], 0)
      this.#end = FILE_HEADER_BYTES
    }
    const [head] = record as [Uint8Array]
    const offset = this.#end
    this.#file.write(record, offset)
    const bytes = record.reduce((sum, part) => sum + part.length, 0)
    this.#end += bytes
    return { file: this.#number, offset, bytes, crc: readU32(head, HEAD_CRC) }
  }

  /** What comes next goes into another file; this one stays until {@link drop}. */
  turn(): void {
    if (this.#file === undefined) return
    this.#file.close()
    this.#file = undefined
    this.#end = 0
    this.#turned.push(this.#number--)
  }

  /** Nothing that was written before the last {@link turn} is needed any more. Who has a file open can read on. */
  drop(): void {
    for (const number of this.#turned.splice(0)) this.#io.remove(`${this.#folder}/${pageFileName(number)}`)
  }

  /** All of it: nobody asks for a page any more. */
  remove(): void {
    this.turn()
    this.drop()
  }
}
