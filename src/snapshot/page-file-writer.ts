import { assertLaw } from '../base/errors.js'
import { readU32 } from '../format/bytes.js'
import { encodeFileHeader, FILE_FLAG_BLOCKS, FILE_HEADER_BYTES, FILE_KIND_PAGES } from '../format/file-header.js'
import { encodePageFileEnd, PAGE_FILE_END_BYTES, type RecordPlace } from '../format/page-file.js'
import { proveRecord } from '../format/page-record.js'
import { type File, type Io } from '../io/io.js'
import { type PagePlace } from '../memory/page-table.js'
import { pageFileName } from '../page/page-files.js'

const HEAD_CRC = 44
const SYNC_BYTES = 4 * 1024 * 1024

/**
 * A page file of a snapshot, being written: under a temporary name, record by record; {@link finish} reads it back, proves it, syncs it
 * and gives it its name. A crash before that leaves a `.tmp`, which the next opening removes.
 */
export class PageFileWriter {
  readonly number: number
  readonly #io: Io
  readonly #folder: string
  readonly #file: File
  readonly #places: PagePlace[] = []
  #end = FILE_HEADER_BYTES
  #syncedEnd = 0
  #state: 'open' | 'closed' = 'open'

  constructor(io: Io, folder: string, number: number, tableId: number, databaseId: Uint8Array) {
    this.number = number
    this.#io = io
    this.#folder = folder
    io.makeDirectory(folder)
    this.#file = io.create(this.#temporary)
    const head = { kind: FILE_KIND_PAGES, flags: FILE_FLAG_BLOCKS, tableId, number, origin: 0, salt: 0 }
    try {
      this.#file.write([encodeFileHeader({ ...head, databaseId })], 0)
    } catch (error) {
      this.abandon()
      throw error
    }
  }

  get bytes(): number {
    return this.#end
  }

  write(record: readonly Uint8Array[]): PagePlace {
    const [head] = record as [Uint8Array]
    const bytes = record.reduce((sum, part) => sum + part.length, 0)
    const place = { file: this.number, offset: this.#end, bytes, crc: readU32(head, HEAD_CRC) }
    this.#file.write(record, this.#end)
    this.#end += bytes
    this.#places.push(place)
    if (this.#end - this.#syncedEnd >= SYNC_BYTES) {
      this.#file.sync()
      this.#syncedEnd = this.#end
    }
    return place
  }

  /** The file is whole, durable and has its name when this has ended. `directory` is the last record. Yields the bytes that it proved. */
  *finish(directory: PagePlace): Generator<number, void> {
    assertLaw(directory.offset + directory.bytes === this.#end, 'FMT-9', 'the directory is not the last record of a page file')
    this.#file.write([encodePageFileEnd(directory)], this.#end)
    this.#end += PAGE_FILE_END_BYTES
    this.#file.sync()
    for (const place of this.#places) {
      this.#prove(place)
      yield place.bytes
    }
    this.#file.close()
    this.#state = 'closed'
    this.#io.rename(this.#temporary, `${this.#folder}/${pageFileName(this.number)}`)
    this.#io.syncDirectory(this.#folder)
  }

  /** Removes what was written, unless it was finished. */
  abandon(): void {
    if (this.#state === 'open') this.#file.close()
    this.#state = 'closed'
    if (this.#io.kind(this.#temporary) === 'file') this.#io.remove(this.#temporary)
  }

  #prove({ offset, bytes }: PagePlace): void {
    const record = new Uint8Array(bytes)
    this.#file.read(record, offset)
    const place: RecordPlace = { file: this.#file.path, offset }
    proveRecord(record, place)
  }

  get #temporary(): string {
    return `${this.#folder}/${pageFileName(this.number)}.tmp`
  }
}
