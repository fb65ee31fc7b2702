/** The values of `$n`, `?` and `:name` of one execution. */
import { DriftError } from '../base/errors.js'
import { settled } from '../codec/integer.js'
import { type Value } from '../codec/value.js'
import { type Literal, type ParameterReference } from '../parser/ast.js'

/** An array for `$n` and `?`, an object for `:name`. */
export type Parameters = readonly unknown[] | { readonly [name: string]: unknown }

/**
 * The value of a literal or a parameter; `undefined` given as a value is null. What can be stored is checked where it is stored.
 * @throws DriftError INVALID_ARGUMENT (`parameter`) if the parameter was not given, or is no value.
 */
export function valueOf(operand: Literal | ParameterReference, parameters: Parameters): Value {
  if (operand.kind === 'literal') return operand.value
  const { reference } = operand
  if (typeof reference === 'number') {
    if (Array.isArray(parameters) && reference <= parameters.length) return normalised(parameters[reference - 1], `$${reference}`)
    throw missing(`$${reference}`, 'give an array with a value for each')
  }
  if (!Array.isArray(parameters) && Object.hasOwn(parameters, reference)) {
    return normalised((parameters as { readonly [name: string]: unknown })[reference], `:${reference}`)
  }
  throw missing(`:${reference}`, 'give an object with a field for each')
}

/** As a document's values are normalised when they are written. */
function normalised(value: unknown, parameter: string): Value {
  switch (typeof value) {
    case 'undefined':
      return null
    case 'bigint':
      return settled(value)
    case 'number':
      if (Number.isFinite(value)) return value + 0
      break
    case 'function':
    case 'symbol':
      break
    default:
      if (!(value instanceof Date) || !Number.isNaN(value.getTime())) return value as Value
  }
  throw new DriftError('INVALID_ARGUMENT', `parameter ${parameter}: ${String(value)} is no value of the database`, { parameter })
}

function missing(parameter: string, advice: string): DriftError {
  return new DriftError('INVALID_ARGUMENT', `no value for parameter ${parameter}: ${advice}`, { parameter })
}
