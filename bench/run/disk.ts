import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { median } from './statistics.js'

/** What the disk itself does, in the same run: append `bytes` and fdatasync, one after the other. Milliseconds, median. */
export function appendAndSync(directory: string, bytes: number, count: number): number {
  const path = `${directory}/probe`
  const fd = openSync(path, 'w')
  const record = new Uint8Array(bytes).fill(7)
  try {
    const times: number[] = []
    for (let index = 0; index < count; index++) {
      const began = performance.now()
      writeSync(fd, record)
      fdatasyncSync(fd)
      times.push(performance.now() - began)
    }
    return median(times)
  } finally {
    closeSync(fd)
    rmSync(path)
  }
}

/** The same over bytes that were written before, as the WAL does it. Milliseconds, median. */
export function overwriteAndSync(directory: string, bytes: number, count: number): number {
  const path = `${directory}/probe`
  const fd = openSync(path, 'w')
  const record = new Uint8Array(bytes).fill(7)
  try {
    writeSync(fd, new Uint8Array(bytes * count))
    fdatasyncSync(fd)
    const times: number[] = []
    for (let index = 0; index < count; index++) {
      const began = performance.now()
      writeSync(fd, record, 0, bytes, index * bytes)
      fdatasyncSync(fd)
      times.push(performance.now() - began)
    }
    return median(times)
  } finally {
    closeSync(fd)
    rmSync(path)
  }
}
