import type { File, FileLock, Io } from './io.js'
import { beginOfZeros } from './zeros.js'

/**
 * Files in memory: what `open(':memory:')` and the simulated runs of the tests stand on. It throws what the real one would
 * (ENOENT with a system code), so that callers need no second way of failing.
 */
export class MemoryIo implements Io {
  readonly files = new Map<string, MemoryBytes>()
  readonly directories = new Set<string>()
  readonly #locks = new Set<string>()

  openRead = (path: string): File => new MemoryFile(path, this.bytesOf(path))

  openWrite = (path: string): File => this.openRead(path)

  create = (path: string): File => {
    const parent = path.slice(0, path.lastIndexOf('/'))
    if (!this.directories.has(parent)) throw systemError('ENOENT', 'open', path)
    const bytes = new MemoryBytes()
    this.files.set(path, bytes)
    return new MemoryFile(path, bytes)
  }

  kind = (path: string): 'file' | 'directory' | 'absent' => {
    if (this.files.has(path)) return 'file'
    return this.directories.has(path) ? 'directory' : 'absent'
  }

  list = (directory: string): string[] => {
    if (!this.directories.has(directory)) throw systemError('ENOENT', 'scandir', directory)
    const names = new Set<string>()
    for (const path of [...this.files.keys(), ...this.directories]) {
      if (path.startsWith(`${directory}/`)) names.add(path.slice(directory.length + 1).split('/')[0] ?? '')
    }
    return [...names].sort()
  }

  makeDirectory = (path: string): void => {
    if (this.files.has(path)) throw systemError('EEXIST', 'mkdir', path)
    const parts = path.split('/')
    for (let count = 1; count <= parts.length; count++) this.directories.add(parts.slice(0, count).join('/'))
  }

  rename = (from: string, to: string): void => {
    const bytes = this.bytesOf(from)
    this.files.delete(from)
    this.files.set(to, bytes)
  }

  remove = (path: string): void => {
    this.files.delete(path)
    this.directories.delete(path)
    for (const file of [...this.files.keys()]) if (file.startsWith(`${path}/`)) this.files.delete(file)
    for (const directory of [...this.directories]) if (directory.startsWith(`${path}/`)) this.directories.delete(directory)
  }

  syncDirectory = (_path: string): void => {}

  lock = (path: string): FileLock | undefined => {
    if (this.#locks.has(path)) return undefined
    if (!this.files.has(path)) this.create(path)
    this.#locks.add(path)
    return { release: () => void this.#locks.delete(path) }
  }

  protected bytesOf(path: string): MemoryBytes {
    const bytes = this.files.get(path)
    if (bytes === undefined) throw systemError('ENOENT', 'open', path)
    return bytes
  }
}

/** A growing array of bytes. */
export class MemoryBytes {
  length = 0
  #bytes = new Uint8Array(0)

  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  /** Reads until `target` is full or the bytes end; returns how many. */
  read(target: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(target.length, this.length - position))
    target.set(this.view.subarray(position, position + count))
    return count
  }

  write(part: Uint8Array, position: number): void {
    const end = position + part.length
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, Math.min(this.#bytes.length * 2, this.#bytes.length + (64 << 20)), 4096))
      grown.set(this.view)
      this.#bytes = grown
    }
    // Zeros behind the end are there already, and a page of memory that nobody touched takes none: the WAL has megabytes of them.
    if (position < this.length || beginOfZeros(part) > 0) this.#bytes.set(part, position)
    if (end > this.length) this.length = end
  }

  /** The same bytes, for others to write. */
  copy(): MemoryBytes {
    const copy = new MemoryBytes()
    copy.#bytes = new Uint8Array(this.length)
    copy.#bytes.set(this.#bytes.subarray(0, beginOfZeros(this.view)))
    copy.length = this.length
    return copy
  }

  resize(length: number): void {
    if (length > this.length) this.write(new Uint8Array(length - this.length), this.length)
    // What lies behind the end is zeros, always: a write behind it counts on them.
    this.#bytes.fill(0, length, this.length)
    this.length = length
  }
}

class MemoryFile implements File {
  readonly path: string
  readonly #bytes: MemoryBytes

  constructor(path: string, bytes: MemoryBytes) {
    this.path = path
    this.#bytes = bytes
  }

  read(target: Uint8Array, position: number): number {
    return this.#bytes.read(target, position)
  }

  write(parts: readonly Uint8Array[], position: number): void {
    let at = position
    for (const part of parts) {
      this.#bytes.write(part, at)
      at += part.length
    }
  }

  sync(): void {}

  syncAsync(): Promise<void> {
    return Promise.resolve()
  }

  size(): number {
    return this.#bytes.length
  }

  truncate(bytes: number): void {
    this.#bytes.resize(bytes)
  }

  close(): void {}
}

export function systemError(code: string, syscall: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${syscall} '${path}'`), { code, syscall, path })
}
