import test from 'ava'
import fc from 'fast-check'
import { IndexNode, NodeLayout, spreadBehind, spreadBetween } from '../../src/index/index-node.js'
import { IndexReader } from '../../src/index/index-reader.js'
import { IndexTree, NOWHERE } from '../../src/index/index-tree.js'
import { type NodeFile, NodeMemory } from '../../src/index/node-memory.js'
import { Arena } from '../../src/memory/arena.js'

const NODE_BYTES = 768

type Version = { readonly key: string; readonly value: number; readonly begin: number; end: number }

/** An index of values 0, 1, …, each with at most one key at a time, beside the list of all that ever was. */
class Model {
  readonly versions: Version[] = []
  readonly live = new Map<number, Version>()
  readonly memory: NodeMemory
  readonly tree: IndexTree
  readonly reader: IndexReader
  readonly locations: number[] = []
  readonly files = new Map<number, Uint8Array>()
  seq = 0

  constructor(nodesMax = Infinity) {
    const arena = Arena.create({ bytes: 256 * 1024 * 1024 })
    const file: NodeFile = {
      write: (slot, images) => images.forEach((image, at) => this.files.set(slot + at, image)),
      read: (slot, _, target) => target.set(this.files.get(slot) ?? new Uint8Array(0))
    }
    this.memory = NodeMemory.create(arena, NODE_BYTES)
    this.tree = new IndexTree(this.memory, (value, location) => (this.locations[value] = location), { file, nodesMax: () => nodesMax })
    this.reader = new IndexReader(NodeMemory.attach(Arena.attach(arena.handle), this.memory.handle), file)
  }

  set(value: number, key: string | undefined): void {
    this.seq++
    const before = this.live.get(value)
    // The key of an entry ends with what tells its row from others.
    const whole = key === undefined ? undefined : `${key}/${String(value).padStart(4, '0')}`
    if (before?.key === whole) return
    if (before !== undefined) {
      this.tree.end(() => this.locations[value] as number, this.seq)
      before.end = this.seq
      this.live.delete(value)
      this.locations[value] = NOWHERE
    }
    if (whole === undefined) return
    const bytes = Buffer.from(`..${whole}`)
    this.locations[value] = this.tree.insert(bytes, 2, bytes.length - 2, value, this.seq)
    const version = { key: whole, value, begin: this.seq, end: Infinity }
    this.versions.push(version)
    this.live.set(value, version)
  }

  found(from: string | undefined, to: string | undefined, S: number, isReverse: boolean): number[] {
    const range = { from: from === undefined ? undefined : Buffer.from(from), to: to === undefined ? undefined : Buffer.from(to) }
    const found: number[] = []
    for (const { values, count } of this.reader.batches(range, S, isReverse)) found.push(...values.subarray(0, count))
    return found
  }

  expected(from: string | undefined, to: string | undefined, S: number, isReverse: boolean): number[] {
    const rows = this.versions.filter(
      ({ key, begin, end }) => begin <= S && end > S && (from === undefined || key >= from) && (to === undefined || key < to)
    )
    rows.sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0))
    return (isReverse ? rows.reverse() : rows).map(({ value }) => value)
  }
}

const letters = 'abcdefgh'.split('')
// Long keys fill a node, and what a separator needs, with few entries.
const begin = fc.constantFrom('', '', 'ab'.repeat(4), 'a'.repeat(48), `${'a'.repeat(47)}b`)
const key = fc.tuple(begin, fc.string({ unit: fc.constantFrom(...letters), minLength: 0, maxLength: 5 })).map((parts) => parts.join(''))
const bound = fc.option(key, { nil: undefined })
const workload = fc.record({
  rows: fc.constantFrom(3, 40, 400),
  operations: fc.array(fc.record({ value: fc.nat(399), key: fc.option(key, { nil: undefined, freq: 5 }) }), {
    minLength: 200,
    maxLength: 1500
  }),
  nodesMax: fc.constantFrom(4, 20, 100_000)
})
const questions = fc.array(fc.record({ from: bound, to: bound, at: fc.double({ min: 0, max: 1, noNaN: true }), isReverse: fc.boolean() }), {
  minLength: 30,
  maxLength: 30
})

test('at any seq any range holds what an oracle that keeps every version finds, in both orders, in memory and in the file', (t) => {
  fc.assert(
    fc.property(workload, questions, ({ rows, operations, nodesMax }, asked) => {
      const model = new Model(nodesMax)
      for (const { value, key: to } of operations) model.set(value % rows, to)
      for (const { from, to, at, isReverse } of asked) {
        const S = Math.round(at * model.seq)
        t.deepEqual(model.found(from, to, S, isReverse), model.expected(from, to, S, isReverse))
      }
    }),
    { numRuns: process.env['FULL'] === '1' ? 2000 : 120 }
  )
})

test('keys that only grow, only fall, or all die leave an index that answers for each time', (t) => {
  for (const keyOf of [(n: number) => String(n).padStart(5, '0'), (n: number) => String(99_999 - n), () => 'same']) {
    const model = new Model()
    for (let n = 0; n < 2000; n++) model.set(n, keyOf(n))
    for (let n = 0; n < 2000; n++) model.set(n, undefined)
    for (const S of [0, 1, 30, 1000, 2000, 2001, 3500, 4000])
      t.deepEqual(model.found(undefined, undefined, S, false), model.expected(undefined, undefined, S, false))
    t.is(model.reader.count({}, model.seq, 1), 0)
  }
})

test('a lookup looks at a bounded number of entries whatever the history: rows that move between few keys', (t) => {
  const model = new Model()
  let random = 7
  const next = (below: number): number => (random = (random * 48_271) % 2_147_483_647) % below
  for (let n = 0; n < 30_000; n++) model.set(next(300), letters[next(8)])
  const { entriesMax } = model.memory.layout
  for (const S of [500, 5000, 20_000, model.seq]) {
    model.reader.counters.entries = model.reader.counters.nodes = 0
    const found = model.found('c', 'd', S, false)
    t.deepEqual(found, model.expected('c', 'd', S, false))
    // Two leaves may hold the ends of the range.
    t.true(
      model.reader.counters.entries <= 4 * found.length + 2 * entriesMax,
      `${model.reader.counters.entries} for ${found.length} at ${S}`
    )
    t.true(model.reader.counters.nodes <= 40)
  }
  // Copies for each change of a key.
  t.true((model.memory.nodeCount * entriesMax) / model.versions.length < 4)
})

test('a node that nobody wrote for more seqs than an entry counts still shows what is alive, and what was', (t) => {
  const model = new Model()
  for (let n = 0; n < 200; n++) model.set(n, letters[n % 8])
  for (let n = 0; n < 20; n++) model.set(n, undefined)
  const before = model.seq
  model.seq += 2 ** 33
  for (const S of [100, before, before + 2 ** 32, model.seq])
    for (const isReverse of [false, true]) t.deepEqual(model.found('b', 'f', S, isReverse), model.expected('b', 'f', S, isReverse))
  for (let n = 0; n < 40; n++) model.set(n, letters[7 - (n % 8)])
  for (const S of [100, before, before + 2 ** 32, model.seq])
    t.deepEqual(model.found('b', 'f', S, false), model.expected('b', 'f', S, false))
})

const bytes = fc.uint8Array({ max: 3, maxLength: 12 })
const byBytes = (one: Uint8Array, other: Uint8Array): number => Buffer.compare(one, other)

test('digests stand in the order of their keys, whatever the spread of the node was said to be', (t) => {
  const node = new IndexNode(new NodeLayout(NODE_BYTES))
  fc.assert(
    fc.property(bytes, bytes, fc.array(bytes, { minLength: 2, maxLength: 40 }), fc.boolean(), (one, other, keys, isKnown) => {
      const [first, last] = [one, other].sort(byBytes) as [Uint8Array, Uint8Array]
      node.lookAtImage(1, new Uint8Array(NODE_BYTES))
      node.clear(0, 0, new Uint8Array(0), isKnown ? spreadBetween(first, last) : spreadBehind(first))
      const digests = keys.sort(byBytes).map((key) => node.digestOf(key, 0, key.length))
      t.deepEqual(
        digests,
        digests.toSorted((left, right) => left - right)
      )
    })
  )
  node.clear(0, 0, new Uint8Array(0), spreadBetween(Buffer.from('order-1000'), Buffer.from('order-1099')))
  const orders = Array.from({ length: 100 }, (_, at) => Buffer.from(`order-${1000 + at}`))
  t.is(new Set(orders.map((key) => node.digestOf(key, 0, key.length))).size, 100)
})
