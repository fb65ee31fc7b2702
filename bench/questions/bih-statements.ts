/**
 * The query classes of the BiH workload, by their names: one text for each language. The SQL runs unchanged on SQLite, DuckDB, PostgreSQL
 * and MariaDB: a relation has an alias that is its peer's own, so columns are never qualified by it, and a relation that is read twice in
 * one SELECT is wrapped to rename its columns. Relations are asked for in the order of the text, because a place may be a parameter.
 * Averages are asked as SUM and COUNT, since AVG of integers has another type on each peer.
 */
import type { Question } from './question.js'

/** What a table of a statement is in a language, at a commit, now, or in all its versions. */
export type Relations = {
  readonly at: (table: string, point: number) => string
  readonly now: (table: string) => string
  /** With the columns `valid_from` and `valid_to` (a number past all others while it lives). */
  readonly all: (table: string) => string
}

type Timeslice = (table: string, at: number | undefined) => string
/** Of a commit: what it is called in DriftQL. */
type SeqOf = (commit: number) => number

export type BihStatement = {
  readonly id: string
  readonly title: string
  readonly sql: (relations: Relations) => string
} &
  /** A column `began` of its rows is a seq. */
  (
    | { readonly driftQL: (relation: Timeslice, seqOf: SeqOf) => string; readonly notInDriftQL?: undefined }
    /** What DriftQL lacks to say it. */
    | { readonly notInDriftQL: string; readonly driftQL?: undefined }
  )

type Arguments = { readonly points: readonly number[]; readonly numbers: readonly number[] }
type Definition = { readonly title: string } & (
  | { readonly slice: (relation: Timeslice, given: Arguments) => string; readonly lacks?: string }
  | ({ readonly all: (relations: Relations, given: Arguments) => string } & (
      | { readonly lacks: string }
      | { readonly drift: (given: Arguments, seqOf: SeqOf) => string }
    ))
)

const subqueries = 'subqueries'

/** `slice` reads tables at one point, or now where the question names none; `all` reads versions. Numbers stand in the text. */
const definitions: { readonly [id: string]: Definition } = {
  T1: {
    title: 'average of a quiet table at a point (supply costs)',
    slice: (relation, { points: [at] }) => `SELECT COUNT(*) AS stocks, SUM(ps_supplycost) AS cost FROM ${relation('partsupp', at)}`
  },
  T2: {
    title: 'average of a busy table at a point (orders)',
    slice: (relation, { points: [at] }) => `SELECT COUNT(*) AS orders, SUM(o_totalprice) AS total FROM ${relation('orders', at)}`
  },
  T5: {
    title: 'average over all versions (orders)',
    drift: () => 'SELECT COUNT(*) AS versions, SUM(o_totalprice) AS total FROM orders FOR SYSTEM_TIME ALL',
    all: ({ all }) => `SELECT COUNT(*) AS versions, SUM(o_totalprice) AS total FROM ${all('orders')}`
  },
  T6: {
    title: 'groups of the largest table at a point (line items)',
    slice: (relation, { points: [at] }) =>
      `SELECT l_shipmode, l_linestatus, COUNT(*) AS items, SUM(l_quantity) AS quantity, MAX(l_extendedprice) AS dearest
      FROM ${relation('lineitem', at)} GROUP BY l_shipmode, l_linestatus`
  },
  T7: {
    title: 'the present, asked without a time and with one (orders by status)',
    slice: (relation, { points: [at] }) =>
      `SELECT o_orderstatus, COUNT(*) AS orders, SUM(o_totalprice) AS total FROM ${relation('orders', at)} GROUP BY o_orderstatus`
  },
  Q1: {
    title: "TPC-H's Q1 at a point (pricing summary)",
    slice: (relation, { points: [at], numbers: [day] }) =>
      `SELECT l_returnflag, l_linestatus, COUNT(*) AS items, SUM(l_quantity) AS quantity, SUM(l_extendedprice) AS price,
        SUM(l_extendedprice * (100 - l_discount)) AS discounted, SUM(l_extendedprice * (100 - l_discount) * (100 + l_tax)) AS charged
      FROM ${relation('lineitem', at)} WHERE l_shipdate <= ${day} GROUP BY l_returnflag, l_linestatus`
  },
  Q3: {
    title: "TPC-H's Q3 at a point (orders not shipped, three tables)",
    slice: (relation, { points: [at], numbers: [day] }) =>
      `SELECT l_orderkey, o_orderdate, SUM(l_extendedprice * (100 - l_discount)) AS revenue
      FROM ${relation('customer', at)} JOIN ${relation('orders', at)} ON c_custkey = o_custkey
        JOIN ${relation('lineitem', at)} ON l_orderkey = o_orderkey
      WHERE c_mktsegment = 'BUILDING' AND o_orderdate < ${day} AND l_shipdate > ${day}
      GROUP BY l_orderkey, o_orderdate ORDER BY revenue DESC, l_orderkey LIMIT 10`
  },
  Q5: {
    title: "TPC-H's Q5 at a point (local suppliers, six tables)",
    slice: (relation, { points: [at], numbers: [day = 0] }) =>
      `SELECT n_name, SUM(l_extendedprice * (100 - l_discount)) AS revenue
      FROM ${relation('customer', at)} JOIN ${relation('orders', at)} ON c_custkey = o_custkey
        JOIN ${relation('lineitem', at)} ON l_orderkey = o_orderkey
        JOIN ${relation('supplier', at)} ON l_suppkey = s_suppkey AND c_nationkey = s_nationkey
        JOIN ${relation('nation', at)} ON s_nationkey = n_nationkey
        JOIN ${relation('region', at)} ON n_regionkey = r_regionkey
      WHERE r_name = 'ASIA' AND o_orderdate >= ${day} AND o_orderdate < ${day + 365} GROUP BY n_name`
  },
  Q6: {
    title: "TPC-H's Q6 at a point (revenue of small discounts)",
    slice: (relation, { points: [at], numbers: [day = 0] }) =>
      `SELECT SUM(l_extendedprice * l_discount) AS revenue FROM ${relation('lineitem', at)}
      WHERE l_shipdate >= ${day} AND l_shipdate < ${day + 365} AND l_discount BETWEEN 5 AND 7 AND l_quantity < 24`
  },
  K3: {
    title: 'one column of a customer over time',
    drift: ({ numbers: [customer] }) =>
      `SELECT _from_seq AS began, c_acctbal FROM customer FOR SYSTEM_TIME ALL WHERE c_custkey = ${customer}`,
    all: ({ all }, { numbers: [customer] }) => `SELECT valid_from AS began, c_acctbal FROM ${all('customer')} WHERE c_custkey = ${customer}`
  },
  K5: {
    title: 'the version of a customer before the present one',
    lacks: subqueries,
    all: ({ all }, { numbers: [customer] }) =>
      `SELECT valid_from AS began, c_custkey, c_name, c_acctbal FROM ${all('customer')}
      WHERE c_custkey = ${customer} AND valid_to = (SELECT MAX(valid_from) FROM ${all('customer')} WHERE c_custkey = ${customer})`
  },
  K6: {
    title: 'versions of customers by their value, over all time',
    drift: ({ numbers: [balance] }) =>
      `SELECT _from_seq AS began, c_custkey, c_acctbal FROM customer FOR SYSTEM_TIME ALL WHERE c_acctbal < ${balance}`,
    all: ({ all }, { numbers: [balance] }) =>
      `SELECT valid_from AS began, c_custkey, c_acctbal FROM ${all('customer')} WHERE c_acctbal < ${balance}`
  },
  R1: {
    title: 'changes of state in a range (orders from status to status)',
    drift: ({ points: [from = 0, to = 0] }, seqOf) =>
      `SELECT b.o_orderstatus AS status_before, a.o_orderstatus AS status_after, COUNT(*) AS changes
      FROM orders FOR SYSTEM_TIME ALL AS b
        JOIN orders FOR SYSTEM_TIME ALL AS a ON b.o_orderkey = a.o_orderkey AND b._to_seq = a._from_seq
      WHERE b._to_seq > ${seqOf(from)} AND b._to_seq <= ${seqOf(to)} AND b.o_orderstatus <> a.o_orderstatus
      GROUP BY status_before, status_after`,
    all: ({ all }, { points: [from, to] }) =>
      `SELECT status_before, status_after, COUNT(*) AS changes
      FROM (SELECT o_orderkey AS key_before, o_orderstatus AS status_before, valid_to AS ended FROM ${all('orders')}
          WHERE valid_to > ${from} AND valid_to <= ${to}) AS before_change
        JOIN (SELECT o_orderkey AS key_after, o_orderstatus AS status_after, valid_from AS began FROM ${all('orders')}
          WHERE valid_from > ${from} AND valid_from <= ${to}) AS after_change ON key_before = key_after AND ended = began
      WHERE status_before <> status_after GROUP BY status_before, status_after`
  },
  R2: {
    title: 'durations of states (how long orders keep a status)',
    lacks: subqueries,
    all: ({ all }, { points: [end] }) =>
      `SELECT o_orderstatus, COUNT(*) AS states, SUM(ended - began) AS duration, MAX(ended - began) AS longest
      FROM (SELECT o_orderkey, o_orderstatus, MIN(valid_from) AS began, MAX(valid_to) AS ended FROM ${all('orders')}
        GROUP BY o_orderkey, o_orderstatus) AS spans
      WHERE ended <= ${end} GROUP BY o_orderstatus`
  },
  'R3-changes': {
    title: 'temporal aggregation at every change (value of open orders: least, most)',
    lacks: 'window functions, subqueries',
    all: ({ all }, { points: [start, end] }) =>
      `SELECT COUNT(*) AS changes, MIN(open_value) AS least, MAX(open_value) AS most
      FROM (SELECT change_point, SUM(change_value) OVER (ORDER BY change_point) AS open_value
        FROM (SELECT change_point, SUM(signed_value) AS change_value
          FROM (SELECT valid_from AS change_point, o_totalprice AS signed_value FROM ${all('orders')} WHERE o_orderstatus = 'O'
            UNION ALL SELECT valid_to, -o_totalprice FROM ${all('orders')} WHERE o_orderstatus = 'O' AND valid_to <= ${end}) AS signed_changes
          GROUP BY change_point) AS value_changes) AS running
      WHERE change_point > ${start}`
  },
  R4: {
    title: 'the 10 stocks whose levels differed least over time',
    drift: () =>
      `SELECT ps_key, COUNT(*) AS versions, MAX(ps_availqty) - MIN(ps_availqty) AS difference FROM partsupp FOR SYSTEM_TIME ALL
      GROUP BY ps_key HAVING MAX(ps_availqty) > MIN(ps_availqty) ORDER BY difference, ps_key LIMIT 10`,
    all: ({ all }) =>
      `SELECT ps_key, COUNT(*) AS versions, MAX(ps_availqty) - MIN(ps_availqty) AS difference FROM ${all('partsupp')}
      GROUP BY ps_key HAVING MAX(ps_availqty) > MIN(ps_availqty) ORDER BY difference, ps_key LIMIT 10`
  },
  R5: {
    title: 'temporal join (customers in debt while they had a large open order)',
    drift: ({ numbers: [balance, price] }) =>
      `SELECT COUNT(*) AS pairs, COUNT(DISTINCT c_custkey) AS customers, SUM(o_totalprice) AS total
      FROM customer FOR SYSTEM_TIME ALL AS c JOIN orders FOR SYSTEM_TIME ALL AS o ON c_custkey = o_custkey
        AND (o._to_seq IS NULL OR c._from_seq < o._to_seq) AND (c._to_seq IS NULL OR o._from_seq < c._to_seq)
      WHERE c_acctbal < ${balance} AND o_orderstatus = 'O' AND o_totalprice > ${price}`,
    all: ({ all }, { numbers: [balance, price] }) =>
      `SELECT COUNT(*) AS pairs, COUNT(DISTINCT c_custkey) AS customers, SUM(o_totalprice) AS total
      FROM (SELECT c_custkey, valid_from AS c_from, valid_to AS c_to FROM ${all('customer')} WHERE c_acctbal < ${balance}) AS debts
        JOIN (SELECT o_custkey, o_totalprice, valid_from AS o_from, valid_to AS o_to FROM ${all('orders')}
          WHERE o_orderstatus = 'O' AND o_totalprice > ${price}) AS large_orders
        ON c_custkey = o_custkey AND c_from < o_to AND o_from < c_to`
  },
  R6: {
    title: 'temporal aggregation of a join (open orders by market segment, at 4 points)',
    lacks: 'UNION',
    slice: (relation, { points }) =>
      points
        .map(
          (point) => `SELECT ${point} AS moment, c_mktsegment, COUNT(*) AS orders, SUM(o_totalprice) AS total
          FROM ${relation('orders', point)} JOIN ${relation('customer', point)} ON c_custkey = o_custkey
          WHERE o_orderstatus = 'O' GROUP BY c_mktsegment`
        )
        .join(' UNION ALL ')
  },
  R7: {
    title: 'suppliers that raised a price by more than 7.5 % at once',
    drift: () =>
      `SELECT a.ps_suppkey, COUNT(*) AS raises FROM partsupp FOR SYSTEM_TIME ALL AS b
        JOIN partsupp FOR SYSTEM_TIME ALL AS a ON b.ps_key = a.ps_key AND b._to_seq = a._from_seq
      WHERE a.ps_supplycost * 1000 > b.ps_supplycost * 1075 GROUP BY a.ps_suppkey`,
    all: ({ all }) =>
      `SELECT ps_suppkey, COUNT(*) AS raises
      FROM (SELECT ps_key AS key_before, ps_supplycost AS cost_before, valid_to AS ended FROM ${all('partsupp')}) AS before_raise
        JOIN (SELECT ps_key AS key_after, ps_suppkey, ps_supplycost AS cost_after, valid_from AS began FROM ${all('partsupp')}) AS after_raise
        ON key_before = key_after AND ended = began
      WHERE cost_after * 1000 > cost_before * 1075 GROUP BY ps_suppkey`
  }
}

/** @throws Error for a name that is not there */
export function bihStatement({ id, points, parameters }: Question & { kind: 'statement' }): BihStatement {
  const definition = definitions[id]
  if (definition === undefined) throw new Error(`no statement ${id}`)
  const given: Arguments = { points, numbers: parameters.map(Number) }
  const { title } = definition
  if ('all' in definition) {
    const inSql = (relations: Relations) => definition.all(relations, given)
    if ('lacks' in definition) return { id, title, sql: inSql, notInDriftQL: definition.lacks }
    return { id, title, sql: inSql, driftQL: (_, seqOf) => definition.drift(given, seqOf) }
  }
  const { slice, lacks } = definition
  const sql = ({ at, now }: Relations) => slice((table, point) => (point === undefined ? now(table) : at(table, point)), given)
  return lacks === undefined ? { id, title, sql, driftQL: (relation) => slice(relation, given) } : { id, title, sql, notInDriftQL: lacks }
}

/** Of a probe that asks one statement. */
export function statementTitle(id: string): string {
  return bihStatement({ kind: 'statement', id, points: [], parameters: [] }).title
}

export const bihStatementIds: readonly string[] = Object.keys(definitions)
