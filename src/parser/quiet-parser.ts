/**
 * The generated parser for one text. nearley's own message for a syntax error is made of its whole state and many lines long; it is never
 * built, ours is.
 */
import nearley from 'nearley'
import compiledGrammar from '../../grammar/driftql.generated.js'
import { type DriftLexer } from '../../grammar/lexer.js'
import { type ParserState } from './syntax-error.js'

const grammar = nearley.Grammar.fromCompiled(compiledGrammar)

export class QuietParser extends nearley.Parser {
  /** Its column of states for each place in the text; only the last two are kept. */
  declare readonly table: readonly { readonly states: readonly ParserState[] }[]

  constructor(lexer: DriftLexer) {
    super(grammar, { keepHistory: false, lexer: lexer as unknown as nearley.Lexer })
  }

  /** Called by nearley for the message of the error it throws, which nobody reads. */
  reportError(): string {
    return ''
  }
}
