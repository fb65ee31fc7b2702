/** What the generator of the BiH workload remembers of the rows that it made: what later transactions need, and no more. */
import { randomNumbers, zipfRanks, type Random } from './random.js'
import type { Change } from './workload.js'
import { lineitemKey, partsuppKey } from './bih-tables.js'

export const SUPPLIERS = 100
export const CUSTOMERS = 1500
export const PARTS = 2000
export const SUPPLIERS_PER_PART = 4
const LINES_MAX = 7
const SKEW = 0.9
/** The day of the load; the days of the stream come after it. */
export const TODAY = 2406

export type OrderState = { readonly customer: number; readonly lines: number; total: number }

export type Market = {
  readonly random: Random
  /** A few customers and stocks are in most of the transactions. */
  readonly hotCustomer: () => number
  readonly hotStock: () => number
  /** `c_acctbal` by customer; customers are numbered from 1. */
  readonly balances: number[]
  readonly supplierBalances: number[]
  readonly quantities: number[]
  readonly costs: number[]
  readonly availability: number[]
  /** Orders that may still be cancelled, delivered or paid. */
  readonly orders: Map<number, OrderState>
  /** Keys of orders that are not delivered, and of those that are delivered and not paid; in no order. */
  readonly open: number[]
  readonly delivered: number[]
  lastOrder: number
}

export function newMarket(): Market {
  const random = randomNumbers(29)
  return {
    random,
    hotCustomer: scattered(CUSTOMERS, random),
    hotStock: scattered(PARTS * SUPPLIERS_PER_PART, random),
    balances: [],
    supplierBalances: [],
    quantities: [],
    costs: [],
    availability: [],
    orders: new Map(),
    open: [],
    delivered: [],
    lastOrder: 0
  }
}

/** The hot ones lie anywhere in the order of keys. */
function scattered(count: number, random: Random): () => number {
  const rank = zipfRanks(count, SKEW, random)
  return () => (rank() * 7919 + 13) % count
}

/** Part and supplier of a stock, 0 to 7,999: TPC-H's spread of the four suppliers of a part. */
export function stockOf(index: number): { readonly part: number; readonly supplier: number; readonly key: number } {
  const part = Math.floor(index / SUPPLIERS_PER_PART) + 1
  const step = SUPPLIERS / SUPPLIERS_PER_PART + Math.floor((part - 1) / SUPPLIERS)
  const supplier = ((part + (index % SUPPLIERS_PER_PART) * step) % SUPPLIERS) + 1
  return { part, supplier, key: partsuppKey(part, supplier) }
}

export function retailPrice(part: number): number {
  return 90_000 + (Math.floor(part / 10) % 20_001) + 100 * (part % 1000)
}

const words = [
  'quick',
  'silent',
  'regular',
  'final',
  'bold',
  'even',
  'ironic',
  'pending',
  'express',
  'special',
  'packages',
  'requests',
  'deposits'
]
const instructions = ['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN']
const modes = ['AIR', 'FOB', 'MAIL', 'RAIL', 'REG AIR', 'SHIP', 'TRUCK']
export const priorities = ['1-URGENT', '2-HIGH', '3-MEDIUM', '4-NOT SPECIFIED', '5-LOW']
const segments = ['AUTOMOBILE', 'BUILDING', 'FURNITURE', 'HOUSEHOLD', 'MACHINERY']

export function oneOf(random: Random, values: readonly string[]): string {
  return values[random(values.length)] ?? ''
}

export function comment(random: Random): string {
  return `${oneOf(random, words)} ${oneOf(random, words)} ${oneOf(random, words)} ${oneOf(random, words)}`
}

export function phone(random: Random, nation: number): string {
  return `${10 + nation}-${100 + random(900)}-${100 + random(900)}-${1000 + random(9000)}`
}

/** A customer of the next number. */
export function newCustomer(market: Market): Change {
  const { random, balances } = market
  const nation = random(25)
  const balance = random(1_099_999) - 99_999
  const key = balances.push(balance)
  return {
    kind: 'insert',
    table: 'customer',
    document: {
      c_custkey: key,
      c_name: `Customer#${String(key).padStart(9, '0')}`,
      c_address: `${oneOf(random, words)} street ${random(1000)}`,
      c_nationkey: nation,
      c_phone: phone(random, nation),
      c_acctbal: balance,
      c_mktsegment: oneOf(random, segments),
      c_comment: comment(random)
    }
  }
}

export type OrderStatus = 'O' | 'F' | 'P'

/** An order of the next number and its 1 to 7 lines. */
export function newOrder(
  market: Market,
  customer: number,
  day: number,
  status: OrderStatus
): { readonly changes: Change[]; readonly total: number } {
  const { random } = market
  const key = ++market.lastOrder
  const lines = Array.from({ length: 1 + random(LINES_MAX) }, (_, index) => newLine(market, key, index + 1, day, status))
  const total = lines.reduce((sum, { price }) => sum + price, 0)
  const order: Change = {
    kind: 'insert',
    table: 'orders',
    document: {
      o_orderkey: key,
      o_custkey: customer,
      o_orderstatus: status,
      o_totalprice: total,
      o_orderdate: day,
      o_orderpriority: oneOf(random, priorities),
      o_clerk: `Clerk#${String(1 + random(100)).padStart(9, '0')}`,
      o_shippriority: 0,
      o_comment: comment(random)
    }
  }
  if (status !== 'P') market.orders.set(key, { customer, lines: lines.length, total })
  if (status === 'O') market.open.push(key)
  if (status === 'F') market.delivered.push(key)
  return { changes: [order, ...lines.map(({ change }) => change)], total }
}

function newLine(
  { random }: Market,
  order: number,
  line: number,
  day: number,
  status: OrderStatus
): { readonly change: Change; readonly price: number } {
  const { part, supplier } = stockOf(random(PARTS * SUPPLIERS_PER_PART))
  const quantity = 1 + random(50)
  const extended = quantity * retailPrice(part)
  const discount = random(11)
  const tax = random(9)
  const shipped = day + 1 + random(121)
  const change: Change = {
    kind: 'insert',
    table: 'lineitem',
    document: {
      l_key: lineitemKey(order, line),
      l_orderkey: order,
      l_partkey: part,
      l_suppkey: supplier,
      l_linenumber: line,
      l_quantity: quantity,
      l_extendedprice: extended,
      l_discount: discount,
      l_tax: tax,
      l_returnflag: status === 'O' ? 'N' : returnFlag(random),
      l_linestatus: status === 'O' ? 'O' : 'F',
      l_shipdate: shipped,
      l_commitdate: day + 30 + random(61),
      l_receiptdate: shipped + 1 + random(30),
      l_shipinstruct: oneOf(random, instructions),
      l_shipmode: oneOf(random, modes),
      l_comment: comment(random)
    }
  }
  return { change, price: Math.round((extended * (100 - discount) * (100 + tax)) / 10_000) }
}

export function returnFlag(random: Random): string {
  return random(2) === 0 ? 'A' : 'R'
}
