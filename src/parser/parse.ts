/** Text to statements: the generated parser gives the shape, `statement-builder.ts` the meaning of each token in the asked dialect. */
import { DriftLexer, type Dialect, type Token } from '../../grammar/lexer.js'
import { arrayOf, type ScriptTree } from '../../grammar/syntax-tree.js'
import { assertLaw, DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { type Statement } from './ast.js'
import { QuietParser } from './quiet-parser.js'
import { foundWords, StatementBuilder } from './statement-builder.js'
import { expectedWords, syntaxError } from './syntax-error.js'

const lexers = { drift: new DriftLexer('drift'), sql: new DriftLexer('sql') }

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
  const parser = new QuietParser(lexers[dialect])
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

/** Freezes plain data and everything in it. Its depth is bounded: JSON values have at most 100 levels. */
function freeze<T>(data: T): T {
  if (typeof data !== 'object' || data === null || Object.isFrozen(data)) return data
  Object.freeze(data)
  for (const inner of Object.values(data)) freeze(inner)
  return data
}
