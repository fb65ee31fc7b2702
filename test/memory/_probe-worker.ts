/**
 * Probes a key index from another thread while its owner adds keys: every answer must be the key's own ordinal, or -1 for a key that
 * is not there yet in what this thread's handle can see. Key n has ordinal n.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { encodeKey } from '../../src/codec/key-codec.js'
import { KeyIndexView, type KeyIndexHandle } from '../../src/index/key-index.js'

export type ProbeData = {
  readonly handle: KeyIndexHandle
  /** [0]: keys that were added; [1]: set when the owner is done. */
  readonly progress: Int32Array
  readonly handles: number
  readonly keys: number
}

export type ProbeResult = {
  readonly probes: number
  readonly hits: number
  readonly wrong: readonly string[]
  readonly handlesSeen: number
}

/** A key of one of three kinds, so that lengths differ. */
export function keyNumber(n: number): string | number {
  return n % 3 === 0 ? n : n % 3 === 1 ? `key ${n}` : `a much longer key, so that the heap grows faster: ${n}`
}

if (parentPort !== null) {
  const port = parentPort
  const { handle, progress, keys } = workerData as ProbeData
  let view = new KeyIndexView(handle)
  // Keys at or below this were in the index when the handle was taken.
  let promised = 0
  let handlesSeen = 1
  port.on('message', (message: { handle: KeyIndexHandle; count: number }) => {
    view = new KeyIndexView(message.handle)
    promised = message.count
    handlesSeen++
  })
  const target = new Uint8Array(1100)
  const wrong: string[] = []
  let probes = 0
  let hits = 0
  let state = 12_345
  const round = () => {
    for (let turn = 0; turn < 2000; turn++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      const n = state % keys
      const length = encodeKey(keyNumber(n), target)
      const found = view.find(target, length)
      probes++
      if (found === n) hits++
      else if (found !== -1 && wrong.length < 10) wrong.push(`key ${n} has ordinal ${found}`)
      else if (found === -1 && n < promised && wrong.length < 10) wrong.push(`key ${n} of ${promised} is not found`)
    }
    if (Atomics.load(progress, 1) === 0) return void setImmediate(round)
    port.postMessage({ probes, hits, wrong, handlesSeen } satisfies ProbeResult)
    port.close()
  }
  port.postMessage('ready')
  round()
}
