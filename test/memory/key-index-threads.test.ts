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

test('MEM-4: keys that are taken back over the end of a block of keys leave those alone that come behind', (t) => {
  const index = new KeyIndex(77)
  const key = (n: number): Uint8Array => Buffer.from(`key-${String(n).padStart(6, '0')}`)
  const add = (n: number): number => index.add(key(n), 10)
  // The first block of keys ends behind 1,365 of them, the second behind 88,746: both ends are met.
  for (const [kept, refused] of [
    [1360, 12],
    [88_740, 20]
  ] as const) {
    while (index.count < kept) add(index.count)
    for (let more = 0; more < refused; more++) add(500_000 + more)
    for (let more = 0; more < refused; more++) index.removeLast()
    for (let more = 0; more < 2 * refused; more++) add(index.count)
  }
  for (let ordinal = 0; ordinal < index.count; ordinal++) {
    if (Buffer.compare(index.keyOf(ordinal), key(ordinal)) !== 0 || index.find(key(ordinal), 10) !== ordinal) {
      t.fail(`key ${ordinal} is ${Buffer.from(index.keyOf(ordinal)).toString('latin1')}`)
      break
    }
  }
  t.is(index.count, 88_780)
})
