/** Texts to statements: golden files, every random statement has one meaning, and no text of any size or depth breaks the parser. */
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { keywords, type Dialect } from '../../grammar/lexer.js'
import { DriftError } from '../../src/base/errors.js'
import { limits } from '../../src/base/limits.js'
import { type Expression } from '../../src/parser/ast.js'
import { expressionText } from '../../src/parser/expression-text.js'
import { parse } from '../../src/parser/parse.js'
import { same } from '../same.js'
import { checkGolden, type Case } from './_golden.js'

for (const file of ['seed.txt', 'statements.txt', 'values.txt', 'dialects.txt', 'errors.txt']) {
  test(`the texts of ${file} give the statements or the errors that stand there`, (t) => {
    checkGolden(t, file, describe)
  })
}

function describe({ dialect, text }: Case): string {
  try {
    const statements = parse(text, dialect)
    return statements.length === 0 ? 'nothing' : statements.map(print).join('\n')
  } catch (thrown) {
    if (!(thrown instanceof DriftError)) throw thrown
    return `${thrown.code} ${thrown.message}`
  }
}

function print(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner))
}

function refusal(t: ExecutionContext, text: string, dialect: Dialect = 'drift'): DriftError {
  const error = t.throws(() => parse(text, dialect), { instanceOf: DriftError }, text.slice(0, 80))
  return error ?? new DriftError('INVARIANT', 'not thrown')
}

test('no text of the seed is refused', (t) => {
  checkGolden(t, 'seed.txt', (golden) => {
    t.notThrows(() => parse(golden.text, golden.dialect))
    return describe(golden)
  })
})

test('a syntax error says line, column, what was found, what was expected, and shows the line with a caret', (t) => {
  const error = refusal(t, 'COMMIT;\nSELECT * FORM t')
  t.is(error.code, 'DRIFT_SYNTAX')
  const expected = ['","', 'FROM', 'WHERE', 'GROUP BY', 'HAVING', 'ORDER BY', 'LIMIT', 'OFFSET', 'FOR', 'the end of the statement']
  t.deepEqual(error.details, { line: 2, column: 10, position: 17, found: 'FORM', expected })
  const words = `${expected.slice(0, -1).join(', ')} or ${expected.at(-1) ?? ''}`
  t.is(error.message, `syntax error at line 2, column 10: found FORM, expected ${words}\nSELECT * FORM t\n         ^`)
})

test('columns count characters and the caret stands below wide ones', (t) => {
  const error = refusal(t, "SHOW DRIFT t KEY '😀日本' x")
  t.is(error.details['column'], 24)
  t.is(error.message.split('\n').at(-1), `${' '.repeat(26)}^`)
})

test('a syntax error in a line of a megabyte is a short message', (t) => {
  const error = refusal(t, `SELECT ${'a, '.repeat(100_000)} FROM t`)
  t.true(error.message.length < 1000)
})

test('statements are frozen all the way down', (t) => {
  const [statement] = parse('SELECT a.b FROM t WHERE x = {"y": [1]}', 'drift')
  const pending: unknown[] = [statement]
  for (const next of pending) {
    if (typeof next !== 'object' || next === null) continue
    t.true(Object.isFrozen(next))
    pending.push(...(Object.values(next) as unknown[]))
  }
  t.true(pending.length > 15)
})

test('every keyword that is not reserved can name a table and a column, and every keyword a field after a dot', (t) => {
  const reserved = new Set(['AND', 'AS', 'DISTINCT', 'FALSE', 'FROM', 'LIMIT', 'NOT', 'NULL', 'SELECT', 'TRUE', 'WHERE'])
  for (const keyword of keywords) {
    t.notThrows(() => parse(`SELECT a.${keyword} FROM t WHERE b.${keyword} = c.${keyword}`, 'drift'), keyword)
    const text = `SELECT ${keyword}, ${keyword} FROM ${keyword} WHERE ${keyword} = ${keyword} AND ${keyword} = 1 LIMIT 1`
    if (reserved.has(keyword)) refusal(t, text)
    else t.notThrows(() => parse(text, 'drift'), keyword)
  }
})

test('parameters of one text are numbered across its statements', (t) => {
  const statements = parse('SHOW DRIFT t KEY ?; SHOW DRIFT t KEY ?', 'drift')
  t.deepEqual(
    statements.map((statement) => statement.kind === 'show-drift' && statement.key),
    [
      { kind: 'parameter', reference: 1 },
      { kind: 'parameter', reference: 2 }
    ]
  )
})

test('joinTablesMax tables can be joined and one more is LIMIT', (t) => {
  const text = (tables: number): string => `SELECT * FROM t ${'CROSS JOIN t '.repeat(tables - 1)}`
  t.is(parse(text(limits.joinTablesMax), 'drift').length, 1)
  t.is(refusal(t, text(limits.joinTablesMax + 1)).code, 'DRIFT_LIMIT')
})

test('a text of statementBytesMax bytes is read and one byte more is LIMIT', (t) => {
  const begin = 'COMMIT --'
  t.is(parse(begin + 'x'.repeat(limits.statementBytesMax - begin.length), 'drift').length, 1)
  const error = refusal(t, begin + 'x'.repeat(limits.statementBytesMax - begin.length + 1))
  t.is(error.code, 'DRIFT_LIMIT')
  t.is(error.details['limit'], limits.statementBytesMax)
})

test('brackets a million deep are refused without a stack overflow', (t) => {
  const deep = 1_000_000
  for (const open of ['[', '{', '{"a":', '(', '((a,', '{"a":[']) {
    for (const before of ['', 'INSERT INTO t ', 'SELECT * FROM t WHERE a = ', 'CREATE TABLE t (pk=id, INDEX(']) {
      t.is(refusal(t, before + open.repeat(deep)).code, 'DRIFT_SYNTAX')
    }
  }
})

test('a balanced JSON document a million levels deep is INVALID_DOCUMENT, as every document over 100 levels', (t) => {
  t.is(refusal(t, `INSERT INTO t ${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`).code, 'DRIFT_INVALID_DOCUMENT')
  t.is(refusal(t, `INSERT INTO t ${'{"a":'.repeat(101)}1${'}'.repeat(101)}`).code, 'DRIFT_INVALID_DOCUMENT')
  t.notThrows(() => parse(`INSERT INTO t ${'{"a":'.repeat(100)}1${'}'.repeat(100)}`, 'drift'))
})

test('strings, names, comments and documents of megabytes are tokens like any other', (t) => {
  const long = 'x\\\\'.repeat(1_000_000)
  t.notThrows(() =>
    parse(`INSERT INTO t {"a": "${long}"} /* ${long} */; SHOW DRIFT t KEY "${long}"; SHOW DRIFT \`${long}\` KEY '${long}'`, 'drift')
  )
  t.is(refusal(t, `SHOW DRIFT t KEY "${long}`).code, 'DRIFT_SYNTAX')
  t.is(refusal(t, `INSERT INTO t {"a": "${long}`).code, 'DRIFT_SYNTAX')
})

test('a list of 20,000 documents and a script of 5,000 statements are read', (t) => {
  const [insert] = parse(`INSERT INTO t ${Array.from({ length: 20_000 }, (_, id) => `{"id": ${id}}`).join(', ')}`, 'drift')
  t.is(insert?.kind === 'insert' && insert.source.kind === 'documents' && insert.source.documents.length, 20_000)
  t.is(parse('COMMIT;'.repeat(5_000), 'drift').length, 5_000)
})

// --- random texts

const name = fc.oneof(
  fc.constantFrom('a', 'status', 'größe', '_x', 'key', 'index', 'Of', 'on', 'pk'),
  fc.string({ minLength: 1, maxLength: 5 }).map((text) => `\`${text.replaceAll('`', '``')}\``),
  fc.string({ maxLength: 5 }).map((text) => JSON.stringify(text))
)
const plainName = fc.constantFrom('a', 'status', 'drift', 'SET', '`from`')
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.'))
const json = fc
  .dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 })
  .map((value) => JSON.stringify(value))
  // A float64 past 2^64 is printed as an integer, which is out of range.
  .filter((text) => !/\d{16}/.test(text))
const scalar = fc.oneof(
  fc.string().map((text) => `'${text.replaceAll("'", "''")}'`),
  fc.string().map((text) => JSON.stringify(text)),
  fc.integer().map(String),
  // Not as String prints them: without an exponent a large one is an integer out of range.
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toExponential()),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).map(String),
  fc.constantFrom('TRUE', 'false', '$1')
)
const operand = fc.oneof(
  scalar,
  plainName,
  fc.tuple(name, path).map((parts) => parts.join('.')),
  json,
  fc.constantFrom('NULL', '[]')
)
const asOf = fc.constantFrom(' AS OF @seq:5', ' as of @now', ' AS OF @now - 2 days ', " AS OF '2025-01-01'", ' AS OF $2', ' AS OF "@seq:1"')
/** Column references as they may stand in an expression: a name that is no reserved keyword, or a path. */
const columnText = fc.oneof(
  fc.constantFrom(
    'a',
    'status',
    'drift',
    'SET',
    '`from`',
    'like',
    'escape',
    'in',
    'between',
    'nulls',
    'first',
    'desc',
    'cast',
    'offset',
    'or',
    'is'
  ),
  fc.tuple(name, path).map((parts) => parts.join('.')),
  fc.tuple(name, fc.nat(20), path).map(([first, index, rest]) => `${first}[${index}].${rest}`)
)
/** At every level of the grammar: what may stand there, with or without parentheses. */
const { expression } = fc.letrec<
  Record<'expression' | 'conjunction' | 'negation' | 'predicate' | 'sum' | 'product' | 'factor' | 'cast' | 'primary', string>
>((tie) => {
  const listed = (level: fc.Arbitrary<string>) => fc.array(level, { minLength: 1, maxLength: 3 }).map((all) => all.join(', '))
  const not = fc.constantFrom(' ', ' NOT ')
  return {
    expression: fc.oneof(
      { maxDepth: 9, depthIdentifier: 'expression', depthSize: 'small' },
      tie('conjunction'),
      fc.tuple(tie('expression'), tie('conjunction')).map((two) => two.join(' OR '))
    ),
    conjunction: fc.oneof(
      { maxDepth: 9, depthIdentifier: 'expression', depthSize: 'small' },
      tie('negation'),
      fc.tuple(tie('conjunction'), tie('negation')).map((two) => two.join(' AND '))
    ),
    negation: fc.oneof(
      { maxDepth: 9, depthIdentifier: 'expression', depthSize: 'small' },
      tie('predicate'),
      tie('negation').map((one) => `NOT ${one}`)
    ),
    predicate: fc.oneof(
      { maxDepth: 9, depthIdentifier: 'expression', depthSize: 'small' },
      tie('sum'),
      fc.tuple(tie('sum'), fc.constantFrom(' = ', '<>', ' != ', '<', ' <= ', ' > ', '>='), tie('sum')).map((parts) => parts.join('')),
      fc.tuple(tie('sum'), fc.constantFrom(' IS NULL', ' is not null')).map((parts) => parts.join('')),
      fc.tuple(tie('sum'), not, listed(tie('expression'))).map(([one, word, items]) => `${one}${word}IN (${items})`),
      fc.tuple(tie('sum'), not, tie('sum'), tie('sum')).map(([one, word, low, high]) => `${one}${word}BETWEEN ${low} AND ${high}`),
      fc
        .tuple(tie('sum'), not, fc.constantFrom('LIKE', 'ilike'), tie('sum'), fc.constantFrom('', " ESCAPE '!'", " ESCAPE ''"))
        .map(([one, word, verb, pattern, end]) => `${one}${word}${verb} ${pattern}${end}`)
    ),
    sum: fc.oneof(
      { maxDepth: 9, depthIdentifier: 'expression', depthSize: 'small' },
      tie('product'),
      fc.tuple(tie('sum'), fc.constantFrom(' + ', ' - '), tie('product')).map((parts) => parts.join(''))
    ),
    product: fc.oneof(
      { maxDepth: 9, depthIdentifier: 'expression', depthSize: 'small' },
      tie('factor'),
      fc.tuple(tie('product'), fc.constantFrom('*', ' / ', '%'), tie('factor')).map((parts) => parts.join(''))
    ),
    factor: fc.oneof(
      { maxDepth: 9, depthIdentifier: 'expression', depthSize: 'small' },
      tie('cast'),
      fc.tuple(fc.constantFrom('- ', '+ '), tie('factor')).map((parts) => parts.join(''))
    ),
    cast: fc.oneof(
      { maxDepth: 9, depthIdentifier: 'expression', depthSize: 'small' },
      tie('primary'),
      fc.tuple(tie('cast'), fc.constantFrom('int8', 'text', 'Numeric', 'bool')).map((parts) => parts.join('::'))
    ),
    primary: fc.oneof(
      { maxDepth: 9, depthIdentifier: 'expression', depthSize: 'small' },
      columnText,
      operand.filter((text) => !text.startsWith('-')),
      tie('expression').map((one) => `(${one})`),
      fc
        .tuple(fc.constantFrom('count', 'SUM', 'max'), fc.constantFrom('', 'DISTINCT '), tie('expression'))
        .map(([call, distinct, one]) => `${call}(${distinct}${one})`),
      fc.constant('COUNT(*)'),
      tie('expression').map((one) => `CAST(${one} AS timestamptz)`)
    )
  }
})
const where = expression.map((condition) => ` WHERE ${condition}`)
const optional = (part: fc.Arbitrary<string>) => fc.option(part, { nil: '' })
const list = (item: fc.Arbitrary<string>) => fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => items.join(', '))
const alias = fc.constantFrom('x', '`an alias`', '"quoted"')
const selectItem = fc.oneof(
  fc.constantFrom('*', 'x.*', '"z".*'),
  expression,
  fc.tuple(expression, fc.constantFrom(' ', ' AS '), alias).map((parts) => parts.join('')),
  fc.tuple(expression, name).map((parts) => parts.join(' AS '))
)
const order = fc
  .tuple(expression, fc.constantFrom('', ' ASC', ' desc'), fc.constantFrom('', ' NULLS FIRST', ' nulls last'))
  .map((parts) => parts.join(''))
const point = fc.constantFrom('@seq:5', '@now', '@now - 2 days', "'2025-01-01'", '$2', '"@seq:1"')
const range = fc
  .tuple(point, point, fc.boolean())
  .map(([from, to, isClosed]) => (isClosed ? `BETWEEN ${from} AND ${to}` : `FROM ${from} TO ${to}`))
/** Of time, after FOR SYSTEM_TIME. */
const period = fc.oneof(
  fc.constantFrom('ALL', 'all'),
  range,
  fc.tuple(fc.constantFrom('1 day', '1000 SEQ', '$1 hours', '5 seq'), range).map((parts) => `EACH ${parts.join(' ')}`)
)
const tableAlias = fc.constantFrom('', ' x', ' AS y', ' "z"')
const table = fc.tuple(name, optional(asOf.map((at) => ` FOR SYSTEM_TIME${at}`)), tableAlias).map((parts) => parts.join(''))
/** Without AS OF of the query. */
const timedTable = fc.oneof(
  table,
  fc.tuple(name, asOf, tableAlias).map((parts) => parts.join('')),
  fc.tuple(name, period, tableAlias).map(([one, time, as]) => `${one} FOR SYSTEM_TIME ${time}${as}`),
  fc
    .tuple(fc.constantFrom('DIFF', 'diff'), name, point, point, tableAlias)
    .map(([diff, one, a, b, as]) => `${diff}(${one}, ${a}, ${b})${as}`)
)
const joins = fc.array(
  fc.oneof(
    fc
      .tuple(fc.constantFrom('JOIN', 'inner join', 'LEFT JOIN', 'LEFT OUTER JOIN', 'right join', 'FULL JOIN'), timedTable, expression)
      .map(([verb, right, on]) => ` ${verb} ${right} ON ${on}`),
    timedTable.map((right) => ` CROSS JOIN ${right}`)
  ),
  { maxLength: 2 }
)
const timedSelect = fc
  .tuple(list(selectItem), timedTable, joins, optional(where))
  .map(([items, from, joined, condition]) => `SELECT ${items} FROM ${from}${joined.join('')}${condition}`)
/** The clauses in their order; at most one AS OF behind one of them. */
const select = fc
  .tuple(
    fc.tuple(fc.constantFrom('', 'DISTINCT '), list(selectItem)).map(([distinct, items]) => `SELECT ${distinct}${items}`),
    fc.array(optional(asOf), { minLength: 5, maxLength: 5 }),
    table.map((from) => ` FROM ${from}`),
    optional(where),
    optional(
      fc.tuple(list(expression), optional(expression.map((one) => ` HAVING ${one}`))).map(([keys, having]) => ` GROUP BY ${keys}${having}`)
    ),
    optional(list(order).map((items) => ` ORDER BY ${items}`)),
    fc.constantFrom('', ' LIMIT 3', ' LIMIT $3 OFFSET 2', ' OFFSET 1', ' OFFSET $1 LIMIT 0')
  )
  .map(([begin, points, ...clauses]) => {
    let text = begin
    let hasPoint = clauses[0].includes('SYSTEM_TIME AS OF') || clauses[0].includes('SYSTEM_TIME as of')
    for (const [index, clause] of clauses.entries()) {
      text += clause
      if (clause === '' || hasPoint || points[index] === '') continue
      text += points[index] ?? ''
      hasPoint = true
    }
    return text
  })
const returning = optional(list(selectItem).map((items) => ` RETURNING ${items}`))
const assignments = fc
  .uniqueArray(fc.constantFrom('a', 'b.c', 'b[1]', '"q"', '`from`', 'set', 'x.where'), { minLength: 1, maxLength: 3 })
  .chain((paths) => fc.tuple(...paths.map((each) => expression.map((one) => `${each} = ${one}`))))
  .map((parts) => parts.join(', '))
const conflict = optional(
  fc
    .tuple(
      fc.constantFrom(' ON CONFLICT', ' on conflict (id)'),
      fc.oneof(
        fc.constant(' DO NOTHING'),
        fc.tuple(assignments, optional(where)).map(([set, condition]) => ` DO UPDATE SET ${set}${condition}`)
      )
    )
    .map((parts) => parts.join(''))
)
const columns = fc.constantFrom('(a)', '(a, `b`)', '("a", set)')
const insertSource = fc.oneof(
  list(json),
  fc.array(expression, { minLength: 1, maxLength: 3 }).map((values) => `(a) VALUES ${values.map((one) => `(${one})`).join(', ')}`),
  fc.tuple(optional(columns), select).map((parts) => parts.join(' '))
)
const index = fc.array(
  fc.oneof(
    name,
    fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `(${names.join(', ')})`)
  ),
  { minLength: 1, maxLength: 3 }
)
const statement = fc.oneof(
  select,
  timedSelect,
  fc
    .tuple(name, name, fc.array(index, { maxLength: 2 }), fc.constantFrom('', ' IF NOT EXISTS'))
    .map(
      ([table, pk, indexes, end]) =>
        `CREATE TABLE ${table} (pk=${pk}${indexes.map((items) => `, INDEX(${items.join(', ')})`).join('')})${end}`
    ),
  fc.tuple(fc.constantFrom('EXPLAIN ', 'explain analyze '), select).map((parts) => parts.join('')),
  fc.tuple(name, insertSource, conflict, returning).map(([into, source, ...rest]) => `INSERT INTO ${into} ${source}${rest.join('')}`),
  fc.tuple(name, insertSource, returning).map(([into, source, end]) => `UPSERT INTO ${into} ${source}${end}`),
  fc.tuple(name, assignments, optional(where), returning).map(([of, set, ...rest]) => `UPDATE ${of} SET ${set}${rest.join('')}`),
  fc.tuple(name, optional(where), returning).map(([of, ...rest]) => `DELETE FROM ${of}${rest.join('')}`),
  fc.constantFrom("SET drift.as_of = '@seq:1'", 'SET drift.strict_time TO TRUE', 'reset drift.as_of'),
  fc.tuple(name, scalar, json).map(([table, key, set]) => `PATCH ${table} KEY ${key} SET ${set}`),
  fc.tuple(fc.constantFrom('SOFT DELETE FROM', 'SHOW DRIFT'), name, scalar).map(([verb, table, key]) => `${verb} ${table} KEY ${key}`),
  fc
    .tuple(fc.option(name, { nil: '' }), name, name)
    .map(([called, table, column]) => `CREATE INDEX ${called} ON ${table} (${column} DESC, ${column}.x)`),
  fc.tuple(name, name).map(([called, table]) => `CREATE UNIQUE INDEX IF NOT EXISTS ${called} ON ${table} (a ASC)`),
  fc.tuple(fc.constantFrom('DROP INDEX IF EXISTS', 'DROP INDEX'), name).map(([drop, called]) => `${drop} ${called}`),
  fc
    .tuple(
      name,
      name,
      operand.filter((text) => !/^[^'"\d-]*[a-z`]/.test(text) && !text.includes('".'))
    )
    .map(([table, column]) => `ALTER TABLE ${table} ADD COLUMN ${column} DEFAULT 1`),
  fc.constantFrom(
    'BEGIN',
    'BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED',
    'COMMIT',
    'SNAPSHOT snapshot',
    "BACKUP TO 'x'",
    'ANALYZE TABLE t'
  )
)

test('every random script of valid statements has exactly one meaning', (t) => {
  fc.assert(
    fc.property(fc.array(statement, { minLength: 1, maxLength: 3 }), (statements) => {
      // The parser asserts that there is one; an ambiguity would be INVARIANT.
      t.is(parse(statements.join(' ; '), 'drift').length, statements.length)
    }),
    { numRuns: 2000 }
  )
})

test('an expression printed and read again is the same expression', (t) => {
  const item = (text: string, dialect: Dialect): Expression => {
    const [select] = parse(`SELECT ${text} AS x FROM t`, dialect)
    const only = select?.kind === 'select' ? select.items[0] : undefined
    if (only?.kind !== 'item') throw new Error(`no expression: ${text}`)
    return only.expression
  }
  fc.assert(
    fc.property(expression, fc.constantFrom('drift' as const, 'sql' as const), (text, dialect) => {
      let parsed: Expression
      try {
        parsed = item(text, dialect)
      } catch (thrown) {
        // "…" with escapes of JSON may be no name of dialect sql.
        if (dialect === 'sql' && thrown instanceof DriftError) return
        throw thrown
      }
      // That a value was written "…" does not come back: it matters to the notice alone.
      const plain = JSON.parse(print(parsed), (key, value: unknown) => (key === 'quoted' ? undefined : value)) as unknown
      for (const other of ['drift', 'sql'] as const) {
        same(t, JSON.parse(print(item(expressionText(parsed), other))), plain, expressionText(parsed))
      }
    }),
    { numRuns: 3000 }
  )
})

test('a valid text with a piece cut out or put in is a list of statements or an error for the caller, never a defect', (t) => {
  const piece = fc.oneof(
    fc.string({ maxLength: 3 }),
    fc.constantFrom('"', "'", '`', '{', ']', '/*', '--', ' SELECT ', ' AS OF ', '@', '::', '$', '\\', '\ud800')
  )
  fc.assert(
    fc.property(
      statement,
      fc.nat(),
      fc.nat(8),
      piece,
      fc.constantFrom('drift' as const, 'sql' as const),
      (text, place, cut, put, dialect) => {
        const at = place % (text.length + 1)
        try {
          parse(text.slice(0, at) + put + text.slice(at + cut), dialect)
        } catch (thrown) {
          t.true(thrown instanceof DriftError && thrown.kind === 'invalid', String(thrown))
        }
      }
    ),
    { numRuns: 5000 }
  )
  t.pass()
})
