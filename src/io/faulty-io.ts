import type { File } from './io.js'
import { MemoryBytes, MemoryIo, systemError } from './memory-io.js'
import { beginOfZeros } from './zeros.js'

/** What a power cut does to bytes that were written and not synced. */
export type Loss = 'lose-unsynced' | 'keep-unsynced' | 'tear-last-write'

/** Thrown at the chosen operation and at every later one: the process is gone. */
export class SimulatedCrash extends Error {}

type Unsynced = { readonly position: number; readonly bytes: Uint8Array } | { readonly truncate: number }

/**
 * A file system that fails where a test says. It keeps a live image (what the process sees) and a durable one (what the last sync
 * left); `afterCrash` gives the file system that the next process finds. Names change durably only when their directory is synced.
 */
export class FaultyIo extends MemoryIo {
  /** Writes, syncs, renames, removals and truncations so far. */
  operations = 0
  /** Crash before this operation is carried out (1-based); 0: never. */
  crashAt = 0
  /** Throw this system error at this operation, once. */
  failAt = 0
  failCode = 'EIO'
  readonly #durableNames = new Map<string, MemoryBytes>()
  readonly #durableBytes = new Map<MemoryBytes, MemoryBytes>()
  readonly #unsynced = new Map<MemoryBytes, Unsynced[]>()
  #lastWritten: MemoryBytes | undefined

  override openRead = (path: string): File => new FaultyFile(this, path, this.bytesOf(path))

  override openWrite = (path: string): File => this.openRead(path)

  override create = (path: string): File => {
    this.tick('open', path)
    if (!this.directories.has(path.slice(0, path.lastIndexOf('/')))) throw systemError('ENOENT', 'open', path)
    const bytes = new MemoryBytes()
    this.files.set(path, bytes)
    return new FaultyFile(this, path, bytes)
  }

  override rename = (from: string, to: string): void => {
    this.tick('rename', from)
    const bytes = this.bytesOf(from)
    this.files.delete(from)
    this.files.set(to, bytes)
  }

  override remove = (path: string): void => {
    this.tick('unlink', path)
    this.files.delete(path)
  }

  override syncDirectory = (path: string): void => {
    this.tick('fsync', path)
    const inside = (name: string) => name.slice(0, name.lastIndexOf('/')) === path
    for (const name of [...this.#durableNames.keys()]) if (inside(name) && !this.files.has(name)) this.#durableNames.delete(name)
    for (const [name, bytes] of this.files) if (inside(name)) this.#durableNames.set(name, bytes)
  }

  tick(syscall: string, path: string): void {
    this.operations++
    if (this.crashAt !== 0 && this.operations >= this.crashAt) throw new SimulatedCrash(`${syscall} ${path}`)
    if (this.failAt === this.operations) throw systemError(this.failCode, syscall, path)
  }

  written(bytes: MemoryBytes, change: Unsynced): void {
    const list = this.#unsynced.get(bytes)
    if (list === undefined) this.#unsynced.set(bytes, [change])
    else list.push(change)
    this.#lastWritten = bytes
  }

  /** What was written since the last sync is made durable, and only that: a file has megabytes, and a group commit some hundred bytes. */
  synced(bytes: MemoryBytes): void {
    let durable = this.#durableBytes.get(bytes)
    if (durable === undefined) this.#durableBytes.set(bytes, (durable = new MemoryBytes()))
    for (const change of this.#unsynced.get(bytes) ?? []) carryOut(durable, change)
    this.#unsynced.delete(bytes)
  }

  /** The files as the next process finds them. Directories are taken to be durable (they are made once, and synced by their owner). */
  afterCrash(loss: Loss): FaultyIo {
    const next = new FaultyIo()
    for (const directory of this.directories) next.directories.add(directory)
    const names = loss === 'keep-unsynced' ? this.files : this.#durableNames
    for (const [name, bytes] of names) {
      const left = this.#durableBytes.get(bytes)?.copy() ?? new MemoryBytes()
      const unsynced = this.#unsynced.get(bytes) ?? []
      const kept = loss === 'lose-unsynced' ? [] : loss === 'keep-unsynced' || bytes === this.#lastWritten ? unsynced : []
      kept.forEach((change, index) => {
        const torn = loss === 'tear-last-write' && index === kept.length - 1
        if (torn && 'bytes' in change) left.write(change.bytes.subarray(0, change.bytes.length >> 1), change.position)
        else carryOut(left, change)
      })
      next.files.set(name, left)
      next.#durableNames.set(name, left)
      next.#durableBytes.set(left, left.copy())
    }
    return next
  }
}

function carryOut(bytes: MemoryBytes, change: Unsynced): void {
  if ('truncate' in change) bytes.resize(change.truncate)
  else bytes.write(change.bytes, change.position)
}

class FaultyFile implements File {
  readonly path: string
  readonly #io: FaultyIo
  readonly #bytes: MemoryBytes

  constructor(io: FaultyIo, path: string, bytes: MemoryBytes) {
    this.#io = io
    this.path = path
    this.#bytes = bytes
  }

  read(target: Uint8Array, position: number): number {
    return this.#bytes.read(target, position)
  }

  write(parts: readonly Uint8Array[], position: number): void {
    this.#io.tick('write', this.path)
    const [part] = parts
    const isZeros = parts.length === 1 && part !== undefined && beginOfZeros(part) === 0
    const bytes = isZeros ? new Uint8Array(part.length) : Buffer.concat(parts)
    this.#bytes.write(bytes, position)
    this.#io.written(this.#bytes, { position, bytes })
  }

  sync(): void {
    this.#io.tick('fdatasync', this.path)
    this.#io.synced(this.#bytes)
  }

  async syncAsync(): Promise<void> {
    this.sync()
  }

  size(): number {
    return this.#bytes.length
  }

  truncate(bytes: number): void {
    this.#io.tick('ftruncate', this.path)
    this.#bytes.resize(bytes)
    this.#io.written(this.#bytes, { truncate: bytes })
  }

  close(): void {}
}
