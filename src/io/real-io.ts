import fs from 'node:fs'
import { tryLock, unlock } from 'fs-native-extensions'
import type { File, FileLock, Io } from './io.js'

/** The real file system. */
export const realIo: Io = {
  openRead: (path) => new RealFile(path, fs.openSync(path, 'r')),
  openWrite: (path) => new RealFile(path, fs.openSync(path, 'r+')),
  create: (path) => new RealFile(path, fs.openSync(path, 'w+')),
  kind(path) {
    const found = fs.statSync(path, { throwIfNoEntry: false })
    if (found === undefined) return 'absent'
    return found.isDirectory() ? 'directory' : 'file'
  },
  list: (directory) => fs.readdirSync(directory),
  makeDirectory: (path) => void fs.mkdirSync(path, { recursive: true }),
  rename: (from, to) => fs.renameSync(from, to),
  remove: (path) => fs.rmSync(path, { recursive: true, force: true }),
  syncDirectory(path) {
    const fd = fs.openSync(path, 'r')
    try {
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
  },
  lock(path): FileLock | undefined {
    const fd = fs.openSync(path, 'a+')
    let locked = false
    try {
      locked = tryLock(fd)
    } finally {
      if (!locked) fs.closeSync(fd)
    }
    if (!locked) return undefined
    return {
      release() {
        unlock(fd)
        fs.closeSync(fd)
      }
    }
  }
}

class RealFile implements File {
  readonly path: string
  readonly #fd: number

  constructor(path: string, fd: number) {
    this.path = path
    this.#fd = fd
  }

  read(target: Uint8Array, position: number): number {
    let done = 0
    while (done < target.length) {
      const count = fs.readSync(this.#fd, target, done, target.length - done, position + done)
      if (count === 0) break
      done += count
    }
    return done
  }

  write(parts: readonly Uint8Array[], position: number): void {
    const only = parts.length === 1 ? parts[0] : undefined
    if (only !== undefined && fs.writeSync(this.#fd, only, 0, only.length, position) === only.length) return
    let at = position
    let rest = parts.filter((part) => part.length > 0)
    while (rest.length > 0) {
      // The kernel takes at most 1,024 parts (IOV_MAX) in one call.
      let written = fs.writevSync(this.#fd, rest.slice(0, 1024), at)
      at += written
      let whole = 0
      for (let part = rest[whole]; part !== undefined && written >= part.length; part = rest[whole]) {
        written -= part.length
        whole++
      }
      rest = rest.slice(whole)
      const cut = rest[0]
      if (cut !== undefined && written > 0) rest[0] = cut.subarray(written)
    }
  }

  sync(): void {
    fs.fdatasyncSync(this.#fd)
  }

  syncAsync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#fd, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  size(): number {
    return fs.fstatSync(this.#fd).size
  }

  truncate(bytes: number): void {
    fs.ftruncateSync(this.#fd, bytes)
  }

  close(): void {
    fs.closeSync(this.#fd)
  }
}
