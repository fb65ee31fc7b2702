import {
  comment,
  CUSTOMERS,
  newCustomer,
  newOrder,
  oneOf,
  PARTS,
  phone,
  retailPrice,
  stockOf,
  SUPPLIERS,
  SUPPLIERS_PER_PART,
  TODAY,
  type Market
} from './bih-market.js'
import type { Change, Document } from './workload.js'

const ORDERS = 15_000
const regions = ['AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST']
/** Each with its region. */
const nations: readonly (readonly [name: string, region: number])[] = [
  ['ALGERIA', 0],
  ['ARGENTINA', 1],
  ['BRAZIL', 1],
  ['CANADA', 1],
  ['EGYPT', 4],
  ['ETHIOPIA', 0],
  ['FRANCE', 3],
  ['GERMANY', 3],
  ['INDIA', 2],
  ['INDONESIA', 2],
  ['IRAN', 4],
  ['IRAQ', 4],
  ['JAPAN', 2],
  ['JORDAN', 4],
  ['KENYA', 0],
  ['MOROCCO', 0],
  ['MOZAMBIQUE', 0],
  ['PERU', 1],
  ['CHINA', 2],
  ['ROMANIA', 3],
  ['SAUDI ARABIA', 4],
  ['VIETNAM', 2],
  ['RUSSIA', 3],
  ['UNITED KINGDOM', 3],
  ['UNITED STATES', 1]
]
const colours = ['almond', 'azure', 'blush', 'coral', 'forest', 'ghost', 'ivory', 'linen', 'navy', 'plum', 'snow', 'wheat']
const finishes = ['ANODIZED', 'BURNISHED', 'PLATED', 'POLISHED', 'BRUSHED']
const metals = ['TIN', 'NICKEL', 'BRASS', 'STEEL', 'COPPER']
const containers = ['SM CASE', 'LG BOX', 'MED BAG', 'JUMBO JAR', 'WRAP PACK']

/** What there is before the first transaction: TPC-H at scale 0.01, about 86,600 rows, an order before its lines. */
export function* bihPopulation(market: Market): Generator<Change, void> {
  const { random } = market
  for (const [key, name] of regions.entries()) yield insert('region', { r_regionkey: key, r_name: name, r_comment: comment(random) })
  for (const [key, [name, region]] of nations.entries()) {
    yield insert('nation', { n_nationkey: key, n_name: name, n_regionkey: region, n_comment: comment(random) })
  }
  for (let key = 1; key <= SUPPLIERS; key++) yield supplier(market, key)
  for (let customer = 0; customer < CUSTOMERS; customer++) yield newCustomer(market)
  for (let key = 1; key <= PARTS; key++) yield part(market, key)
  for (let index = 0; index < PARTS * SUPPLIERS_PER_PART; index++) yield stock(market, index)
  for (let order = 0; order < ORDERS; order++) {
    // As in TPC-H, a third of the customers has no order, and half of the orders are delivered.
    const customer = 1 + Math.floor(random(CUSTOMERS) / 3) * 3 + random(2)
    const dice = random(100)
    const status = dice < 49 ? 'O' : dice < 98 ? 'F' : 'P'
    yield* newOrder(market, customer, status === 'O' ? TODAY - random(120) : random(TODAY - 120), status).changes
  }
}

function supplier({ random, supplierBalances }: Market, key: number): Change {
  const nation = random(nations.length)
  const balance = random(1_099_999) - 99_999
  supplierBalances.push(balance)
  return insert('supplier', {
    s_suppkey: key,
    s_name: `Supplier#${String(key).padStart(9, '0')}`,
    s_address: `dock ${random(100_000)}`,
    s_nationkey: nation,
    s_phone: phone(random, nation),
    s_acctbal: balance,
    s_comment: comment(random)
  })
}

function part({ random, availability }: Market, key: number): Change {
  const maker = 1 + random(5)
  const day = random(TODAY)
  availability.push(day)
  return insert('part', {
    p_partkey: key,
    p_name: `${oneOf(random, colours)} ${oneOf(random, colours)} ${oneOf(random, colours)}`,
    p_mfgr: `Manufacturer#${maker}`,
    p_brand: `Brand#${maker}${1 + random(5)}`,
    p_type: `${oneOf(random, finishes)} ${oneOf(random, metals)}`,
    p_size: 1 + random(50),
    p_container: oneOf(random, containers),
    p_retailprice: retailPrice(key),
    p_availdate: day,
    p_comment: comment(random)
  })
}

function stock({ random, quantities, costs }: Market, index: number): Change {
  const { part: ofPart, supplier: ofSupplier, key } = stockOf(index)
  const quantity = 1 + random(9999)
  const cost = 100 + random(99_901)
  quantities.push(quantity)
  costs.push(cost)
  return insert('partsupp', {
    ps_key: key,
    ps_partkey: ofPart,
    ps_suppkey: ofSupplier,
    ps_availqty: quantity,
    ps_supplycost: cost,
    ps_comment: comment(random)
  })
}

function insert(table: string, document: Document): Change {
  return { kind: 'insert', table, document }
}
