/** The business of the BiH workload: nine kinds of transactions, one commit each. */
import {
  newCustomer,
  newOrder,
  oneOf,
  priorities,
  returnFlag,
  SUPPLIERS,
  SUPPLIERS_PER_PART,
  PARTS,
  stockOf,
  type Market,
  type OrderState
} from './bih-market.js'
import { lineitemKey } from './bih-tables.js'
import type { Random } from './random.js'
import type { Change, Document, Value } from './workload.js'

export type TransactionKind =
  | 'new order'
  | 'cancel order'
  | 'deliver order'
  | 'receive payment'
  | 'update stock'
  | 'delay availability'
  | 'change price by supplier'
  | 'update supplier'
  | 'manipulate order data'

/** Of 1,000 transactions, after TPC-BiH. */
export const transactionShares: readonly (readonly [kind: TransactionKind, share: number])[] = [
  ['new order', 300],
  ['cancel order', 100],
  ['deliver order', 200],
  ['receive payment', 200],
  ['update stock', 50],
  ['delay availability', 50],
  ['change price by supplier', 50],
  ['update supplier', 49],
  ['manipulate order data', 1]
]

export type Transaction = { readonly kind: TransactionKind; readonly changes: readonly Change[] }

export function nextTransaction(market: Market, day: number): Transaction {
  const kind = nextKind(market)
  return { kind, changes: changesOf(market, kind, day) }
}

function nextKind({ random, open, delivered }: Market): TransactionKind {
  let dice = random(1000)
  let chosen: TransactionKind = 'new order'
  for (const [kind, share] of transactionShares) {
    if (dice < share) {
      chosen = kind
      break
    }
    dice -= share
  }
  // Where there is no order to work on, one comes in. As many come as go, so that this is rare.
  const needsOpen = chosen === 'cancel order' || chosen === 'deliver order' || chosen === 'manipulate order data'
  return (needsOpen && open.length === 0) || (chosen === 'receive payment' && delivered.length === 0) ? 'new order' : chosen
}

function changesOf(market: Market, kind: TransactionKind, day: number): Change[] {
  const { random } = market
  switch (kind) {
    case 'new order':
      return orderOfACustomer(market, day)
    case 'cancel order': {
      const key = taken(market.open, random)
      const { lines } = orderState(market, key)
      market.orders.delete(key)
      return [
        { kind: 'delete', table: 'orders', key },
        ...linesOf(key, lines).map((line): Change => ({ kind: 'delete', table: 'lineitem', key: line }))
      ]
    }
    case 'deliver order': {
      const key = taken(market.open, random)
      market.delivered.push(key)
      const set = { l_linestatus: 'F', l_returnflag: returnFlag(random), l_receiptdate: day }
      const lines = linesOf(key, orderState(market, key).lines)
      return [patch('orders', key, { o_orderstatus: 'F' }), ...lines.map((line) => patch('lineitem', line, set))]
    }
    case 'receive payment': {
      const key = taken(market.delivered, random)
      const { customer, total } = orderState(market, key)
      market.orders.delete(key)
      return [patch('orders', key, { o_orderstatus: 'P' }), balanceChange(market, customer, total)]
    }
    case 'update stock': {
      const stock = market.hotStock()
      const quantity = another(market.quantities[stock], 1 + random(9999))
      market.quantities[stock] = quantity
      return [patch('partsupp', stockOf(stock).key, { ps_availqty: quantity })]
    }
    case 'delay availability': {
      const part = Math.floor(market.hotStock() / SUPPLIERS_PER_PART) % PARTS
      const delayed = Math.max(day, market.availability[part] ?? 0) + 1 + random(60)
      market.availability[part] = delayed
      return [patch('part', part + 1, { p_availdate: delayed })]
    }
    case 'change price by supplier': {
      const stock = market.hotStock()
      const before = market.costs[stock] ?? 0
      // From 10 % less to 15 % more; never so low that a percent is less than a cent.
      const cost = another(before, Math.max(100, Math.floor((before * (900 + random(251))) / 1000)))
      market.costs[stock] = cost
      return [patch('partsupp', stockOf(stock).key, { ps_supplycost: cost })]
    }
    case 'update supplier': {
      const supplier = random(SUPPLIERS)
      const balance = (market.supplierBalances[supplier] ?? 0) + 1 + random(100_000)
      market.supplierBalances[supplier] = balance
      return [patch('supplier', supplier + 1, { s_acctbal: balance, s_address: `dock ${random(100_000)}` })]
    }
    case 'manipulate order data': {
      const key = market.open[random(market.open.length)] ?? 0
      const order = orderState(market, key)
      order.total += 1 + random(10_000)
      return [patch('orders', key, { o_totalprice: order.total, o_orderpriority: oneOf(random, priorities) })]
    }
  }
}

/** Half of them are of a new customer. */
function orderOfACustomer(market: Market, day: number): Change[] {
  if (market.random(2) === 0) {
    const customer = newCustomer(market)
    return [customer, ...newOrder(market, market.balances.length, day, 'O').changes]
  }
  const customer = market.hotCustomer() + 1
  const { changes, total } = newOrder(market, customer, day, 'O')
  return [balanceChange(market, customer, -total), ...changes]
}

function balanceChange({ balances }: Market, customer: number, amount: number): Change {
  const balance = (balances[customer - 1] ?? 0) + amount
  balances[customer - 1] = balance
  return patch('customer', customer, { c_acctbal: balance })
}

function orderState({ orders }: Market, key: number): OrderState {
  const state = orders.get(key)
  if (state === undefined) throw new Error(`no order ${key}`)
  return state
}

function linesOf(order: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => lineitemKey(order, index + 1))
}

/** A value other than the one before, so that a patch always changes its row. */
function another(before: number | undefined, value: number): number {
  return value === before ? value + 1 : value
}

function taken(keys: number[], random: Random): number {
  const at = random(keys.length)
  const key = keys[at] ?? 0
  keys[at] = keys.at(-1) ?? 0
  keys.pop()
  return key
}

function patch(table: string, key: Value, set: Document): Change {
  return { kind: 'patch', table, key, set }
}
