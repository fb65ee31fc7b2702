/** The right answers to the statements of the BiH workload, by plain loops over versions. */
import { versionAt, type History, type TableVersions, type Version } from '../workloads/versions.js'
import type { Document, Value } from '../workloads/workload.js'
import type { Question } from './question.js'

type Row = { [column: string]: Value | null }

export function statementAnswer(history: History, { id, points, parameters }: Question & { kind: 'statement' }): readonly Row[] {
  const [first = history.commitCount, second = history.commitCount] = points
  const [a = 0, b = 0] = parameters.map(Number)
  const slice = (table: string) => documentsOf(history, table, first)
  switch (id) {
    case 'T1':
      return [{ stocks: slice('partsupp').length, cost: sum(slice('partsupp'), 'ps_supplycost') }]
    case 'T2':
      return [{ orders: slice('orders').length, total: sum(slice('orders'), 'o_totalprice') }]
    case 'T5': {
      const documents = [...versionsOf(history, 'orders')].map(({ document }) => document)
      return [{ versions: documents.length, total: sum(documents, 'o_totalprice') }]
    }
    case 'T6':
      return groups(slice('lineitem'), ['l_shipmode', 'l_linestatus'], (rows) => ({
        items: rows.length,
        quantity: sum(rows, 'l_quantity'),
        dearest: most(rows, 'l_extendedprice')
      }))
    case 'T7':
      return groups(slice('orders'), ['o_orderstatus'], (rows) => ({ orders: rows.length, total: sum(rows, 'o_totalprice') }))
    case 'Q1':
      return pricingSummary(slice('lineitem'), a)
    case 'Q3':
      return notShipped(slice('customer'), slice('orders'), slice('lineitem'), a)
    case 'Q5':
      return localSuppliers(slice, a)
    case 'Q6':
      return [{ revenue: smallDiscounts(slice('lineitem'), a) }]
    case 'K3':
      return versionsOfKey(history, 'customer', a).map(({ from, document }) => ({ began: from, c_acctbal: document['c_acctbal'] ?? null }))
    case 'K5':
      return versionsOfKey(history, 'customer', a)
        .slice(-2, -1)
        .map(({ from, document }) => ({ began: from, ...picked(document, ['c_custkey', 'c_name', 'c_acctbal']) }))
    case 'K6':
      return [...versionsOf(history, 'customer')]
        .filter(({ document }) => number(document, 'c_acctbal') < a)
        .map(({ from, document }) => ({ began: from, ...picked(document, ['c_custkey', 'c_acctbal']) }))
    case 'R1':
      return statusChanges(history, first, second)
    case 'R2':
      return durations(history, first)
    case 'R3-changes':
      return openValues(history, first, second)
    case 'R4':
      return steadyStocks(history)
    case 'R5':
      return debtors(history, a, b)
    case 'R6':
      return points.flatMap((moment) => segmentsAt(history, moment))
    case 'R7':
      return priceRaisers(history)
    default:
      throw new Error(`no statement ${id}`)
  }
}

function pricingSummary(items: readonly Document[], day: number): Row[] {
  const shipped = items.filter((item) => number(item, 'l_shipdate') <= day)
  return groups(shipped, ['l_returnflag', 'l_linestatus'], (rows) => {
    let charged = 0
    for (const row of rows) charged += discounted(row) * (100 + number(row, 'l_tax'))
    return {
      items: rows.length,
      quantity: sum(rows, 'l_quantity'),
      price: sum(rows, 'l_extendedprice'),
      discounted: revenue(rows),
      charged
    }
  })
}

function notShipped(customers: readonly Document[], orders: readonly Document[], items: readonly Document[], day: number): Row[] {
  const builders = new Set(customers.filter((row) => row['c_mktsegment'] === 'BUILDING').map((row) => row['c_custkey']))
  const wanted = orders.filter((row) => builders.has(row['o_custkey']) && number(row, 'o_orderdate') < day)
  const late = grouped(
    items.filter((row) => number(row, 'l_shipdate') > day),
    ['l_orderkey']
  )
  return wanted
    .flatMap((order) => {
      const rows = late.get(JSON.stringify([order['o_orderkey']]))
      return rows === undefined
        ? []
        : [{ l_orderkey: number(order, 'o_orderkey'), o_orderdate: number(order, 'o_orderdate'), revenue: revenue(rows) }]
    })
    .toSorted((x, y) => y.revenue - x.revenue || x.l_orderkey - y.l_orderkey)
    .slice(0, 10)
}

function localSuppliers(slice: (table: string) => readonly Document[], day: number): Row[] {
  const region = slice('region').find((row) => row['r_name'] === 'ASIA')?.['r_regionkey']
  const names = new Map(
    slice('nation')
      .filter((row) => row['n_regionkey'] === region)
      .map((row) => [row['n_nationkey'], row['n_name'] ?? ''])
  )
  const supplierNation = new Map(slice('supplier').map((row) => [row['s_suppkey'], row['s_nationkey']]))
  const customerNation = new Map(slice('customer').map((row) => [row['c_custkey'], row['c_nationkey']]))
  const orderNation = new Map<Value | undefined, Value | undefined>()
  for (const order of slice('orders')) {
    const date = number(order, 'o_orderdate')
    if (date >= day && date < day + 365) orderNation.set(order['o_orderkey'], customerNation.get(order['o_custkey']))
  }
  const found = new Map<Value, number>()
  for (const item of slice('lineitem')) {
    const nation = orderNation.get(item['l_orderkey'])
    const name = names.get(nation)
    if (name === undefined || supplierNation.get(item['l_suppkey']) !== nation) continue
    found.set(name, (found.get(name) ?? 0) + discounted(item))
  }
  return [...found].map(([name, total]) => ({ n_name: name, revenue: total }))
}

/** Of no row at all it is null. */
function smallDiscounts(items: readonly Document[], day: number): number | null {
  let total: number | null = null
  for (const item of items) {
    const date = number(item, 'l_shipdate')
    const discount = number(item, 'l_discount')
    if (date < day || date >= day + 365 || discount < 5 || discount > 7 || number(item, 'l_quantity') >= 24) continue
    total = (total ?? 0) + number(item, 'l_extendedprice') * discount
  }
  return total
}

function statusChanges(history: History, from: number, to: number): Row[] {
  const changes: Document[] = []
  for (const versions of tableOf(history, 'orders').keys.values()) {
    for (const [index, version] of versions.entries()) {
      const before = versions[index - 1]?.document['o_orderstatus']
      const after = version.document['o_orderstatus'] ?? ''
      if (before === undefined || before === after || version.from <= from || version.from > to) continue
      changes.push({ status_before: before, status_after: after })
    }
  }
  return groups(changes, ['status_before', 'status_after'], (rows) => ({ changes: rows.length }))
}

/** A state is a run of versions of an order with one status; those that have ended count. */
function durations(history: History, end: number): Row[] {
  const spans: Document[] = []
  for (const versions of tableOf(history, 'orders').keys.values()) {
    let began = versions[0]?.from ?? 0
    for (const [index, { from, to, document }] of versions.entries()) {
      const status = document['o_orderstatus'] ?? ''
      if (versions[index - 1]?.document['o_orderstatus'] !== status) began = from
      if (versions[index + 1]?.document['o_orderstatus'] !== status && to <= end) spans.push({ o_orderstatus: status, span: to - began })
    }
  }
  return groups(spans, ['o_orderstatus'], (rows) => ({
    states: rows.length,
    duration: sum(rows, 'span'),
    longest: most(rows, 'span')
  }))
}

/** Walks through all commits and keeps the value of the open orders. */
function openValues(history: History, start: number, end: number): Row[] {
  const changes = new Map<number, number>()
  const add = (commit: number, value: number) => changes.set(commit, (changes.get(commit) ?? 0) + value)
  for (const { from, to, document } of versionsOf(history, 'orders')) {
    if (document['o_orderstatus'] !== 'O') continue
    add(from, number(document, 'o_totalprice'))
    if (to <= end) add(to, -number(document, 'o_totalprice'))
  }
  let value = 0
  const seen: number[] = []
  for (let commit = 1; commit <= history.commitCount; commit++) {
    const change = changes.get(commit)
    if (change === undefined) continue
    value += change
    if (commit > start) seen.push(value)
  }
  const sorted = seen.toSorted((x, y) => x - y)
  return [{ changes: seen.length, least: sorted[0] ?? null, most: sorted.at(-1) ?? null }]
}

function steadyStocks(history: History): Row[] {
  const found: { ps_key: number; versions: number; difference: number }[] = []
  for (const [key, versions] of tableOf(history, 'partsupp').keys) {
    const levels = versions.map(({ document }) => number(document, 'ps_availqty'))
    const difference = Math.max(...levels) - Math.min(...levels)
    if (difference > 0) found.push({ ps_key: Number(key), versions: levels.length, difference })
  }
  return found.toSorted((x, y) => x.difference - y.difference || x.ps_key - y.ps_key).slice(0, 10)
}

function debtors(history: History, balance: number, price: number): Row[] {
  let pairs = 0
  let total: number | null = null
  const customers = new Set<Value>()
  for (const order of versionsOf(history, 'orders')) {
    const value = number(order.document, 'o_totalprice')
    if (order.document['o_orderstatus'] !== 'O' || value <= price) continue
    const key = order.document['o_custkey'] ?? 0
    for (const customer of versionsOfKey(history, 'customer', key)) {
      if (number(customer.document, 'c_acctbal') >= balance || customer.from >= order.to || order.from >= customer.to) continue
      pairs++
      customers.add(key)
      total = (total ?? 0) + value
    }
  }
  return [{ pairs, customers: customers.size, total }]
}

function segmentsAt(history: History, moment: number): Row[] {
  const segments = new Map(documentsOf(history, 'customer', moment).map((row) => [row['c_custkey'], row['c_mktsegment'] ?? '']))
  const open = documentsOf(history, 'orders', moment).filter((row) => row['o_orderstatus'] === 'O')
  const joined = open.map((row) => ({
    moment,
    c_mktsegment: segments.get(row['o_custkey']) ?? '',
    o_totalprice: number(row, 'o_totalprice')
  }))
  return groups(joined, ['moment', 'c_mktsegment'], (rows) => ({ orders: rows.length, total: sum(rows, 'o_totalprice') }))
}

function priceRaisers(history: History): Row[] {
  const raises: Document[] = []
  for (const versions of tableOf(history, 'partsupp').keys.values()) {
    for (const [index, { document }] of versions.entries()) {
      const before = versions[index - 1]?.document
      if (before !== undefined && number(document, 'ps_supplycost') * 1000 > number(before, 'ps_supplycost') * 1075) raises.push(document)
    }
  }
  return groups(raises, ['ps_suppkey'], (rows) => ({ raises: rows.length }))
}

function tableOf(history: History, name: string): TableVersions {
  const table = history.tables.get(name)
  if (table === undefined) throw new Error(`no table ${name}`)
  return table
}

function* versionsOf(history: History, table: string): Generator<Version, void> {
  for (const versions of tableOf(history, table).keys.values()) yield* versions
}

function versionsOfKey(history: History, table: string, key: Value): readonly Version[] {
  return tableOf(history, table).keys.get(key) ?? []
}

function documentsOf(history: History, table: string, at: number): Document[] {
  const found: Document[] = []
  for (const versions of tableOf(history, table).keys.values()) {
    const version = versionAt(versions, at)
    if (version !== undefined) found.push(version.document)
  }
  return found
}

function groups(documents: readonly Document[], by: readonly string[], aggregates: (rows: readonly Document[]) => Row): Row[] {
  return [...grouped(documents, by).values()].map((rows) => ({ ...picked(rows[0] ?? {}, by), ...aggregates(rows) }))
}

/** By the JSON of the values of columns. */
function grouped(documents: readonly Document[], by: readonly string[]): ReadonlyMap<string, readonly Document[]> {
  const found = new Map<string, Document[]>()
  for (const document of documents) {
    const name = JSON.stringify(by.map((column) => document[column]))
    const group = found.get(name)
    if (group === undefined) found.set(name, [document])
    else group.push(document)
  }
  return found
}

function picked(document: Document, columns: readonly string[]): Row {
  return Object.fromEntries(columns.map((column): [string, Value | null] => [column, document[column] ?? null]))
}

function number(document: Document, column: string): number {
  return Number(document[column])
}

function sum(documents: readonly Document[], column: string): number {
  let total = 0
  for (const document of documents) total += number(document, column)
  return total
}

/** Of numbers that are not negative. */
function most(documents: readonly Document[], column: string): number {
  return documents.reduce((found, document) => Math.max(found, number(document, column)), 0)
}

function discounted(item: Document): number {
  return number(item, 'l_extendedprice') * (100 - number(item, 'l_discount'))
}

function revenue(items: readonly Document[]): number {
  let total = 0
  for (const item of items) total += discounted(item)
  return total
}
