/** The values of `$n`, `?` and `:name` of one execution. */
import { DriftError } from '../base/errors.js'
import { type Value } from '../codec/value.js'
import { type Literal, type ParameterReference } from './ast.js'

/** An array for `$n` and `?`, an object for `:name`. */
export type Parameters = readonly unknown[] | { readonly [name: string]: unknown }

/**
 * The value of a literal or a parameter; `undefined` given as a value is null. What can be stored is checked where it is stored.
 * @throws DriftError INVALID_ARGUMENT (`parameter`) if the parameter was not given.
 */
export function valueOf(operand: Literal | ParameterReference, parameters: Parameters): Value {
  if (operand.kind === 'literal') return operand.value
  const { reference } = operand
  if (typeof reference === 'number') {
    if (Array.isArray(parameters) && reference <= parameters.length) return (parameters[reference - 1] ?? null) as Value
    throw missing(`$${reference}`, 'give an array with a value for each')
  }
  if (!Array.isArray(parameters) && Object.hasOwn(parameters, reference)) {
    return ((parameters as { readonly [name: string]: unknown })[reference] ?? null) as Value
  }
  throw missing(`:${reference}`, 'give an object with a field for each')
}

function missing(parameter: string, advice: string): DriftError {
  return new DriftError('INVALID_ARGUMENT', `no value for parameter ${parameter}: ${advice}`, { parameter })
}
