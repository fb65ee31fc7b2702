/** A WHERE condition as a function of one document, for scans by key. */
import { DriftError } from '../base/errors.js'
import { type Document } from '../codec/value.js'
import { type Expression, type Path } from '../parser/ast.js'
import { parse } from '../parser/parse.js'
import { batchOf } from './batch.js'
import { compile, newExecution } from './evaluate.js'
import { type Parameters } from './parameters.js'

/**
 * `text` is what stands after WHERE, in dialect `dialect`.
 * @throws DriftError SYNTAX, with places in the text that begins with `SELECT * FROM t WHERE`; INVALID_ARGUMENT for more than a condition.
 */
export function rowCondition(text: string, parameters: Parameters, dialect: 'drift' | 'sql'): (document: Document) => boolean {
  const paths: Path[] = []
  const evaluator = compile(conditionOf(text, dialect), {
    columnOf: () => undefined,
    field: ({ path }) => paths.push(path) - 1
  })
  const execution = newExecution(parameters)
  return (document) => {
    const { values, nulls } = evaluator.vector(batchOf([document], { paths, documents: 'drop' }), execution)
    return nulls[0] === 0 && values[0] === true
  }
}

function conditionOf(text: string, dialect: 'drift' | 'sql'): Expression {
  // The brackets keep a text such as `a = 1 LIMIT 3` from meaning more than a condition.
  const [statement, second] = parse(`SELECT * FROM t WHERE (${text}\n)`, dialect)
  if (second === undefined && statement?.kind === 'select' && statement.where !== null) return statement.where
  throw new DriftError('INVALID_ARGUMENT', 'where takes one condition, as it would stand after WHERE', { text })
}
