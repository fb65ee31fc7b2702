/** The workloads of the benchmark are the same each time and as they are described; the oracle's answers are those of a person. */
import { createHash } from 'node:crypto'
import test from 'ava'
import { bihStatement, bihStatementIds } from '../../bench/questions/bih-statements.js'
import { canonicalAnswer } from '../../bench/questions/answer.js'
import { rightAnswer } from '../../bench/questions/oracle.js'
import type { Question } from '../../bench/questions/question.js'
import { bihWorkload } from '../../bench/workloads/bih.js'
import { newMarket } from '../../bench/workloads/bih-market.js'
import { bihPopulation } from '../../bench/workloads/bih-population.js'
import { bihTables } from '../../bench/workloads/bih-tables.js'
import { nextTransaction, transactionShares } from '../../bench/workloads/bih-transactions.js'
import { historyTax } from '../../bench/workloads/history-tax.js'
import { ordersWorkload } from '../../bench/workloads/orders.js'
import { scansWorkload } from '../../bench/workloads/scans.js'
import { randomNumbers, shuffled, zipfRanks } from '../../bench/workloads/random.js'
import { foldedHistory, type History } from '../../bench/workloads/versions.js'
import {
  asPatch,
  type Change,
  type Commit,
  type Document,
  type TableShape,
  type Value,
  type Workload
} from '../../bench/workloads/workload.js'
import { open } from '../../src/index.js'
import { refused, temporaryDirectory } from '../api/_temporary.js'

const COMMITS_HASHED = 150

function hashOf({ commits }: Workload): string {
  const hash = createHash('sha256')
  let count = 0
  for (const commit of commits()) {
    hash.update(JSON.stringify(commit))
    if (++count === COMMITS_HASHED) break
  }
  return hash.digest('hex').slice(0, 16)
}

// Figures of two versions of DriftDB compare only if both ran the same workload: a new hash is a new benchmark.
for (const [workload, hash] of [
  [ordersWorkload(20_000), '894593faa012e4ae'],
  [scansWorkload(20_000), '9f1bebcaad119e47'],
  [historyTax(2), 'd9262eb290bb6ac9'],
  [bihWorkload(1000), '583a915b9c4413ac']
] as const) {
  test(`the workload ${workload.name} is the same as ever, and twice the same`, (t) => {
    t.is(hashOf(workload), hash)
    t.is(hashOf(workload), hash)
  })
}

for (const workload of [ordersWorkload(20_000), scansWorkload(20_000), historyTax(2), bihWorkload(2000)]) {
  test(`the workload ${workload.name} inserts what is not there, changes what is, each key once a commit, and never to what it was`, (t) => {
    const { tables, eventCount } = foldedHistory(workload)
    let idle = 0
    let versionCount = 0
    for (const { shape, keys } of tables.values()) {
      for (const versions of keys.values()) {
        versionCount += versions.length
        for (const [index, { from, to, document }] of versions.entries()) {
          if (versions[index - 1]?.to === from && JSON.stringify(versions[index - 1]?.document) === JSON.stringify(document)) idle++
          if (to <= from || Object.keys(document).length !== shape.columns.length) t.fail(`${shape.name}: ${JSON.stringify(document)}`)
        }
      }
    }
    t.is(idle, 0)
    t.true(versionCount > eventCount * 0.8)
  })
}

test('the fold refuses a commit that changes a key twice, and changes that cannot be', (t) => {
  const insert = change('insert', 'a', { kind: 'red', amount: 1 })
  const patch = change('patch', 'a', { amount: 2 })
  const remove = change('delete', 'a')
  t.throws(() => historyOf([tiny], [[insert, patch]]), { message: /changes a twice/ })
  t.throws(() => historyOf([tiny], [[insert], [remove, insert]]), { message: /changes a twice/ })
  t.throws(() => historyOf([tiny], [[insert], [insert]]), { message: /cannot insert a/ })
  t.throws(() => historyOf([tiny], [[patch]]), { message: /cannot patch a/ })
  t.throws(() => historyOf([tiny], [[insert], [remove], [remove]]), { message: /cannot delete a/ })
})

test('BiH: transactions come in the shares that they should', (t) => {
  const market = newMarket()
  let rows = 0
  for (const { kind } of bihPopulation(market)) if (kind === 'insert') rows++
  t.true(rows > 85_000 && rows < 88_000, `${rows} rows`)
  const total = 20_000
  const counts = new Map<string, number>()
  for (let index = 0; index < total; index++) {
    const { kind, changes } = nextTransaction(market, 0)
    if (changes.length === 0) t.fail(`${kind} changes nothing`)
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  t.is(counts.size, transactionShares.length)
  for (const [kind, share] of transactionShares) {
    const expected = (total * share) / 1000
    const found = counts.get(kind) ?? 0
    // Four standard deviations of a binomial.
    t.true(Math.abs(found - expected) < 4 * Math.sqrt(expected), `${kind}: ${found}, not about ${expected}`)
  }
})

test('the order desk inserts, patches and deletes in the shares that it should', (t) => {
  const events = 50_000
  const counts = { insert: 0, patch: 0, upsert: 0, delete: 0 }
  for (const commit of ordersWorkload(events).commits()) for (const { kind } of commit) counts[kind]++
  const later = events * 0.9
  t.true(Math.abs(counts.insert - events * 0.1 - later * 0.15) < later * 0.01, `${counts.insert} inserts`)
  t.true(Math.abs(counts.patch - later * 0.83) < later * 0.01, `${counts.patch} patches`)
  t.true(Math.abs(counts.delete - later * 0.02) < later * 0.005, `${counts.delete} deletes`)
})

test('the sales are inserted, patched, replaced and deleted in the shares that they should, in commits of one size', (t) => {
  const events = 50_000
  const workload = scansWorkload(events)
  const counts = { insert: 0, patch: 0, upsert: 0, delete: 0 }
  for (const commit of workload.commits()) {
    if (commit.length !== 1000) t.fail(`a commit of ${commit.length} events`)
    for (const { kind } of commit) counts[kind]++
  }
  t.is(counts.insert, events / 5)
  const others = events - counts.insert
  t.true(Math.abs(counts.delete - others * 0.01) < others * 0.003, `${counts.delete} deletes`)
  t.true(Math.abs(counts.upsert - others * 0.1) < others * 0.01, `${counts.upsert} upserts`)
  const documents = [...(foldedHistory(workload).tables.get('sales')?.keys.values() ?? [])].flat().map(({ document }) => document)
  const distinct = (column: string) => new Set(documents.map((document) => document[column])).size
  t.is(distinct('status') * distinct('country'), 96)
  t.is(distinct('amount'), documents.length)
  t.true(distinct('note') > (counts.insert + counts.upsert) * 0.95, `${distinct('note')} notes`)
  t.true(documents.every(({ price }) => Number.isInteger(Number(price) * 4)) && documents.some(({ price }) => !Number.isInteger(price)))
  for (const wrong of [5000, 20_500, 20_000_000]) t.throws(() => scansWorkload(wrong), { instanceOf: RangeError })
})

test('an upsert replaces the row; as a patch it sets every field but the key', (t) => {
  const upsert = change('upsert', 'a', { kind: 'blue', amount: 7 })
  const history = historyOf([tiny], [[change('insert', 'a', { kind: 'red', amount: 1 })], [upsert]])
  t.deepEqual(history.tables.get('stock')?.keys.get('a'), [
    { from: 1, to: 2, document: { id: 'a', kind: 'red', amount: 1 } },
    { from: 2, to: Infinity, document: { id: 'a', kind: 'blue', amount: 7 } }
  ])
  t.deepEqual(asPatch(upsert, tiny), change('patch', 'a', { kind: 'blue', amount: 7 }))
  const patch = change('patch', 'a', { amount: 2 })
  t.deepEqual<Change, Change>(asPatch(patch, tiny), patch)
  t.throws(() => historyOf([tiny], [[upsert]]), { message: /cannot upsert a/ })
})

test('Zipf ranks lie in their range, and their shares fall as 1 / rank^skew', (t) => {
  const count = 1000
  const skew = 0.9
  const draws = 200_000
  const rank = zipfRanks(count, skew, randomNumbers(7))
  const found = Array.from({ length: count }, () => 0)
  for (let draw = 0; draw < draws; draw++) {
    const chosen = rank()
    if (!(Number.isInteger(chosen) && chosen >= 0 && chosen < count)) t.fail(`rank ${chosen}`)
    found[chosen] = (found[chosen] ?? 0) + 1
  }
  const zeta = found.reduce((sum, _, index) => sum + 1 / (index + 1) ** skew, 0)
  const share = (from: number, to: number) => found.slice(from, to).reduce((sum, times) => sum + times, 0) / draws
  const right = (from: number, to: number) =>
    found.slice(from, to).reduce((sum, _, index) => sum + 1 / (from + index + 1) ** skew / zeta, 0)
  for (const [from, to] of [
    [0, 1],
    [1, 2],
    [2, 10],
    [10, 100],
    [100, 1000]
  ] as const) {
    const ratio = share(from, to) / right(from, to)
    t.true(ratio > 0.85 && ratio < 1.15, `ranks ${from} to ${to}: ${ratio} of their share`)
  }
})

test('a shuffle keeps all values, and one seed gives one order', (t) => {
  const values = Array.from({ length: 100 }, (_, index) => index)
  const once = shuffled(values, randomNumbers(3))
  t.deepEqual(once, shuffled(values, randomNumbers(3)))
  t.notDeepEqual(once, values)
  t.deepEqual(
    once.toSorted((a, b) => a - b),
    values
  )
})

const tiny: TableShape = {
  name: 'stock',
  key: 'id',
  columns: [
    { name: 'id', type: 'text' },
    { name: 'kind', type: 'text' },
    { name: 'amount', type: 'integer' }
  ],
  indexes: []
}

function change(kind: Change['kind'], key: Value, set: Document = {}, { name: table, key: column } = tiny): Change {
  if (kind === 'insert' || kind === 'upsert') return { kind, table, document: { [column]: key, ...set } }
  return kind === 'patch' ? { kind, table, key, set } : { kind, table, key }
}

function historyOf(tables: readonly TableShape[], commits: readonly Commit[]): History {
  return foldedHistory({ name: 'tiny', title: '', tables, commits: () => commits })
}

const desk = historyOf(
  [tiny],
  [
    [change('insert', 'a', { kind: 'red', amount: 10 }), change('insert', 'b', { kind: 'blue', amount: 20 })],
    [change('patch', 'a', { amount: 30 }), change('insert', 'c', { kind: 'red', amount: 5 })],
    [change('delete', 'b'), change('patch', 'c', { kind: 'blue' })],
    [change('insert', 'b', { kind: 'red', amount: 5 })]
  ]
)
const table = 'stock'
const column = 'amount'
const a1 = { id: 'a', kind: 'red', amount: 10 }
const a2 = { id: 'a', kind: 'red', amount: 30 }
const b1 = { id: 'b', kind: 'blue', amount: 20 }
const b2 = { id: 'b', kind: 'red', amount: 5 }
const c1 = { id: 'c', kind: 'red', amount: 5 }
const c2 = { id: 'c', kind: 'blue', amount: 5 }

const byHand: readonly (readonly [question: Question, answer: unknown])[] = [
  [{ kind: 'get', table, key: 'a' }, a2],
  [{ kind: 'get', table, key: 'a', at: 1 }, a1],
  [{ kind: 'get', table, key: 'b', at: 2 }, b1],
  [{ kind: 'get', table, key: 'b', at: 3 }, undefined],
  [{ kind: 'get', table, key: 'c', at: 1 }, undefined],
  [
    { kind: 'history', table, key: 'a' },
    [
      [1, 2, a1],
      [2, null, a2]
    ]
  ],
  [
    { kind: 'history', table, key: 'b' },
    [
      [1, 3, b1],
      [4, null, b2]
    ]
  ],
  [{ kind: 'history', table, key: 'a', last: 1 }, [[2, null, a2]]],
  [{ kind: 'history', table, key: 'b', from: 2, to: 3 }, [[1, 3, b1]]],
  [{ kind: 'history', table, key: 'b', from: 3, to: 3 }, []],
  [
    { kind: 'sum', table, column },
    { count: 3, sum: 40 }
  ],
  [
    { kind: 'sum', table, column, at: 2 },
    { count: 3, sum: 55 }
  ],
  [
    { kind: 'sum', table, column, at: 3 },
    { count: 2, sum: 35 }
  ],
  [
    { kind: 'group', table, by: ['kind'], column, at: 2 },
    [
      { kind: 'red', count: 2, sum: 35 },
      { kind: 'blue', count: 1, sum: 20 }
    ]
  ],
  [
    { kind: 'series', table, by: ['kind'], column, points: [1, 3] },
    [
      { point: 1, kind: 'red', count: 1, sum: 10 },
      { point: 1, kind: 'blue', count: 1, sum: 20 },
      { point: 3, kind: 'red', count: 1, sum: 30 },
      { point: 3, kind: 'blue', count: 1, sum: 5 }
    ]
  ],
  [{ kind: 'filter', table, column, below: 10 }, [b2, c2]],
  [{ kind: 'filter', table, column, below: 11, at: 1 }, [a1]],
  [{ kind: 'filter', table, column, from: 5, below: 30, at: 2 }, [b1, c1]],
  [{ kind: 'lookup', table, column: 'kind', value: 'red', at: 2 }, [a2, c1]],
  [{ kind: 'lookup', table, column: 'kind', value: 'blue' }, [c2]],
  [
    { kind: 'top', table, column, count: 2, at: 2 },
    [
      { key: 'a', value: 30 },
      { key: 'b', value: 20 }
    ]
  ],
  [
    { kind: 'top', table, column, count: 3 },
    [
      { key: 'a', value: 30 },
      { key: 'b', value: 5 },
      { key: 'c', value: 5 }
    ]
  ],
  [
    { kind: 'changes', table, from: 1, to: 3 },
    [
      ['a', 'update'],
      ['b', 'delete'],
      ['c', 'insert']
    ]
  ],
  [
    { kind: 'changes', table, from: 2, to: 4 },
    [
      ['b', 'update'],
      ['c', 'update']
    ]
  ],
  [{ kind: 'changes', table, from: 4, to: 4 }, []],
  [{ kind: 'change-counts', table, from: 2, to: 4 }, [{ change: 'update', count: 2 }]],
  [
    { kind: 'change-counts', table, from: 1, to: 3 },
    [
      { change: 'insert', count: 1 },
      { change: 'update', count: 1 },
      { change: 'delete', count: 1 }
    ]
  ]
]

for (const [question, answer] of byHand) {
  test(`the oracle answers ${JSON.stringify(question)} as a person does`, (t) => {
    t.is(canonicalAnswer(question, rightAnswer(desk, question)), canonicalAnswer(question, answer))
  })
}

function of(name: string): (kind: Change['kind'], key: number, set?: Document) => Change {
  const shape = bihTables.find((one) => one.name === name)
  return (kind, key, set) => change(kind, key, set, shape)
}

const region = of('region')
const nation = of('nation')
const supplier = of('supplier')
const customer = of('customer')
const stock = of('partsupp')
const order = of('orders')
const line = of('lineitem')

const market = historyOf(bihTables, [
  [
    region('insert', 1, { r_name: 'AMERICA' }),
    region('insert', 2, { r_name: 'ASIA' }),
    nation('insert', 3, { n_name: 'CANADA', n_regionkey: 1 }),
    nation('insert', 8, { n_name: 'INDIA', n_regionkey: 2 }),
    supplier('insert', 2, { s_nationkey: 8 }),
    supplier('insert', 3, { s_nationkey: 3 }),
    customer('insert', 1, { c_name: 'Ada', c_nationkey: 8, c_acctbal: -50, c_mktsegment: 'BUILDING' }),
    customer('insert', 2, { c_name: 'Ben', c_nationkey: 3, c_acctbal: 80, c_mktsegment: 'MACHINERY' }),
    stock('insert', 1002, { ps_suppkey: 2, ps_availqty: 10, ps_supplycost: 1000 }),
    stock('insert', 1003, { ps_suppkey: 3, ps_availqty: 5, ps_supplycost: 1000 })
  ],
  [
    order('insert', 1, { o_custkey: 1, o_orderstatus: 'O', o_totalprice: 100, o_orderdate: 50 }),
    line('insert', 9, { ...lineOf(1, 2, 3, 1000), l_discount: 6, l_tax: 5, l_shipdate: 100, l_shipmode: 'AIR' }),
    line('insert', 10, { ...lineOf(1, 3, 30, 2000), l_discount: 10, l_tax: 0, l_shipdate: 300, l_shipmode: 'AIR' })
  ],
  [order('insert', 2, { o_custkey: 2, o_orderstatus: 'O', o_totalprice: 40, o_orderdate: 60 }), stock('patch', 1002, { ps_availqty: 4 })],
  [order('patch', 1, { o_orderstatus: 'F' }), customer('patch', 1, { c_acctbal: 20 })],
  [
    customer('patch', 2, { c_acctbal: -10 }),
    stock('patch', 1003, { ps_supplycost: 1080 }),
    // Just 7.5 % is not more than that.
    stock('patch', 1002, { ps_supplycost: 1075 })
  ],
  [order('patch', 1, { o_orderstatus: 'P' }), stock('patch', 1003, { ps_availqty: 6 })],
  [order('delete', 2)],
  [stock('patch', 1002, { ps_supplycost: 1200 })]
])

function lineOf(orderKey: number, supplierKey: number, quantity: number, price: number): Document {
  return {
    l_orderkey: orderKey,
    l_suppkey: supplierKey,
    l_quantity: quantity,
    l_extendedprice: price,
    l_returnflag: 'N',
    l_linestatus: 'O'
  }
}

const statementsByHand: readonly (readonly [id: string, points: readonly number[], parameters: readonly number[], answer: unknown])[] = [
  ['T1', [5], [], [{ stocks: 2, cost: 2155 }]],
  ['T2', [3], [], [{ orders: 2, total: 140 }]],
  ['T5', [], [], [{ versions: 4, total: 340 }]],
  ['T6', [2], [], [{ l_shipmode: 'AIR', l_linestatus: 'O', items: 2, quantity: 33, dearest: 2000 }]],
  ['T7', [], [], [{ o_orderstatus: 'P', orders: 1, total: 100 }]],
  [
    'T7',
    [4],
    [],
    [
      { o_orderstatus: 'F', orders: 1, total: 100 },
      { o_orderstatus: 'O', orders: 1, total: 40 }
    ]
  ],
  [
    'Q1',
    [2],
    [300],
    [{ l_returnflag: 'N', l_linestatus: 'O', items: 2, quantity: 33, price: 3000, discounted: 274_000, charged: 27_870_000 }]
  ],
  [
    'Q1',
    [2],
    [299],
    [{ l_returnflag: 'N', l_linestatus: 'O', items: 1, quantity: 3, price: 1000, discounted: 94_000, charged: 9_870_000 }]
  ],
  ['Q3', [2], [200], [{ l_orderkey: 1, o_orderdate: 50, revenue: 180_000 }]],
  ['Q3', [2], [50], []],
  ['Q5', [2], [0], [{ n_name: 'INDIA', revenue: 94_000 }]],
  ['Q5', [2], [51], []],
  ['Q6', [2], [0], [{ revenue: 6000 }]],
  ['Q6', [1], [0], [{ revenue: null }]],
  [
    'K3',
    [],
    [1],
    [
      { began: 1, c_acctbal: -50 },
      { began: 4, c_acctbal: 20 }
    ]
  ],
  ['K5', [], [1], [{ began: 1, c_custkey: 1, c_name: 'Ada', c_acctbal: -50 }]],
  [
    'K6',
    [],
    [0],
    [
      { began: 1, c_custkey: 1, c_acctbal: -50 },
      { began: 5, c_custkey: 2, c_acctbal: -10 }
    ]
  ],
  [
    'R1',
    [3, 6],
    [],
    [
      { status_before: 'O', status_after: 'F', changes: 1 },
      { status_before: 'F', status_after: 'P', changes: 1 }
    ]
  ],
  ['R1', [4, 5], [], []],
  [
    'R2',
    [8],
    [],
    [
      { o_orderstatus: 'O', states: 2, duration: 6, longest: 4 },
      { o_orderstatus: 'F', states: 1, duration: 2, longest: 2 }
    ]
  ],
  ['R3-changes', [1, 8], [], [{ changes: 4, least: 0, most: 140 }]],
  ['R3-changes', [3, 6], [], [{ changes: 1, least: 40, most: 40 }]],
  [
    'R4',
    [],
    [],
    [
      { ps_key: 1003, versions: 3, difference: 1 },
      { ps_key: 1002, versions: 4, difference: 6 }
    ]
  ],
  ['R5', [], [0, 30], [{ pairs: 2, customers: 2, total: 140 }]],
  ['R5', [], [0, 40], [{ pairs: 1, customers: 1, total: 100 }]],
  ['R5', [], [-60, 0], [{ pairs: 0, customers: 0, total: null }]],
  [
    'R6',
    [3, 6],
    [],
    [
      { moment: 3, c_mktsegment: 'BUILDING', orders: 1, total: 100 },
      { moment: 3, c_mktsegment: 'MACHINERY', orders: 1, total: 40 },
      { moment: 6, c_mktsegment: 'MACHINERY', orders: 1, total: 40 }
    ]
  ],
  [
    'R7',
    [],
    [],
    [
      { ps_suppkey: 2, raises: 1 },
      { ps_suppkey: 3, raises: 1 }
    ]
  ]
]

for (const [id, points, parameters, answer] of statementsByHand) {
  test(`the oracle answers ${id} at ${JSON.stringify(points)} with ${JSON.stringify(parameters)} as a person does`, (t) => {
    const question: Question = { kind: 'statement', id, points, parameters }
    t.is(canonicalAnswer(question, rightAnswer(market, question)), canonicalAnswer(question, answer))
  })
}

test('BiH: DriftQL says the statements that it should, and cannot say the others yet', async (t) => {
  const db = await open(temporaryDirectory(t))
  for (const { name, key } of bihTables) await db.createTable(name, { primaryKey: key })
  const at = (name: string, point: number) => `${name} FOR SYSTEM_TIME AS OF @seq:${point}`
  for (const id of bihStatementIds) {
    const statement = bihStatement({ kind: 'statement', id, points: [1, 2], parameters: [10, 20] })
    if (statement.driftQL === undefined) {
      const text = statement.sql({ at, now: (name) => name, all: (name) => `${name} FOR SYSTEM_TIME ALL` })
      await refused(t, async () => db.prepare(text).all([]), 'DRIFT_SYNTAX')
    } else {
      const text = statement.driftQL(
        (name, point) => (point === undefined ? name : at(name, point)),
        (commit) => commit
      )
      await t.notThrowsAsync(async () => db.prepare(text).all([]), id)
    }
  }
  await db.close()
})

test('BiH: the oracle knows every statement', (t) => {
  for (const id of bihStatementIds) {
    t.notThrows(() => rightAnswer(market, { kind: 'statement', id, points: [1, 2], parameters: [1, 2] }), id)
    t.true(
      statementsByHand.some(([one]) => one === id),
      `${id} has an answer by hand`
    )
  }
})
