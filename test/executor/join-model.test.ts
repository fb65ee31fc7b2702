/** Joins of a random table with itself at two points, against nested loops over the rows of those points. `FULL=1` runs long. */
import test from 'ava'
import fc from 'fast-check'
import { history, History, type Row } from './_history.js'
import { same } from '../same.js'

const RUNS = process.env['FULL'] === '1' ? 2000 : 80

type Pair = { readonly x: Row | undefined; readonly y: Row | undefined }
type Test = { readonly text: string; readonly holds: (pair: Pair) => boolean }

const field = (row: Row | undefined, name: string): unknown => row?.[name] ?? null
const isNumber = (value: unknown): boolean => typeof value === 'number' || typeof value === 'bigint'

/** `=` of the language, without its code. */
function equal(left: unknown, right: unknown): boolean {
  if (left === null || right === null) return false
  if (isNumber(left) && isNumber(right)) return Number(left) === Number(right)
  return typeof left === typeof right && JSON.stringify(left) === JSON.stringify(right)
}

function less(left: unknown, right: unknown): boolean {
  if (isNumber(left) && isNumber(right)) return Number(left) < Number(right)
  return typeof left === 'string' && typeof right === 'string' && left < right
}

const names = fc.constantFrom('id', 'a', 'b', 'c')
const condition: fc.Arbitrary<Test> = fc.oneof(
  fc.tuple(names, names).map(([l, r]): Test => ({ text: `x.${l} = y.${r}`, holds: ({ x, y }) => equal(field(x, l), field(y, r)) })),
  fc.tuple(names, names).map(([l, r]): Test => ({ text: `y.${r} = x.${l}`, holds: ({ x, y }) => equal(field(x, l), field(y, r)) })),
  fc.tuple(names, names).map(([l, r]): Test => ({ text: `x.${l} < y.${r}`, holds: ({ x, y }) => less(field(x, l), field(y, r)) })),
  fc.tuple(names, fc.nat(3)).map(([l, n]): Test => ({ text: `x.${l} = ${n}`, holds: ({ x }) => equal(field(x, l), n) })),
  fc.tuple(names, fc.nat(3)).map(([r, n]): Test => ({ text: `y.${r} < ${n}`, holds: ({ y }) => less(field(y, r), n) })),
  names.map((r): Test => ({ text: `y.${r} IS NULL`, holds: ({ y }) => field(y, r) === null })),
  names.map((l): Test => ({ text: `x.${l} IS NOT NULL`, holds: ({ x }) => field(x, l) !== null })),
  fc.tuple(names, names).map(([l, r]): Test => ({
    text: `(x.${l} IS NULL OR y.${r} IS NULL)`,
    holds: ({ x, y }) => field(x, l) === null || field(y, r) === null
  }))
)
const side = fc.constantFrom('INNER', 'LEFT', 'RIGHT', 'FULL', 'CROSS')

/** In the order of the left, unmatched rows of the right at the end. */
function nestedLoops(left: readonly Row[], right: readonly Row[], join: string, on: readonly Test[], where: readonly Test[]): Pair[] {
  const pairs: Pair[] = []
  const matched = new Set<Row>()
  for (const x of left) {
    const partners = right.filter((y) => on.every(({ holds }) => holds({ x, y })))
    for (const y of partners) {
      matched.add(y)
      pairs.push({ x, y })
    }
    if (partners.length === 0 && (join === 'LEFT' || join === 'FULL')) pairs.push({ x, y: undefined })
  }
  if (join === 'RIGHT' || join === 'FULL') for (const y of right) if (!matched.has(y)) pairs.push({ x: undefined, y })
  return pairs.filter((pair) => where.every(({ holds }) => holds(pair)))
}

const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? Number(inner) : inner)))

test('a join is nested loops over the rows of both points, in the order of the left', async (t) => {
  const conditions = (maxLength: number) => fc.array(condition, { minLength: 1, maxLength })
  await fc.assert(
    fc.asyncProperty(
      history,
      fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 40 })),
      side,
      conditions(3),
      fc.array(condition, { maxLength: 2 }),
      fc.integer({ min: 0, max: 3 }),
      async (steps, [a, b], join, on, where, limit) => {
        await using past = await History.of(steps)
        const isCross = join === 'CROSS'
        const expected = nestedLoops(past.rowsAt(a), past.rowsAt(b), join, isCross ? [] : on, where)
        const texts = (tests: readonly Test[]): string => tests.map(({ text }) => text).join(' AND ')
        const from =
          `FROM t AS OF $1 AS x ${join} JOIN t AS y AS OF $2${isCross ? '' : ` ON ${texts(on)}`}` +
          (where.length === 0 ? '' : ` WHERE ${texts(where)}`)
        const named = await past.rows(`SELECT x.id AS i, x.a AS p, y.id AS j, y.c AS q ${from}`, [a, b])
        const wanted = expected.map(({ x, y }) => ({ i: field(x, 'id'), p: field(x, 'a'), j: field(y, 'id'), q: field(y, 'c') }))
        same(t, plain(named), plain(wanted), from)
        const some = await past.rows(`SELECT x.id AS i, x.a AS p, y.id AS j, y.c AS q ${from} LIMIT ${limit}`, [a, b])
        same(t, plain(some), plain(wanted.slice(0, limit)))
        const [count] = await past.rows(`SELECT count(*) AS n, count(y.id) AS m ${from}`, [a, b])
        same(t, count, { n: expected.length, m: expected.filter(({ y }) => y !== undefined).length })
        const backwards = await past.rows(`SELECT x.id AS i, y.id AS j ${from} ORDER BY x.id DESC`, [a, b])
        const nullsFirst = (row: Pair): number => (row.x === undefined ? Number.POSITIVE_INFINITY : row.x.id)
        const turned = expected
          .map((pair, index) => ({ pair, index }))
          .sort((l, r) => {
            const [left, right] = [nullsFirst(l.pair), nullsFirst(r.pair)]
            return left === right ? l.index - r.index : left < right ? 1 : -1
          })
        same(t, plain(backwards), plain(turned.map(({ pair: { x, y } }) => ({ i: field(x, 'id'), j: field(y, 'id') }))))
        // All columns, in objects and in arrays.
        const stars = (await past.db.query(`SELECT * ${from}`, [a, b])).rows
        const arrays = await past.db.query(`SELECT * ${from}`, [a, b]).arrays()
        const columns = (await past.db.query(`SELECT * ${from}`, [a, b])).columns.map(({ name }) => name)
        t.is(new Set(columns).size, columns.length)
        same(
          t,
          plain(arrays),
          plain(stars.map((row) => columns.map((name) => (row as { readonly [name: string]: unknown })[name] ?? null)))
        )
        t.is(stars.length, expected.length)
      }
    ),
    { numRuns: RUNS }
  )
})

test('three tables, each at its point, with differences and versions among them, are nested loops too', async (t) => {
  const place = fc.integer({ min: 0, max: 40 })
  await fc.assert(
    fc.asyncProperty(history, place, place, async (steps, a, b) => {
      await using past = await History.of(steps)
      const found = await past.rows(
        'SELECT x.id AS i, v._seq AS s, d._change AS c FROM t AS OF $1 AS x LEFT JOIN t FOR SYSTEM_TIME ALL AS v ON v.id = x.id ' +
          'LEFT JOIN DIFF(t, $1, $2) AS d ON d._key = x.id AND d._seq >= v._seq',
        [a, b]
      )
      const versions = await past.rows('SELECT id, _seq FROM t FOR SYSTEM_TIME ALL')
      const changes = await past.rows('SELECT _key, _seq, _change FROM DIFF(t, $1, $2)', [a, b])
      const expected = past.rowsAt(a).flatMap(({ id }) =>
        versions
          .filter((version) => version['id'] === id)
          .flatMap((version) => {
            const change = changes.find((each) => each['_key'] === id && Number(each['_seq']) >= Number(version['_seq']))
            return [{ i: id, s: version['_seq'], c: change?.['_change'] ?? null }]
          })
      )
      same(t, found, expected)
    }),
    { numRuns: RUNS }
  )
})
