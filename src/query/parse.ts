/**
 * Text to statements: the generated parser gives the shape, this file the meaning of each token in the asked dialect.
 *
 * nearley's own message for a syntax error is made of its whole state and many lines long; it is never built, ours is.
 */
import nearley from 'nearley'
import compiledGrammar from '../../grammar/driftql.generated.js'
import { DriftLexer, type Dialect, type Token } from '../../grammar/lexer.js'
import {
  arrayOf,
  type AsOfTree,
  type ComparisonTree,
  type NumberTree,
  type OperandTree,
  type PathTree,
  type ScriptTree,
  type StatementTree,
  type ValueTree
} from '../../grammar/syntax-tree.js'
import { assertLaw, DriftError, unreachable } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { parseJson } from '../codec/json-codec.js'
import { type Value } from '../codec/value.js'
import {
  type Comparison,
  type Field,
  type JsonText,
  type Literal,
  type Operand,
  type ParameterReference,
  type Path,
  type Point,
  type Select,
  type Statement
} from './ast.js'
import { parsePoint } from './point-in-time.js'
import { expectedWords, syntaxError, type ParserState } from './syntax-error.js'

const grammar = nearley.Grammar.fromCompiled(compiledGrammar)
const lexers = { drift: new DriftLexer('drift'), sql: new DriftLexer('sql') }

const INTEGER_MIN = -(2n ** 63n)
const INTEGER_MAX = 2n ** 64n - 1n
/** Digits of 2^64; a longer integer need not be converted to know that it is out of range. */
const INTEGER_DIGITS_MAX = 20

/** A lone comma in a sentence would be read as the sentence's own. */
const PUNCTUATION = /^[().,;*=+:-]+$/

class QuietParser extends nearley.Parser {
  /** Its column of states for each place in the text; only the last two are kept. */
  declare readonly table: readonly { readonly states: readonly ParserState[] }[]

  /** Called by nearley for the message of the error it throws, which nobody reads. */
  reportError(): string {
    return ''
  }
}

/**
 * The statements of `text`, in order; none for a text that is empty or only comments. Frozen data; not cached here.
 * @throws DriftError SYNTAX (`line`, `column`, `position`, `found`, `expected`); LIMIT for a text over 64 MiB or too many parameters;
 * OUT_OF_RANGE for a number, INVALID_DOCUMENT for a JSON document, INVALID_ARGUMENT for a point in time that cannot be.
 */
export function parse(text: string, dialect: Dialect): readonly Statement[] {
  checkLength(text)
  const script = parseScript(text, dialect)
  const builder = new StatementBuilder(text, dialect)
  const statements: Statement[] = []
  for (const tree of arrayOf(script)) if (tree !== null) statements.push(builder.statement(tree))
  return freeze(statements)
}

function checkLength(text: string): void {
  const limit = limits.statementBytesMax
  // UTF-8 has at most three bytes for a UTF-16 unit: most texts need no counting.
  if (text.length * 3 <= limit) return
  const seen = Buffer.byteLength(text)
  if (seen > limit)
    throw new DriftError('LIMIT', `a text has at most ${limit} bytes, this one has ${seen}`, { name: 'statementBytesMax', limit, seen })
}

function parseScript(text: string, dialect: Dialect): ScriptTree {
  const parser = new QuietParser(grammar, { keepHistory: false, lexer: lexers[dialect] as unknown as nearley.Lexer })
  try {
    parser.feed(text)
  } catch (thrown) {
    const token = (thrown as { token?: Token }).token
    if (token === undefined) throw thrown
    const expected = token.expected === undefined ? expectedWords(parser.table.at(-2)?.states ?? []) : [token.expected]
    throw syntaxError(text, token.offset, foundWords(token), expected)
  } finally {
    // The lexer lives on: it must not hold the text.
    lexers[dialect].reset('')
  }
  const results = parser.results as ScriptTree[]
  if (results.length === 0) throw syntaxError(text, endOf(text), 'the end of the text', expectedWords(parser.table.at(-1)?.states ?? []))
  const [script] = results
  assertLaw(script !== undefined && results.length === 1, 'QRY-1', `a text has ${results.length} meanings`)
  return script
}

/** Where a text that ends too early ends for the eye: after its last visible character. */
function endOf(text: string): number {
  return text.trimEnd().length
}

function foundWords(token: Token): string {
  if (token.type === 'error') return String(token.value)
  if (PUNCTUATION.test(token.text)) return JSON.stringify(token.text)
  return token.text.length <= 40 ? token.text : `${token.text.slice(0, 39)}…`
}

/** Gives each token its meaning. `"…"` in the place of a value is a value in dialect drift and a name in dialect sql. */
class StatementBuilder {
  readonly #text: string
  readonly #dialect: Dialect

  constructor(text: string, dialect: Dialect) {
    this.#text = text
    this.#dialect = dialect
  }

  statement(tree: StatementTree): Statement {
    switch (tree.kind) {
      case 'create-table': {
        const { table, body, ifNotExists } = tree
        const indexes = arrayOf(body.indexes).flatMap((list) => arrayOf(list).map((columns) => arrayOf(columns).map(nameOf)))
        return { kind: 'create-table', table: nameOf(table), primaryKey: nameOf(body.primaryKey), indexes, ifNotExists }
      }
      case 'insert':
      case 'upsert':
        return { kind: tree.kind, table: nameOf(tree.table), documents: arrayOf(tree.documents).map((token) => this.#document(token)) }
      case 'patch':
        return { kind: 'patch', table: nameOf(tree.table), key: this.#value(tree.key), set: this.#document(tree.set) }
      case 'soft-delete':
      case 'show-drift':
        return { kind: tree.kind, table: nameOf(tree.table), key: this.#value(tree.key) }
      case 'select':
        return this.#select(tree)
      case 'not-supported':
        return { kind: 'not-supported', statement: tree.statement }
      default:
        return unreachable(tree)
    }
  }

  #select(tree: StatementTree & { kind: 'select' }): Select {
    return {
      kind: 'select',
      columns: tree.columns === null ? '*' : arrayOf(tree.columns).map(fieldOf),
      table: nameOf(tree.table),
      where: arrayOf(tree.where).map((comparison) => this.#comparison(comparison)),
      asOf: this.#asOf(tree.asOf.filter((clause) => clause !== null)),
      limit: tree.limit === null ? null : this.#value(tree.limit)
    }
  }

  #comparison(tree: ComparisonTree): Comparison {
    return { kind: 'comparison', operator: '=', left: fieldOf(tree.left), right: this.#operand(tree.right) }
  }

  #operand(tree: OperandTree): Operand {
    if (tree.kind === 'path') return fieldOf(tree.path)
    if (tree.kind === 'token' && tree.token.type === 'quoted' && this.#dialect === 'sql') {
      return { kind: 'field', path: [nameOf(tree.token)] }
    }
    return this.#value(tree)
  }

  #asOf(clauses: readonly AsOfTree[]): Point | ParameterReference | null {
    const [clause, second] = clauses
    if (clause === undefined) return null
    if (second !== undefined) throw syntaxError(this.#text, second.keyword.offset, 'a second AS OF', ['one AS OF in a query'])
    const [token, ...rest] = clause.point
    assertLaw(token !== undefined, 'QRY-1', 'a point in time without a token')
    if (token.type === 'parameter') return parameterOf(token)
    if (token.type === 'quoted') this.#refuseQuotedValue(token)
    return { kind: 'point', point: parsePoint([token, ...rest].map((part) => part.value).join(' ')) }
  }

  #value(tree: ValueTree): Literal | ParameterReference {
    if (tree.kind === 'number') return literalOf(this.#number(tree))
    const { token } = tree
    switch (token.type) {
      case 'quoted':
        this.#refuseQuotedValue(token)
        return literalOf(token.value)
      case 'string':
        return literalOf(token.value)
      case 'TRUE':
        return literalOf(true)
      case 'FALSE':
        return literalOf(false)
      case 'NULL':
        return literalOf(null)
      case 'json':
        return literalOf(this.#json(token))
      case 'parameter':
        return parameterOf(token)
      default:
        throw new DriftError('INVARIANT', `a value cannot be a token ${token.type}`)
    }
  }

  #number(tree: NumberTree): number | bigint {
    const digits = tree.token.text
    const sign = tree.negative ? '-' : ''
    if (tree.token.type === 'float') {
      const value = Number(sign + digits)
      if (!Number.isFinite(value)) throw this.#outOfRange(tree, 'is too large for a float64')
      // No minus zero, as in documents.
      return value + 0
    }
    const significant = digits.replace(/^0+(?=\d)/, '')
    const value = significant.length > INTEGER_DIGITS_MAX ? INTEGER_MAX + 1n : BigInt(significant) * (tree.negative ? -1n : 1n)
    if (value < INTEGER_MIN || value > INTEGER_MAX) throw this.#outOfRange(tree, 'is outside -2^63 … 2^64-1')
    return BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? Number(value) : value
  }

  #document(token: Token): JsonText | ParameterReference {
    if (token.type === 'parameter') return parameterOf(token)
    // Read once now, so that no statement of a text runs if one is wrong, and again at each execution, whose values are its own.
    this.#json(token)
    return { kind: 'json', text: token.text }
  }

  #json(token: Token): Value {
    try {
      return parseJson(token.text)
    } catch (thrown) {
      if (!(thrown instanceof DriftError) || thrown.code !== 'DRIFT_SYNTAX') throw thrown
      const { position, found, expected } = thrown.details
      const offset = token.offset + (typeof position === 'number' ? position : 0)
      throw syntaxError(this.#text, offset, String(found), [String(expected)], thrown)
    }
  }

  #refuseQuotedValue(token: Token): void {
    if (this.#dialect === 'drift') return
    throw syntaxError(this.#text, token.offset, `the name ${foundWords(token)}`, ['a value (\'…\' is one, "…" is a name in this dialect)'])
  }

  #outOfRange(tree: NumberTree, reason: string): DriftError {
    const number = `${tree.negative ? '-' : ''}${foundWords(tree.token)}`
    return new DriftError('OUT_OF_RANGE', `the number ${number} ${reason}`, { position: tree.token.offset })
  }
}

function nameOf(token: Token): string {
  return String(token.value)
}

function fieldOf(tree: PathTree): Field {
  const path: Path = arrayOf(tree).map(nameOf)
  return { kind: 'field', path }
}

function literalOf(value: Value): Literal {
  return { kind: 'literal', value }
}

function parameterOf(token: Token): ParameterReference {
  const reference = token.value
  if (reference === 0) throw new DriftError('INVALID_ARGUMENT', 'parameters are numbered from $1', { position: token.offset })
  if (typeof reference === 'number' && reference > limits.parametersMax) {
    const limit = limits.parametersMax
    throw new DriftError('LIMIT', `a text has at most ${limit} parameters`, { name: 'parametersMax', limit, seen: reference })
  }
  return { kind: 'parameter', reference }
}

/** Freezes plain data and everything in it. Its depth is bounded: JSON values have at most 100 levels. */
function freeze<T>(data: T): T {
  if (typeof data !== 'object' || data === null || Object.isFrozen(data)) return data
  Object.freeze(data)
  for (const inner of Object.values(data)) freeze(inner)
  return data
}
