/**
 * Expressions over batches. Compiled once for a statement; each evaluation gives one value a row, null where the row's null byte is 1.
 * What does not depend on a row (literals, parameters and what is made of them) is evaluated once for each execution.
 */
import { DriftError, unreachable } from '../base/errors.js'
import { type Expression, type Field } from '../parser/ast.js'
import { expressionText } from '../parser/expression-text.js'
import { arithmetic, negate } from './arithmetic.js'
import { pick, type Batch, type Vector } from './batch.js'
import { castTo } from './cast.js'
import { equals, FALSE, TRUE } from '../codec/value-equality.js'
import { likeMatcher, type LikeMatcher } from '../codec/like.js'
import { compareInClass } from '../codec/value-order.js'
import { valueOf, type Parameters } from './parameters.js'

/** What an execution brings: its parameters. Values of constants are kept here, by evaluator. */
export type Execution = { readonly parameters: Parameters; readonly constants: Map<Evaluator, unknown> }

export function newExecution(parameters: Parameters): Execution {
  return { parameters, constants: new Map() }
}

export type Evaluator = {
  /** True if the value is the same for every row of an execution. */
  readonly isConstant: boolean
  vector(batch: Batch, execution: Execution): Vector
  /** The value of a constant. */
  value(execution: Execution): unknown
}

/** Where the names of an expression are: which column of the batch a field or an aggregate is. */
export type Scope = {
  /** The column that already holds this expression, if one does: a field, an aggregate, a GROUP BY expression. */
  columnOf(expression: Expression): number | undefined
  /** Called for a field that no column holds: gives it one, or refuses it. */
  field(field: Field): number
}

export function compile(expression: Expression, scope: Scope): Evaluator {
  const column = scope.columnOf(expression)
  if (column !== undefined) return columnEvaluator(column)
  const inner = (operand: Expression): Evaluator => compile(operand, scope)
  switch (expression.kind) {
    case 'literal': {
      const { value } = expression
      return constant(() => value)
    }
    case 'parameter':
      return constant(({ parameters }) => valueOf(expression, parameters))
    case 'field':
      return columnEvaluator(scope.field(expression))
    case 'and':
      return logical(expression.operands.map(inner), false)
    case 'or':
      return logical(expression.operands.map(inner), true)
    case 'not':
      return unary(inner(expression.operand), (value) => (typeof value === 'boolean' ? !value : null))
    case 'negate':
      return unary(inner(expression.operand), negate)
    case 'comparison':
      return binary(inner(expression.left), inner(expression.right), COMPARERS[expression.operator])
    case 'arithmetic': {
      const { operator } = expression
      return binary(inner(expression.left), inner(expression.right), (left, right) => arithmetic(operator, left, right))
    }
    case 'in':
      return isIn(inner(expression.operand), expression.items.map(inner), expression.negated)
    case 'between':
      return between(inner(expression.operand), inner(expression.low), inner(expression.high), expression.negated)
    case 'like':
      return like(inner(expression.operand), inner(expression.pattern), expression)
    case 'is-null':
      return isNull(inner(expression.operand), expression.negated)
    case 'cast': {
      const { type } = expression
      return unary(inner(expression.operand), (value) => castTo(type, value))
    }
    case 'aggregate':
      throw new DriftError(
        'INVALID_ARGUMENT',
        `${expressionText(expression)} cannot stand here: aggregates belong to SELECT, HAVING and ORDER BY`,
        {
          expression: expressionText(expression)
        }
      )
    default:
      return unreachable(expression)
  }
}

/** The rows for which the evaluator is true: neither false nor NULL nor another value. Undefined: all of them. */
export function rowsWhere(evaluator: Evaluator, batch: Batch, execution: Execution): number[] | undefined {
  const { values, nulls } = evaluator.vector(batch, execution)
  const rows: number[] = []
  for (let row = 0; row < batch.rowCount; row++) if (nulls[row] === 0 && values[row] === true) rows.push(row)
  return rows.length === batch.rowCount ? undefined : rows
}

type Comparer = (left: unknown, right: unknown) => boolean | null

const COMPARERS: Readonly<Record<'=' | '<>' | '<' | '<=' | '>' | '>=', Comparer>> = {
  '=': (left, right) => equals(left, right) === TRUE,
  '<>': (left, right) => equals(left, right) === FALSE,
  '<': (left, right) => ordered(compareInClass(left, right), -1, -1),
  '<=': (left, right) => ordered(compareInClass(left, right), -1, 0),
  '>': (left, right) => ordered(compareInClass(left, right), 1, 1),
  '>=': (left, right) => ordered(compareInClass(left, right), 1, 0)
}

function ordered(order: number | undefined, sign: number, also: number): boolean | null {
  if (order === undefined) return null
  const found = Math.sign(order)
  return found === sign || found === also
}

function newVector(rowCount: number): { values: unknown[]; nulls: Uint8Array } {
  return { values: new Array<unknown>(rowCount), nulls: new Uint8Array(rowCount) }
}

function set(vector: { values: unknown[]; nulls: Uint8Array }, row: number, value: unknown): void {
  vector.values[row] = value
  if (value === null || value === undefined) {
    vector.values[row] = null
    vector.nulls[row] = 1
  }
}

function columnEvaluator(index: number): Evaluator {
  return {
    isConstant: false,
    vector(batch) {
      const column = batch.columns[index]
      if (column === undefined)
        throw new DriftError('INVARIANT', `QRY-2: a batch of ${batch.columns.length} columns has no column ${index}`)
      return column
    },
    value: notConstant
  }
}

function notConstant(): never {
  throw new DriftError('INVARIANT', 'QRY-2: the value of an expression that is no constant')
}

/** The value is found once an execution, when it is first needed. */
function constant(find: (execution: Execution) => unknown): Evaluator {
  const evaluator: Evaluator = {
    isConstant: true,
    vector(batch, execution) {
      const vector = newVector(batch.rowCount)
      const value = evaluator.value(execution)
      for (let row = 0; row < batch.rowCount; row++) set(vector, row, value)
      return vector
    },
    value(execution) {
      const { constants } = execution
      const known = constants.get(evaluator)
      if (known !== undefined) return known
      const value = find(execution) ?? null
      constants.set(evaluator, value)
      return value
    }
  }
  return evaluator
}

/** `apply` is not asked about NULL, which gives NULL. */
function unary(operand: Evaluator, apply: (value: unknown) => unknown): Evaluator {
  if (operand.isConstant) {
    return constant((execution) => {
      const value = operand.value(execution)
      return value === null ? null : apply(value)
    })
  }
  return {
    isConstant: false,
    vector(batch, execution) {
      const { values, nulls } = operand.vector(batch, execution)
      const result = newVector(batch.rowCount)
      for (let row = 0; row < batch.rowCount; row++) set(result, row, nulls[row] === 1 ? null : apply(values[row]))
      return result
    },
    value: notConstant
  }
}

function binary(left: Evaluator, right: Evaluator, apply: (left: unknown, right: unknown) => unknown): Evaluator {
  if (right.isConstant) {
    if (left.isConstant) {
      return constant((execution) => {
        const [a, b] = [left.value(execution), right.value(execution)]
        return a === null || b === null ? null : apply(a, b)
      })
    }
    return {
      isConstant: false,
      vector(batch, execution) {
        const { values, nulls } = left.vector(batch, execution)
        const value = right.value(execution)
        const result = newVector(batch.rowCount)
        for (let row = 0; row < batch.rowCount; row++) {
          set(result, row, value === null || nulls[row] === 1 ? null : apply(values[row], value))
        }
        return result
      },
      value: notConstant
    }
  }
  return {
    isConstant: false,
    vector(batch, execution) {
      const a = left.vector(batch, execution)
      const b = right.vector(batch, execution)
      const result = newVector(batch.rowCount)
      for (let row = 0; row < batch.rowCount; row++) {
        set(result, row, a.nulls[row] === 1 || b.nulls[row] === 1 ? null : apply(a.values[row], b.values[row]))
      }
      return result
    },
    value: notConstant
  }
}

/** Of several vectors, row by row, with NULL among the values. */
function combined(operands: readonly Evaluator[], apply: (values: readonly unknown[]) => unknown): Evaluator {
  if (operands.every((operand) => operand.isConstant)) {
    return constant((execution) => apply(operands.map((operand) => operand.value(execution))))
  }
  return {
    isConstant: false,
    vector(batch, execution) {
      const vectors = operands.map((operand) => operand.vector(batch, execution))
      const result = newVector(batch.rowCount)
      for (let row = 0; row < batch.rowCount; row++) {
        set(result, row, apply(vectors.map(({ values, nulls }) => (nulls[row] === 1 ? null : values[row]))))
      }
      return result
    },
    value: notConstant
  }
}

/** AND (`decides` false) and OR (true): the deciding value wins over NULL, NULL over the other. A value that is no boolean is NULL. */
function logical(operands: readonly Evaluator[], decides: boolean): Evaluator {
  if (operands.every((operand) => operand.isConstant)) {
    return constant((execution) => {
      let result: boolean | null = !decides
      for (const operand of operands) {
        const value = operand.value(execution)
        if (value === decides) return decides
        if (value !== !decides) result = null
      }
      return result
    })
  }
  return {
    isConstant: false,
    vector(batch, execution) {
      const result = newVector(batch.rowCount)
      result.values.fill(!decides)
      for (const operand of operands) {
        const { values, nulls } = vectorWhereOpen(operand, batch, execution, result.values, decides)
        for (let row = 0; row < batch.rowCount; row++) {
          if (result.values[row] === decides) continue
          const value = nulls[row] === 1 ? null : values[row]
          if (value === decides) {
            result.values[row] = decides
            result.nulls[row] = 0
          } else if (value !== !decides) set(result, row, null)
        }
      }
      return result
    },
    value: notConstant
  }
}

/**
 * The operand's values for the rows that are not decided yet. It is asked about all rows, which is faster; but an error (a cast, say) counts
 * only if it comes from an open row, so that `kind = 'n' AND x::int8 > 5` is not refused for the rows of another kind.
 */
function vectorWhereOpen(operand: Evaluator, batch: Batch, execution: Execution, found: readonly unknown[], decides: boolean): Vector {
  try {
    return operand.vector(batch, execution)
  } catch (thrown) {
    const open: number[] = []
    for (let row = 0; row < batch.rowCount; row++) if (found[row] !== decides) open.push(row)
    if (!(thrown instanceof DriftError) || open.length === batch.rowCount) throw thrown
    const result = newVector(batch.rowCount)
    if (open.length === 0) return result
    const { values, nulls } = operand.vector(pick(batch, open), execution)
    for (const [index, row] of open.entries()) set(result, row, nulls[index] === 1 ? null : values[index])
    return result
  }
}

function isIn(operand: Evaluator, items: readonly Evaluator[], negated: boolean): Evaluator {
  const found = (value: unknown, choices: readonly unknown[]): boolean | null => {
    if (value === null) return null
    let hasNull = false
    for (const choice of choices) {
      if (choice === null) hasNull = true
      else if (equals(value, choice) === TRUE) return !negated
    }
    return hasNull ? null : negated
  }
  if (!items.every((item) => item.isConstant)) {
    return combined([operand, ...items], ([value, ...choices]) => found(value, choices))
  }
  return {
    isConstant: operand.isConstant,
    vector(batch, execution) {
      const { values, nulls } = operand.vector(batch, execution)
      const choices = items.map((item) => item.value(execution))
      const texts = choices.every((choice) => typeof choice === 'string') ? new Set(choices) : undefined
      const result = newVector(batch.rowCount)
      for (let row = 0; row < batch.rowCount; row++) {
        const value = nulls[row] === 1 ? null : values[row]
        if (texts !== undefined && value !== null) set(result, row, texts.has(value as string) !== negated)
        else set(result, row, found(value, choices))
      }
      return result
    },
    value: (execution) =>
      found(
        operand.value(execution),
        items.map((item) => item.value(execution))
      )
  }
}

/** `low <= x AND x <= high`, with its NULLs: one bound that fails is enough. */
function between(operand: Evaluator, low: Evaluator, high: Evaluator, negated: boolean): Evaluator {
  return combined([operand, low, high], ([value, from, to]) => {
    const above = value === null || from === null ? null : COMPARERS['>='](value, from)
    const below = value === null || to === null ? null : COMPARERS['<='](value, to)
    if (above === false || below === false) return negated
    return above === null || below === null ? null : !negated
  })
}

function like(
  operand: Evaluator,
  pattern: Evaluator,
  { escape, ignoreCase, negated }: { readonly escape: string; readonly ignoreCase: boolean; readonly negated: boolean }
): Evaluator {
  let lastPattern: string | undefined
  let lastMatcher: LikeMatcher | undefined
  return binary(operand, pattern, (text, shape) => {
    if (typeof text !== 'string' || typeof shape !== 'string') return null
    if (lastMatcher === undefined || lastPattern !== shape) {
      lastMatcher = likeMatcher(shape, escape, ignoreCase)
      lastPattern = shape
    }
    return lastMatcher(text) !== negated
  })
}

function isNull(operand: Evaluator, negated: boolean): Evaluator {
  if (operand.isConstant) return constant((execution) => (operand.value(execution) === null) !== negated)
  return {
    isConstant: false,
    vector(batch, execution) {
      const { nulls } = operand.vector(batch, execution)
      const result = newVector(batch.rowCount)
      for (let row = 0; row < batch.rowCount; row++) result.values[row] = (nulls[row] === 1) !== negated
      return result
    },
    value: notConstant
  }
}

/** A batch of one row without columns, for expressions that read none. */
export const NO_ROW: Batch = { rowCount: 1, columns: [] }
