import test from 'ava'
import { EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE } from '../../src/format/frame.js'
import { VersionStore } from '../../src/mvcc/version-store.js'

type Naive = { readonly seq: number; readonly version: number }

/** A generator of the same numbers each time, in [0, below). */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state % below
  }
}

function lastAt(versions: readonly Naive[], at: number): number {
  return versions.findLast(({ seq }) => seq <= at)?.version ?? 0
}

test('the version at any seq is the last one that began at or before it, however many a row has', (t) => {
  const random = numbers(5)
  const store = new VersionStore()
  const oracle: Naive[][] = []
  let seq = 0
  for (let step = 0; step < 60_000; step++) {
    seq += 1 + random(3)
    // A few rows get most of the versions; most rows get one to five.
    const ordinal = random(3) === 0 ? random(4) : Math.min(random(12_000), oracle.length + 4)
    const versions = (oracle[ordinal] ??= [])
    const event = versions.length === 0 ? EVENT_INSERT : random(10) === 0 ? EVENT_SOFT_DELETE : EVENT_PATCH
    const version = store.append(ordinal, seq, step * 100, event, false, 100)
    if (random(20) === 0) store.removeLast(ordinal)
    else versions.push({ seq, version })
  }
  for (const [ordinal, versions] of oracle.entries()) {
    t.is(store.latestOf(ordinal), versions?.at(-1)?.version ?? 0)
    const points = [0, seq + 1, ...(versions ?? []).slice(-300).flatMap((each) => [each.seq - 1, each.seq, each.seq + 1])]
    for (const at of points) {
      if (store.versionAt(ordinal, at) !== lastAt(versions ?? [], at)) t.fail(`ordinal ${ordinal} at ${at}`)
    }
  }
})

test('a chain leads from the newest version to the oldest, past what was taken back', (t) => {
  const store = new VersionStore()
  const kept: number[] = []
  for (let seq = 1; seq <= 100_000; seq++) {
    const version = store.append(0, seq, seq, seq === 1 ? EVENT_INSERT : EVENT_PATCH, seq % 4 === 0, 10)
    if (seq % 7 === 0) store.removeLast(0)
    else kept.push(version)
  }
  const chain: number[] = []
  for (let version = store.latestOf(0); version !== 0; version = store.previousOf(version)) chain.push(version)
  t.deepEqual(chain.toReversed(), kept)
  for (const at of [1, 6, 7, 8, 4096, 65_535, 65_536, 99_999]) {
    const expected = at % 7 === 0 ? at - 1 : at
    t.is(store.seqOf(store.versionAt(0, at)), expected)
  }
})
