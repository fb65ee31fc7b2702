/**
 * The page files of all tables as one thread reads them, each opened when it is first needed. A file is named by a number: a snapshot's by
 * its seq; a spill file, which lives as long as the process that wrote it, by a negative one.
 */
import { readU32 } from '../format/bytes.js'
import { damagedRecord } from '../format/page-file.js'
import { numberedFile } from '../format/manifest.js'
import { type File, type Io } from '../io/io.js'
import { type PagePlace } from '../memory/page-table.js'
import { type ReadRecord, type RecordSource } from './page-cache.js'

const HEAD_CRC = 44
const HEAD_TABLE = 16

export class PageFiles implements RecordSource {
  readonly #io: Io
  readonly #folderOf: (tableId: number) => string
  readonly #open = new Map<string, File>()

  /** `folderOf` names the folder of a table's page files. */
  constructor(io: Io, folderOf: (tableId: number) => string) {
    this.#io = io
    this.#folderOf = folderOf
  }

  read = (tableId: number, { file, offset, bytes, crc }: PagePlace): ReadRecord => {
    const path = `${this.#folderOf(tableId)}/${pageFileName(file)}`
    const opened = this.#file(path)
    const place = { file: path, offset }
    const size = opened.size()
    if (offset + bytes > size) throw damagedRecord(place, 0, 'the file ends before a page does', offset + bytes, size)
    const record = new Uint8Array(bytes)
    opened.read(record, offset)
    if (bytes < HEAD_CRC + 4 || readU32(record, HEAD_CRC) !== crc || readU32(record, HEAD_TABLE) !== tableId) {
      throw damagedRecord(place, HEAD_CRC, 'another page than the directory names', crc, readU32(record, HEAD_CRC))
    }
    return { bytes: record, place }
  }

  /** Closes the files of a table, or all. */
  close(tableId?: number): void {
    const folder = tableId === undefined ? undefined : `${this.#folderOf(tableId)}/`
    for (const [path, file] of this.#open) {
      if (folder !== undefined && !path.startsWith(folder)) continue
      file.close()
      this.#open.delete(path)
    }
  }

  #file(path: string): File {
    let file = this.#open.get(path)
    if (file === undefined) this.#open.set(path, (file = this.#io.openRead(path)))
    return file
  }
}

export function pageFileName(file: number): string {
  return file < 0 ? `spill-${-file}.pages.tmp` : numberedFile(file, 'pages')
}
