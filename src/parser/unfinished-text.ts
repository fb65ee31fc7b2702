/** What can be said of a text that is still being written, for shells and editors: where its statements end, and what could come next. */
import { DriftLexer, keywords, type Dialect, type Token } from '../../grammar/lexer.js'
import { QuietParser } from './quiet-parser.js'
import { expectedWords } from './syntax-error.js'

export type StatementEnds = {
  /** Offsets after each `;` that ends a statement; in UTF-16 units. */
  readonly ends: readonly number[]
  /** After the last of them: nothing but space and comments, a statement, or one with an open quote, bracket or comment. */
  readonly rest: 'nothing' | 'statement' | 'unfinished'
  /** The first word of each statement, the last included, in capitals. */
  readonly firstWords: readonly string[]
}

export type Expectation = {
  /** Where the word begins that the cursor is in or after; the cursor where it is in none. */
  readonly from: number
  /** Keywords that could stand there, in capitals; `AS OF` is one. */
  readonly keywords: readonly string[]
  readonly table: boolean
  readonly column: boolean
  /** Tables that the whole text names, in order. */
  readonly tables: readonly string[]
}

const BEFORE_TABLES = new Set(['FROM', 'INTO', 'PATCH', 'DRIFT', 'TABLE', 'ON', 'SNAPSHOT', 'COMPACT', 'JOIN', 'UPDATE'])
const NAMES = new Set(['word', 'backtick', 'quoted'])

const known = new Set(keywords)

/** Where the statements of `text` end, by its tokens alone: whether they are statements at all, the parser says. Never throws. */
export function statementEnds(text: string, dialect: Dialect): StatementEnds {
  const ends: number[] = []
  const firstWords: string[] = []
  let rest: StatementEnds['rest'] = 'nothing'
  for (const token of tokensOf(text, dialect)) {
    if (token.type === 'semicolon') {
      ends.push(token.offset + 1)
      rest = 'nothing'
      continue
    }
    if (rest === 'nothing') firstWords.push(token.text.toUpperCase())
    rest = isUnfinished(token) ? 'unfinished' : 'statement'
  }
  return { ends, rest, firstWords }
}

/** What could stand at `offset`, from the states of the parser after everything before it. Nothing after a syntax error. Never throws. */
export function expectedAt(text: string, offset: number, dialect: Dialect): Expectation {
  const before = text.slice(0, offset)
  const last = lastToken(before, dialect)
  const isWord = last !== undefined && (NAMES.has(last.type) || known.has(last.type)) && last.offset + last.text.length === offset
  const isOpenName = last !== undefined && last.text === '`' && isUnfinished(last)
  const from = (isWord && last.type === 'word') || (isWord && known.has(last.type)) || isOpenName ? last.offset : offset
  const words = wordsAfter(before.slice(0, from), dialect)
  return {
    from,
    keywords: isOpenName ? [] : words.filter((word) => word.split(' ').every((part) => known.has(part))),
    table: words.includes('a table name'),
    column: words.includes('a column name') || words.includes('a field name'),
    tables: tablesOf(text, dialect)
  }
}

function wordsAfter(text: string, dialect: Dialect): readonly string[] {
  const parser = new QuietParser(new DriftLexer(dialect))
  try {
    parser.feed(text)
  } catch (thrown) {
    // A token that cannot stand where it stands; anything else is a defect and not hidden.
    if ((thrown as { token?: Token }).token === undefined) throw thrown
    return []
  }
  return expectedWords(parser.table.at(-1)?.states ?? [])
}

function tablesOf(text: string, dialect: Dialect): readonly string[] {
  const tables = new Set<string>()
  let before: Token | undefined
  for (const token of tokensOf(text, dialect)) {
    if (before !== undefined && BEFORE_TABLES.has(before.type) && NAMES.has(token.type)) tables.add(String(token.value))
    before = token
  }
  return [...tables]
}

function lastToken(text: string, dialect: Dialect): Token | undefined {
  let last: Token | undefined
  for (const token of tokensOf(text, dialect)) last = token
  return last
}

function isUnfinished({ type, expected }: Token): boolean {
  return type === 'error' && expected?.startsWith('a closing ') === true
}

/** All tokens, those after a character that is none too. */
function* tokensOf(text: string, dialect: Dialect): Generator<Token, void> {
  const lexer = new DriftLexer(dialect)
  let base = 0
  lexer.reset(text)
  for (;;) {
    const token = lexer.next()
    if (token === undefined) return
    const offset = base + token.offset
    yield { ...token, offset }
    if (token.type !== 'error' || token.expected !== undefined) continue
    // After what it does not know the lexer says no more.
    base = offset + token.text.length
    lexer.reset(text.slice(base))
  }
}
