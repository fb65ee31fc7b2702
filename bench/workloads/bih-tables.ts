/** The tables of TPC-H, with one integer key each: keys of several columns become one beside their parts. Money is in cents. */
import type { TableShape } from './workload.js'

/** `ps_key`: PARTSUPP's key of its part and its supplier. */
export function partsuppKey(part: number, supplier: number): number {
  return part * 1000 + supplier
}

/** `l_key`: LINEITEM's key of its order and its number in it, from 1. */
export function lineitemKey(order: number, line: number): number {
  return order * 8 + line
}

/** Discounts and taxes are in percent, dates in days since 1992-01-01. Columns that change are never indexed. */
export const bihTables: readonly TableShape[] = [
  table('region', 'r_regionkey', 'r_regionkey r_name: r_comment:'),
  table('nation', 'n_nationkey', 'n_nationkey n_name: n_regionkey n_comment:'),
  table('supplier', 's_suppkey', 's_suppkey s_name: s_address: s_nationkey s_phone: s_acctbal s_comment:'),
  table('customer', 'c_custkey', 'c_custkey c_name: c_address: c_nationkey c_phone: c_acctbal c_mktsegment: c_comment:'),
  table('part', 'p_partkey', 'p_partkey p_name: p_mfgr: p_brand: p_type: p_size p_container: p_retailprice p_availdate p_comment:'),
  table('partsupp', 'ps_key', 'ps_key ps_partkey ps_suppkey ps_availqty ps_supplycost ps_comment:'),
  table(
    'orders',
    'o_orderkey',
    'o_orderkey o_custkey o_orderstatus: o_totalprice o_orderdate o_orderpriority: o_clerk: o_shippriority o_comment:',
    ['o_custkey']
  ),
  table(
    'lineitem',
    'l_key',
    `l_key l_orderkey l_partkey l_suppkey l_linenumber l_quantity l_extendedprice l_discount l_tax l_returnflag: l_linestatus:
      l_shipdate l_commitdate l_receiptdate l_shipinstruct: l_shipmode: l_comment:`,
    ['l_orderkey']
  )
]

/** Columns as a list of names: a colon after that of a text. */
function table(name: string, key: string, columns: string, indexes: readonly string[] = []): TableShape {
  const shapes = columns
    .split(/\s+/)
    .map((column) =>
      column.endsWith(':') ? { name: column.slice(0, -1), type: 'text' as const } : { name: column, type: 'integer' as const }
    )
  return { name, key, columns: shapes, indexes }
}
