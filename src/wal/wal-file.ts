import { crc32, crc32Word } from '../codec/checksum.js'
import type { File, Io } from '../io/io.js'
import { encodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_WAL } from '../format/file-header.js'

export const WAL_NAME = 'wal.log'
const NEXT_NAME = 'wal.next'
/** Zeros are written ahead in steps of this size: overwriting them spares the commit of the inode that an append needs. */
export const WAL_ZERO_BYTES = 4 * 1024 * 1024

const zeros = new Uint8Array(WAL_ZERO_BYTES)

/** Two files of one folder, or of two databases, never have the same salt in practice: a record of one is noise to the other. */
export function walSalt(databaseId: Uint8Array, number: number): number {
  return crc32Word(number, crc32(databaseId))
}

/**
 * The WAL file that takes records (writer thread). Each method says what is durable when it returns.
 *
 * Rotation: the next file is made beside (`wal.next`: header, zeros, synced), the present one is synced and renamed to
 * `wal.log.<number>`, the next one becomes `wal.log`, the folder is synced. A crash leaves both names, or `wal.log.<n>` and no
 * `wal.log` (the next opening makes one), or the new pair; a `wal.next` is removed at the next opening.
 */
export class WalFile {
  readonly number: number
  readonly salt: number
  readonly #io: Io
  readonly #directory: string
  readonly #databaseId: Uint8Array
  readonly #file: File
  #position = FILE_HEADER_BYTES
  #zeroEnd: number
  #syncedBytes = FILE_HEADER_BYTES

  private constructor(io: Io, directory: string, databaseId: Uint8Array, number: number, file: File, zeroEnd: number) {
    this.#io = io
    this.#directory = directory
    this.#databaseId = databaseId
    this.number = number
    this.salt = walSalt(databaseId, number)
    this.#file = file
    this.#zeroEnd = zeroEnd
  }

  /** Makes `wal.log`; durable, with its name and its zeros, on return. */
  static create(io: Io, directory: string, databaseId: Uint8Array, number: number, firstSeq: number): WalFile {
    const wal = WalFile.#make(io, directory, databaseId, number, firstSeq, WAL_ZERO_BYTES)
    io.rename(`${directory}/${NEXT_NAME}`, `${directory}/${WAL_NAME}`)
    io.syncDirectory(directory)
    return wal
  }

  static #make(io: Io, directory: string, databaseId: Uint8Array, number: number, firstSeq: number, zeroBytes: number): WalFile {
    const file = io.create(`${directory}/${NEXT_NAME}`)
    const salt = walSalt(databaseId, number)
    const header = encodeFileHeader({ kind: FILE_KIND_WAL, flags: 0, tableId: 0, number, origin: firstSeq, salt, databaseId })
    file.write([header], 0)
    const wal = new WalFile(io, directory, databaseId, number, file, FILE_HEADER_BYTES)
    try {
      wal.extend(zeroBytes)
    } catch (error) {
      file.close()
      io.remove(`${directory}/${NEXT_NAME}`)
      throw error
    }
    return wal
  }

  /** Bytes from the file's begin to behind the last record. */
  get position(): number {
    return this.#position
  }

  /** Zeros that are left for records. */
  get zeroBytes(): number {
    return this.#zeroEnd - this.#position
  }

  get syncedBytes(): number {
    return this.#syncedBytes
  }

  /** Writes records over zeros; nothing is durable yet. */
  append(parts: readonly Uint8Array[], bytes: number): void {
    this.#file.write(parts, this.#position)
    this.#position += bytes
  }

  /** Everything appended is durable. */
  sync(): void {
    this.#file.sync()
    this.#syncedBytes = this.#position
  }

  /** Room for `bytes` more of zeros is on the disk, and all records too. Throws where there is no space; the file is as usable as before. */
  extend(bytes: number): void {
    let at = this.#zeroEnd
    const end = at + bytes
    while (at < end) {
      const part = zeros.subarray(0, Math.min(zeros.length, end - at))
      this.#file.write([part], at)
      at += part.length
    }
    this.#file.sync()
    this.#zeroEnd = end
    this.#syncedBytes = this.#position
  }

  /** The file that takes over, with as much room as this one has left; this one is closed under the name `wal.log.<number>`. */
  rotate(firstSeq: number): WalFile {
    const next = WalFile.#make(
      this.#io,
      this.#directory,
      this.#databaseId,
      this.number + 1,
      firstSeq,
      Math.max(WAL_ZERO_BYTES, this.zeroBytes)
    )
    this.sync()
    this.close()
    this.#io.rename(`${this.#directory}/${WAL_NAME}`, `${this.#directory}/${WAL_NAME}.${this.number}`)
    this.#io.rename(`${this.#directory}/${NEXT_NAME}`, `${this.#directory}/${WAL_NAME}`)
    this.#io.syncDirectory(this.#directory)
    return next
  }

  /** Removes the rotated files with a number below `number`: their events are in segments. */
  removeBelow(number: number): void {
    removeWalFiles(this.#io, this.#directory, number)
  }

  close(): void {
    this.#file.close()
  }
}

/** Removes rotated WAL files with numbers below `number`, and a half-made next one. */
export function removeWalFiles(io: Io, directory: string, number: number): void {
  let removed = false
  for (const name of io.list(directory)) {
    const rotated = rotatedNumber(name)
    if (name === NEXT_NAME || (rotated !== undefined && rotated < number)) {
      io.remove(`${directory}/${name}`)
      removed = true
    }
  }
  if (removed) io.syncDirectory(directory)
}

/** The n of `wal.log.<n>`. */
export function rotatedNumber(name: string): number | undefined {
  const found = /^wal\.log\.(\d+)$/.exec(name)
  return found === null ? undefined : Number(found[1])
}
