/** The key index is read by other threads while its owner adds keys to it. */
import test from 'ava'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { encodeKey } from '../../src/codec/key-codec.js'
import { KeyIndex } from '../../src/index/key-index.js'
import { sharedInt32 } from '../../src/memory/shared-array.js'
import { keyNumber, type ProbeData, type ProbeResult } from './_probe-worker.js'

const KEYS = 200_000

test('MEM-4: a thread that probes the key index while 200,000 keys are added never gets a wrong ordinal', async (t) => {
  const index = new KeyIndex(77)
  const progress = sharedInt32(2)
  const workerData: ProbeData = { handle: index.handle(), progress, handles: 1, keys: KEYS }
  const worker = new Worker(new URL('./_probe-worker.js', import.meta.url), { workerData })
  t.teardown(() => worker.terminate())
  await once(worker, 'message')
  const result = once(worker, 'message') as Promise<[ProbeResult]>
  const target = new Uint8Array(1100)
  for (let n = 0; n < KEYS; n++) {
    const length = encodeKey(keyNumber(n), target)
    t.is(index.add(target, length), n)
    Atomics.store(progress, 0, n + 1)
    // Sometimes a newer handle, at every stage of a growing table; in between the worker goes on with an old one.
    if (n % 10_007 === 5000) worker.postMessage({ handle: index.handle(), count: n + 1 })
    if (n % 1000 === 0) await new Promise(setImmediate)
  }
  worker.postMessage({ handle: index.handle(), count: KEYS })
  Atomics.store(progress, 1, 1)
  const [{ probes, hits, wrong, handlesSeen }] = await result
  t.deepEqual(wrong, [])
  t.true(probes > 1000)
  t.true(hits > 0)
  t.true(handlesSeen > 1)
  for (let n = 0; n < KEYS; n += 97) t.is(index.find(target, encodeKey(keyNumber(n), target)), n)
})
