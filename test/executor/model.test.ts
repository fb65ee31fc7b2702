/**
 * Random writes and queries against plain arrays of documents and an evaluation that shares nothing with the engine's. `FULL=1` runs long.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { open, type Database } from '../../src/index.js'
import { openPaged } from '../apply/_open.js'
import { same } from '../same.js'

type Scalar = null | boolean | number | bigint | string | Date | Uint8Array | readonly number[]
type Row = { readonly id: number } & { readonly [field: string]: Scalar | undefined }
type Truth = boolean | null

const RUNS = process.env['FULL'] === '1' ? 1000 : 40

/** What may be done between writes and must change no answer; where a database has such a step, it is taken. */
const maintenance: readonly ((db: Database) => Promise<unknown>)[] = ['snapshot', 'compact'].map((step) => async (db: Database) => {
  const steps = db as unknown as { readonly [name: string]: ((table: string) => Promise<unknown>) | undefined }
  await steps[step]?.call(db, 't')
})

// --- values and their order, once more

const RANKS = ['boolean', 'number', 'time', 'string', 'bytes', 'array']
function rank(value: Scalar): number {
  if (typeof value === 'bigint') return RANKS.indexOf('number')
  if (value instanceof Date) return RANKS.indexOf('time')
  if (value instanceof Uint8Array) return RANKS.indexOf('bytes')
  return Array.isArray(value) ? RANKS.indexOf('array') : RANKS.indexOf(typeof value)
}

function within(left: Scalar, right: Scalar): number {
  if (typeof left === 'string') return Buffer.compare(Buffer.from(left), Buffer.from(right as string))
  if (left instanceof Uint8Array) return Buffer.compare(left, right as Uint8Array)
  if (Array.isArray(left)) {
    const other = right as readonly number[]
    for (let at = 0; at < Math.min(left.length, other.length); at++) {
      const order = Number(left[at]) - Number(other[at])
      if (order !== 0) return order
    }
    return left.length - other.length
  }
  const [a, b] = [left, right] as [number, number]
  return a < b ? -1 : a > b ? 1 : 0
}

const total = (left: Scalar, right: Scalar): number => rank(left) - rank(right) || within(left, right)
const at = (row: Row, field: string): Scalar => row[field] ?? null

// --- conditions

type Condition =
  | { readonly kind: 'compare'; readonly field: string; readonly operator: string; readonly value: Scalar }
  | { readonly kind: 'null'; readonly field: string; readonly negated: boolean }
  | { readonly kind: 'in'; readonly field: string; readonly values: readonly Scalar[]; readonly negated: boolean }
  | { readonly kind: 'between'; readonly field: string; readonly low: Scalar; readonly high: Scalar; readonly negated: boolean }
  | { readonly kind: 'not'; readonly inner: Condition }
  | { readonly kind: 'and' | 'or'; readonly left: Condition; readonly right: Condition }

function compare(left: Scalar, operator: string, right: Scalar): Truth {
  if (left === null || right === null) return null
  const same = rank(left) === rank(right)
  if (operator === '=') return same && within(left, right) === 0
  if (operator === '<>') return !same || within(left, right) !== 0
  if (!same) return null
  const order = within(left, right)
  return operator === '<' ? order < 0 : operator === '<=' ? order <= 0 : operator === '>' ? order > 0 : order >= 0
}

const not = (truth: Truth): Truth => (truth === null ? null : !truth)
const and = (left: Truth, right: Truth): Truth =>
  left === false || right === false ? false : left === null || right === null ? null : true

function holds(condition: Condition, row: Row): Truth {
  switch (condition.kind) {
    case 'compare':
      return compare(at(row, condition.field), condition.operator, condition.value)
    case 'null':
      return (at(row, condition.field) === null) !== condition.negated
    case 'in': {
      let found: Truth = false
      for (const value of condition.values) found = not(and(not(found), not(compare(at(row, condition.field), '=', value))))
      return condition.negated ? not(found) : found
    }
    case 'between': {
      const value = at(row, condition.field)
      const inside = and(compare(value, '>=', condition.low), compare(value, '<=', condition.high))
      return condition.negated ? not(inside) : inside
    }
    case 'not':
      return not(holds(condition.inner, row))
    case 'and':
      return and(holds(condition.left, row), holds(condition.right, row))
    default:
      return not(and(not(holds(condition.left, row)), not(holds(condition.right, row))))
  }
}

/** A text with its parameters; what JSON can say stands in the text where `literals` is set. */
class Text {
  readonly parameters: Scalar[] = []
  constructor(
    readonly literals: boolean,
    readonly dialect: 'drift' | 'sql'
  ) {}

  value(value: Scalar): string {
    if (this.literals && typeof value === 'string' && !value.includes('\u0000')) {
      return this.dialect === 'drift' && value.length % 2 === 0 ? JSON.stringify(value) : `'${value.replaceAll("'", "''")}'`
    }
    if (this.literals && value !== null && ['boolean', 'number', 'bigint'].includes(typeof value)) {
      return typeof value === 'number' && !Number.isSafeInteger(value) ? value.toExponential() : String(value)
    }
    return `$${this.parameters.push(value)}`
  }

  condition(condition: Condition): string {
    switch (condition.kind) {
      case 'compare':
        return `${condition.field} ${condition.operator} ${this.value(condition.value)}`
      case 'null':
        return `${condition.field} IS ${condition.negated ? 'NOT ' : ''}NULL`
      case 'in':
        return `${condition.field} ${condition.negated ? 'NOT ' : ''}IN (${condition.values.map((value) => this.value(value)).join(', ')})`
      case 'between': {
        const low = this.value(condition.low)
        return `${condition.field} ${condition.negated ? 'NOT ' : ''}BETWEEN ${low} AND ${this.value(condition.high)}`
      }
      case 'not':
        return `NOT (${this.condition(condition.inner)})`
      default: {
        const left = this.condition(condition.left)
        return `(${left} ${condition.kind.toUpperCase()} ${this.condition(condition.right)})`
      }
    }
  }
}

// --- what is made up

const scalar: fc.Arbitrary<Scalar> = fc.oneof(
  fc.integer({ min: -2, max: 4 }),
  fc.constantFrom(0.5, 0.1, 1e300, 2n ** 60n, 2n ** 64n - 1n, -(2n ** 63n)),
  fc.constantFrom('', 'a', 'b', "it's", 'a"}', '😀', '￿', 'line\nbreak'),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(new Date(0), new Date(5)),
  fc.constantFrom(new Uint8Array([1]), new Uint8Array([1, 2])),
  fc.constantFrom([1], [1, 2])
)
const field = fc.constantFrom('id', 'a', 'b', 'nowhere')
const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'condition' },
    fc.record({ kind: fc.constant('compare' as const), field, operator: fc.constantFrom('=', '<>', '<', '<=', '>', '>='), value: scalar }),
    fc.record({ kind: fc.constant('null' as const), field, negated: fc.boolean() }),
    fc.record({ kind: fc.constant('in' as const), field, values: fc.array(scalar, { minLength: 1, maxLength: 3 }), negated: fc.boolean() }),
    fc.record({ kind: fc.constant('between' as const), field, low: scalar, high: scalar, negated: fc.boolean() }),
    fc.record({ kind: fc.constant('not' as const), inner: tie('condition') }),
    fc.record({ kind: fc.constantFrom('and' as const, 'or' as const), left: tie('condition'), right: tie('condition') })
  )
}))
const id = fc.integer({ min: 0, max: 12 })
const write = fc.oneof(
  fc.record({ kind: fc.constant('upsert' as const), id, a: scalar, b: fc.option(scalar, { nil: undefined }) }),
  fc.record({ kind: fc.constant('update' as const), condition, value: scalar }),
  fc.record({ kind: fc.constant('delete' as const), condition }),
  fc.record({ kind: fc.constant('conflict' as const), id, a: scalar }),
  fc.record({ kind: fc.constant('move' as const), by: fc.constantFrom(1, -1, 100) }),
  fc.record({ kind: fc.constant('restore' as const), state: fc.nat() })
)
const query = fc.record({
  condition: fc.option(condition),
  point: fc.nat(),
  order: fc.option(
    fc.record({ field: fc.constantFrom('id', 'a', 'b'), descending: fc.boolean(), nulls: fc.constantFrom('', 'FIRST', 'LAST') })
  ),
  offset: fc.nat(3),
  limit: fc.option(fc.nat(8)),
  literals: fc.boolean(),
  dialect: fc.constantFrom('drift' as const, 'sql' as const),
  shape: fc.constantFrom('rows' as const, 'groups' as const, 'distinct' as const)
})
type Query = typeof query extends fc.Arbitrary<infer Made> ? Made : never

// --- the same write and the same query, twice

type State = { readonly seq: number; readonly rows: readonly Row[] }
const byId = (rows: readonly Row[]): Row[] => [...rows].sort((left, right) => left.id - right.id)

async function apply(db: Database, states: State[], made: typeof write extends fc.Arbitrary<infer Made> ? Made : never): Promise<void> {
  const rows = states.at(-1)?.rows ?? []
  const text = new Text(false, 'drift')
  let after: readonly Row[]
  let statement: string
  switch (made.kind) {
    case 'upsert': {
      const document = { id: made.id, a: made.a, ...(made.b === undefined ? {} : { b: made.b }) } as Row
      statement = 'UPSERT INTO t $1'
      text.parameters.push(document as unknown as Scalar)
      after = [...rows.filter((row) => row.id !== made.id), document]
      break
    }
    case 'update':
      statement = `UPDATE t SET b = ${text.value(made.value)} WHERE ${text.condition(made.condition)}`
      after = rows.map((row) => (holds(made.condition, row) === true ? { ...row, b: made.value } : row))
      break
    case 'delete':
      statement = `DELETE FROM t WHERE ${text.condition(made.condition)}`
      after = rows.filter((row) => holds(made.condition, row) !== true)
      break
    case 'conflict': {
      statement = `INSERT INTO t (id, a) VALUES (${text.value(made.id)}, ${text.value(made.a)}) ON CONFLICT (id) DO UPDATE SET b = excluded.a, a = b`
      const live = rows.find((row) => row.id === made.id)
      const row: Row = live === undefined ? { id: made.id, a: made.a } : { ...live, b: made.a, a: at(live, 'b') }
      after = [...rows.filter((other) => other.id !== made.id), row]
      break
    }
    case 'move':
      statement = `UPDATE t SET id = id + ${made.by}`
      after = rows.map((row) => ({ ...row, id: row.id + made.by }))
      break
    default: {
      const from = states[made.state % states.length] ?? { seq: 0, rows: [] }
      statement = `INSERT INTO t SELECT * FROM t AS OF ${text.value(from.seq)} ON CONFLICT DO NOTHING`
      const live = new Set(rows.map((row) => row.id))
      after = [...rows, ...from.rows.filter((row) => !live.has(row.id))]
    }
  }
  await db.query(statement, text.parameters)
  states.push({ seq: db.lastSeq, rows: byId(after) })
}

function textOf(made: Query, seq: number): Text & { statement: string } {
  const text = new Text(made.literals, made.dialect)
  const where = made.condition === null ? '' : ` WHERE ${text.condition(made.condition)}`
  const point = ` AS OF @seq:${seq}`
  const slice = `${made.limit === null ? '' : ` LIMIT ${made.limit}`}${made.offset === 0 ? '' : ` OFFSET ${made.offset}`}`
  const { order } = made
  const nulls = order === null || order.nulls === '' ? '' : ` NULLS ${order.nulls}`
  const by = order === null ? '' : ` ORDER BY ${order.field}${order.descending ? ' DESC' : ''}${nulls}`
  const statement = {
    rows: `SELECT id, a, b FROM t${where}${point}${by}${slice}`,
    groups: `SELECT a, COUNT(*) AS n, COUNT(b) AS m, MIN(id) AS low, SUM(id) AS sum FROM t${where} GROUP BY a${point}${slice}`,
    distinct: `SELECT DISTINCT b FROM t${where}${point}${slice}`
  }[made.shape]
  return Object.assign(text, { statement })
}

function answer({ condition: asked, order, shape, offset, limit }: Query, rows: readonly Row[]): unknown[][] {
  const kept = rows.filter((row) => asked === null || holds(asked, row) === true)
  const withNulls = (left: Scalar, right: Scalar, descending: boolean, nullsFirst: boolean): number => {
    if (left === null || right === null) return left === right ? 0 : (left === null) === nullsFirst ? -1 : 1
    return descending ? total(right, left) : total(left, right)
  }
  let result: unknown[][]
  if (shape === 'rows') {
    const sorted = [...kept]
    if (order !== null) {
      const nullsFirst = order.nulls === '' ? order.descending : order.nulls === 'FIRST'
      sorted.sort((left, right) => withNulls(at(left, order.field), at(right, order.field), order.descending, nullsFirst))
    }
    result = sorted.map((row) => [row.id, at(row, 'a'), at(row, 'b')])
  } else {
    const name = shape === 'groups' ? 'a' : 'b'
    const groups: Row[][] = []
    for (const row of kept) {
      const known = groups.find(([first]) => first !== undefined && withNulls(at(first, name), at(row, name), false, false) === 0)
      if (known === undefined) groups.push([row])
      else known.push(row)
    }
    const valueOf = ([first]: readonly Row[]): Scalar => (first === undefined ? null : at(first, name))
    if (shape === 'groups') groups.sort((left, right) => withNulls(valueOf(left), valueOf(right), false, false))
    result = groups.map((group) => {
      if (shape === 'distinct') return [valueOf(group)]
      const ids = group.map((row) => row.id)
      const filled = group.filter((row) => at(row, 'b') !== null).length
      return [valueOf(group), group.length, filled, Math.min(...ids), ids.reduce((sum, each) => sum + each, 0)]
    })
  }
  return result.slice(offset, limit === null ? undefined : offset + limit)
}

/** Documents alone answer for tables so small; pages of 4 rows are split and merged all the time. */
const openings = [
  { name: 'by documents', opened: (directory: string) => open(directory, { durability: 'none' }), runs: RUNS },
  { name: 'by pages of 4 rows', opened: async (directory: string) => (await openPaged(directory, { pageRows: 4 })).db, runs: RUNS },
  {
    name: 'by pages of 4 rows, shared with two threads',
    opened: async (directory: string) => (await openPaged(directory, { pageRows: 4, cacheBytes: 128 * 1024 * 1024, queryThreads: 2 })).db,
    runs: Math.ceil(RUNS / 8)
  },
  {
    name: 'by pages of 4 rows that leave memory and come back, in one slot',
    opened: async (directory: string) => (await openPaged(directory, { pageRows: 4, cacheBytes: 2.75 * 1024 * 1024 })).db,
    runs: Math.ceil(RUNS / 2)
  },
  {
    name: 'by pages of 16,384 rows',
    opened: async (directory: string) => (await openPaged(directory, { pageRows: 16_384, cacheBytes: 8 * 1024 * 1024 })).db,
    runs: Math.ceil(RUNS / 3)
  }
]

for (const { name, opened, runs } of openings) {
  test(`random writes and queries answer as plain arrays of documents do, at every point, before and after reopening: ${name}`, async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(write, fc.nat(9)), { minLength: 1, maxLength: 25 }),
        fc.array(query, { minLength: 5, maxLength: 25 }),
        async (writes, queries) => {
          const directory = mkdtempSync(join(tmpdir(), 'driftdb-model-'))
          let db = await opened(directory)
          try {
            await db.createTable('t', { primaryKey: 'id' })
            const states: State[] = [{ seq: db.lastSeq, rows: [] }]
            for (const [made, step] of writes) {
              await apply(db, states, made)
              await maintenance[step]?.(db)
            }
            for (const opening of ['first', 'second']) {
              for (const made of queries) {
                const state = states[made.point % states.length] ?? { seq: 0, rows: [] }
                const { statement, parameters } = textOf(made, state.seq)
                const found = await db.query(statement, parameters, { dialect: made.dialect }).arrays()
                same(t, found, answer(made, state.rows), `${opening} opening: ${statement}`)
              }
              await db.close()
              if (opening === 'first') db = await opened(directory)
            }
          } finally {
            await db.close()
            rmSync(directory, { recursive: true, force: true })
          }
        }
      ),
      { numRuns: runs, endOnFailure: true }
    )
  })
}
