/** What the machine itself does, measured in the same run: the limits that no database on it can pass. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { appendAndSync, overwriteAndSync } from './disk.js'

export type Machine = {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  /** Append of 304 bytes + fdatasync, the median. */
  readonly appendSyncUs: number
  /** The same over bytes that were there before, as a log does that is written ahead. */
  readonly overwriteSyncUs: number
  readonly sequentialWriteMiBPerSecond: number
  readonly memoryReadGiBPerSecond: number
}

const RECORD_BYTES = 304
const SYNCS = 1000
const WRITE_BYTES = 256 * 1024 * 1024
const SUM_BYTES = 256 * 1024 * 1024
const ROUNDS = 4

/** Takes about two seconds; writes 256 MiB into `directory`. */
export function measuredMachine(directory: string): Machine {
  const [first] = cpus()
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    appendSyncUs: appendAndSync(directory, RECORD_BYTES, SYNCS) * 1000,
    overwriteSyncUs: overwriteAndSync(directory, RECORD_BYTES, SYNCS) * 1000,
    sequentialWriteMiBPerSecond: sequentialWrite(`${directory}/sequential`),
    memoryReadGiBPerSecond: memoryRead()
  }
}

function sequentialWrite(path: string): number {
  const block = new Uint8Array(1024 * 1024).fill(7)
  const fd = openSync(path, 'w')
  try {
    const began = performance.now()
    for (let written = 0; written < WRITE_BYTES; written += block.length) writeSync(fd, block)
    fdatasyncSync(fd)
    return WRITE_BYTES / 2 ** 20 / ((performance.now() - began) / 1000)
  } finally {
    closeSync(fd)
    rmSync(path)
  }
}

/** The sum of shared doubles by one thread with four accumulators, the best of four rounds: one alone waits for itself. */
function memoryRead(): number {
  const values = new Float64Array(new SharedArrayBuffer(SUM_BYTES)).fill(1)
  let best = 0
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now()
    const sum = summed(values)
    const ms = performance.now() - began
    if (sum !== values.length) throw new Error(`the sum of ${values.length} ones is ${sum}`)
    best = Math.max(best, SUM_BYTES / 2 ** 30 / (ms / 1000))
  }
  return best
}

function summed(values: Float64Array): number {
  let [a, b, c, d] = [0, 0, 0, 0]
  for (let index = 0; index < values.length; index += 4) {
    a += values[index] ?? 0
    b += values[index + 1] ?? 0
    c += values[index + 2] ?? 0
    d += values[index + 3] ?? 0
  }
  return a + b + c + d
}
