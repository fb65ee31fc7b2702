/**
 * The one seam to the file system: everything that touches a file goes through it. Calls are synchronous, because the writer thread
 * may block and a point read must not leave its thread; only a checkpoint's sync may run beside other work.
 *
 * What is assumed of the disk: `sync` makes every earlier write of that file durable, `syncDirectory` makes names durable, `rename`
 * replaces atomically, and a write that was not synced may survive in whole, in part, or not at all.
 */
export type File = {
  readonly path: string
  /** Reads until `target` is full or the file ends; returns the bytes read. */
  read(target: Uint8Array, position: number): number
  /** Writes all parts one after the other, from `position` on; a short write is continued, a failed one throws. */
  write(parts: readonly Uint8Array[], position: number): void
  /** Returns when all bytes written so far are on the disk (fdatasync). */
  sync(): void
  /** The same, on another thread; writes made meanwhile may or may not be covered. */
  syncAsync(): Promise<void>
  size(): number
  truncate(bytes: number): void
  close(): void
}

/** An exclusive lock of the operating system; it is free when its process ends, however it ends. */
export type FileLock = { release(): void }

export type Io = {
  readonly openRead: (path: string) => File
  readonly openWrite: (path: string) => File
  /** Makes the file, or empties the one that is there. */
  readonly create: (path: string) => File
  readonly kind: (path: string) => 'file' | 'directory' | 'absent'
  readonly list: (directory: string) => string[]
  readonly makeDirectory: (path: string) => void
  readonly rename: (from: string, to: string) => void
  readonly remove: (path: string) => void
  readonly syncDirectory: (path: string) => void
  /** Undefined where another holder has it. The file is made if absent. */
  readonly lock: (path: string) => FileLock | undefined
}

export function readWhole(io: Io, path: string): Uint8Array {
  const file = io.openRead(path)
  try {
    const bytes = new Uint8Array(file.size())
    return bytes.subarray(0, file.read(bytes, 0))
  } finally {
    file.close()
  }
}

/** Replaces a file atomically: a crash leaves the old bytes or the new ones. */
export function replaceFile(io: Io, directory: string, name: string, bytes: Uint8Array): void {
  const temporary = `${directory}/${name}.tmp`
  const file = io.create(temporary)
  try {
    file.write([bytes], 0)
    file.sync()
  } finally {
    file.close()
  }
  io.rename(temporary, `${directory}/${name}`)
  io.syncDirectory(directory)
}
