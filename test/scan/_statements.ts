/** Random conditions and statements over the documents of `test/page/_model.ts`. */
import fc from 'fast-check'
import { type Value } from '../../src/codec/value.js'

/** A text with its parameters, numbered from 1. */
export type Asked = { readonly text: string; readonly parameters: readonly Value[] }

export const fieldNames = ['id', 'a', 'b', 'c', 'd', 'e', '`größe/€`', '`7`', 'f', 'rare3', 'nothing'] as const
const field = fc.constantFrom(...fieldNames)

const constant: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom('paid', 'new', 'shipped', '', 'é'.repeat(150), 'x'.repeat(4500), 'k7', '\ud800', '👍'),
  fc.integer({ min: -210, max: 70_010 }),
  fc.integer({ min: -5, max: 20 }),
  fc.constantFrom(
    0.5,
    -0.25,
    1e300,
    2 ** 31,
    2 ** 53,
    2 ** 60,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 60n + 1n,
    2n ** 64n - 1n,
    -(2n ** 63n),
    2n ** 70n
  ),
  fc.boolean(),
  fc.constantFrom(0, 1, 1_700_000_000_000, 8.64e15).map((ms) => new Date(ms)),
  fc.constantFrom<Value>(null, [], {}, [1, 'a', null, { b: [true] }]),
  fc.uint8Array({ maxLength: 2 })
)

type Made = (parameters: Value[]) => string

const parameter =
  (value: Value): Made =>
  (parameters) =>
    `$${parameters.push(value)}`

const leaf: fc.Arbitrary<Made> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(field, fc.constantFrom('=', '<>', '<', '<=', '>', '>='), constant, fc.boolean()).map(
      ([name, operator, value, isMirrored]): Made =>
        (parameters) =>
          isMirrored ? `${parameter(value)(parameters)} ${operator} ${name}` : `${name} ${operator} ${parameter(value)(parameters)}`
    )
  },
  fc.tuple(field, fc.array(constant, { minLength: 1, maxLength: 4 }), fc.boolean()).map(
    ([name, values, negated]): Made =>
      (parameters) =>
        `${name} ${negated ? 'NOT ' : ''}IN (${values.map((value) => parameter(value)(parameters)).join(', ')})`
  ),
  fc.tuple(field, constant, constant, fc.boolean()).map(
    ([name, low, high, negated]): Made =>
      (parameters) =>
        `${name} ${negated ? 'NOT ' : ''}BETWEEN ${parameter(low)(parameters)} AND ${parameter(high)(parameters)}`
  ),
  fc.tuple(field, fc.constantFrom('p%', '%é%', '_ew', '%', 'K1%', '', 'paid', '\\'), fc.boolean(), fc.boolean()).map(
    ([name, pattern, negated, ignoresCase]): Made =>
      (parameters) =>
        `${name} ${negated ? 'NOT ' : ''}${ignoresCase ? 'ILIKE' : 'LIKE'} ${parameter(pattern)(parameters)}`
  ),
  fc.tuple(field, fc.boolean()).map(
    ([name, negated]): Made =>
      () =>
        `${name} IS ${negated ? 'NOT ' : ''}NULL`
  ),
  field.map(
    (name): Made =>
      () =>
        `${name}`
  ),
  {
    weight: 1,
    arbitrary: fc.constantFrom('f.x = 1', 'b + 1 > 2', 'a = e', 'f.x.y IS NOT NULL', 'true', 'NULL', "b::text LIKE '1%'").map(
      (text): Made =>
        () =>
          text
    )
  }
)

export const condition: fc.Arbitrary<Made> = fc.letrec<{ condition: Made }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 2, depthIdentifier: 'condition' },
    leaf,
    tie('condition').map(
      (inner): Made =>
        (parameters) =>
          `NOT (${inner(parameters)})`
    ),
    fc.tuple(tie('condition'), fc.constantFrom('AND', 'OR'), tie('condition')).map(
      ([left, operator, right]): Made =>
        (parameters) =>
          `(${left(parameters)} ${operator} ${right(parameters)})`
    )
  )
})).condition

const where: fc.Arbitrary<Made> = fc.option(condition, { freq: 4 }).map(
  (made): Made =>
    (parameters) =>
      made === null ? '' : ` WHERE ${made(parameters)}`
)

const aggregate = fc.oneof(
  fc.constant('COUNT(*)'),
  fc.tuple(fc.constantFrom('COUNT', 'SUM', 'AVG', 'MIN', 'MAX'), field).map(([name, of]) => `${name}(${of})`)
)

/** `SELECT … FROM t …` with what stands behind WHERE. */
export const statement: fc.Arbitrary<Asked> = fc
  .oneof(
    fc
      .tuple(
        fc.constantFrom('*', 'id', 'id, a, b', 'a, f.x, `größe/€`', 'c, d, e, `7`, rare3'),
        where,
        fc.constantFrom('', ' ORDER BY id', ' ORDER BY id DESC', ' LIMIT 3', ' ORDER BY id DESC LIMIT 5')
      )
      .map(
        ([items, made, behind]): Made =>
          (parameters) =>
            `SELECT ${items} FROM t${made(parameters)}${behind}`
      ),
    fc
      .tuple(
        field,
        fc.constantFrom('', ' DESC'),
        fc.constantFrom('', ' NULLS FIRST', ' NULLS LAST'),
        fc.integer({ min: 0, max: 12 }),
        where
      )
      .map(
        ([name, direction, nulls, limit, made]): Made =>
          (parameters) =>
            `SELECT id, ${name} FROM t${made(parameters)} ORDER BY ${name}${direction}${nulls} LIMIT ${limit}`
      ),
    fc.tuple(fc.array(aggregate, { minLength: 1, maxLength: 4 }), where).map(
      ([aggregates, made]): Made =>
        (parameters) =>
          `SELECT ${aggregates.map((each, index) => `${each} AS x${index}`).join(', ')} FROM t${made(parameters)}`
    ),
    fc
      .tuple(fc.array(aggregate, { minLength: 1, maxLength: 3 }), fc.uniqueArray(field, { minLength: 1, maxLength: 2 }), where)
      .map(([aggregates, keys, made]): Made => (parameters) => {
        const items = [...keys.map((each, index) => `${each} AS k${index}`), ...aggregates.map((each, index) => `${each} AS x${index}`)]
        return `SELECT ${items.join(', ')} FROM t${made(parameters)} GROUP BY ${keys.join(', ')}`
      })
  )
  .map((made): Asked => {
    const parameters: Value[] = []
    return { text: made(parameters), parameters }
  })
