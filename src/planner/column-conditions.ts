/** What a condition asks of single columns, in a form that an index can serve. */
import { likePrefix } from '../codec/like.js'
import { type Expression, type Path } from '../parser/ast.js'
import { type Evaluator, type Execution } from '../expression/evaluate.js'
import { conjuncts, constantOf } from './key-access.js'

/** Each must be true of every row; they are the operands of the AND at the top that an index can serve. */
export type ColumnCondition = {
  /** Names of fields, one within the other. */
  readonly path: readonly string[]
  readonly test:
    | { readonly kind: 'equal'; readonly values: readonly Evaluator[] }
    | { readonly kind: 'null' | 'not-null' }
    | { readonly kind: 'low' | 'high'; readonly value: Evaluator; readonly isInclusive: boolean }
    | { readonly kind: 'like'; readonly pattern: Evaluator; readonly escape: string }
}

export type ColumnConditions = {
  readonly conditions: readonly ColumnCondition[]
  /** They are all that is asked. */
  readonly isAll: boolean
  /** For each OR among the operands of the AND at the top, what each of its own operands asks: one of them is true of every row. */
  readonly unions: readonly (readonly ColumnConditions[])[]
}

const SIDES = {
  '<': { kind: 'high', isInclusive: false },
  '<=': { kind: 'high', isInclusive: true },
  '>': { kind: 'low', isInclusive: false },
  '>=': { kind: 'low', isInclusive: true }
} as const
const MIRRORED: Readonly<Record<string, string>> = { '=': '=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' }

export function columnConditions(where: Expression | null): ColumnConditions {
  const all = conjuncts(where)
  const conditions = all.map(conditionsOf)
  const unions = all.flatMap((each) => (each.kind === 'or' ? [each.operands.map(columnConditions)] : []))
  return { conditions: conditions.flat(), isAll: conditions.every((each) => each.length > 0), unions }
}

function conditionsOf(condition: Expression): ColumnCondition[] {
  switch (condition.kind) {
    case 'comparison': {
      const isLeft = fieldOf(condition.left) !== undefined
      const path = fieldOf(isLeft ? condition.left : condition.right)
      const value = constantOf(isLeft ? condition.right : condition.left)
      const operator = isLeft ? condition.operator : MIRRORED[condition.operator]
      if (path === undefined || value === undefined || operator === undefined) return []
      if (operator === '=') return [{ path, test: { kind: 'equal', values: [value] } }]
      const side = SIDES[operator as keyof typeof SIDES]
      return side === undefined ? [] : [{ path, test: { ...side, value } }]
    }
    case 'in': {
      const path = fieldOf(condition.operand)
      const values = condition.items.map(constantOf)
      if (path === undefined || condition.negated || !values.every((value) => value !== undefined)) return []
      return [{ path, test: { kind: 'equal', values } }]
    }
    case 'between': {
      const path = fieldOf(condition.operand)
      const [low, high] = [constantOf(condition.low), constantOf(condition.high)]
      if (path === undefined || condition.negated || low === undefined || high === undefined) return []
      return [
        { path, test: { kind: 'low', value: low, isInclusive: true } },
        { path, test: { kind: 'high', value: high, isInclusive: true } }
      ]
    }
    case 'is-null': {
      const path = fieldOf(condition.operand)
      return path === undefined ? [] : [{ path, test: { kind: condition.negated ? 'not-null' : 'null' } }]
    }
    case 'like': {
      const path = fieldOf(condition.operand)
      const pattern = constantOf(condition.pattern)
      if (path === undefined || pattern === undefined || condition.negated || condition.ignoreCase) return []
      return [{ path, test: { kind: 'like', pattern, escape: condition.escape } }]
    }
    default:
      return []
  }
}

/** What a LIKE asks of the beginning of a text; undefined: nothing, or it is no pattern, which is said where a text is asked. */
export function prefixOf(
  { pattern, escape }: { readonly pattern: Evaluator; readonly escape: string },
  execution: Execution
): string | undefined {
  const value = pattern.value(execution)
  if (typeof value !== 'string') return undefined
  try {
    const prefix = likePrefix(value, escape)
    return prefix === '' ? undefined : prefix
  } catch {
    return undefined
  }
}

export function namesOf(path: Path): readonly string[] | undefined {
  return path.every((step) => typeof step === 'string') ? path : undefined
}

function fieldOf(expression: Expression): readonly string[] | undefined {
  return expression.kind === 'field' ? namesOf(expression.path) : undefined
}
