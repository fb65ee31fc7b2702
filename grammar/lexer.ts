/**
 * The tokens of DriftQL, for the generated parser.
 *
 * moo finds the short tokens. What can be long (strings, quoted names, block comments, JSON literals) it only recognises by the first
 * character; the end is found here with indexOf and a loop, because a regular expression over megabytes overflows its stack, and because
 * a balanced JSON literal must be one token (JSON.parse reads it a hundred times faster than the grammar would).
 * Every keyword is a token type of its own, in capitals; whether it may also be a name is the grammar's business.
 */
import moo from 'moo'

/** How `"…"` is read: `drift` with JSON escapes, `sql` with `""`. Where it is a value and where a name is decided later. */
export type Dialect = 'drift' | 'sql'

export type Token = {
  readonly type: string
  /** As written. */
  readonly text: string
  /** Without quotes and escapes; of a parameter its number or name; of an `error` what was found, in words. */
  readonly value: string | number
  /** UTF-16 units from the beginning of the text. */
  readonly offset: number
  /** Of an `error`: what would have been right, where the lexer knows better than the grammar. */
  readonly expected?: string
}

/** In capitals, as they are token types. */
export const keywords: readonly string[] = (
  'ADD ALL ALTER ANALYZE AND AS ASC BACKUP BEGIN BETWEEN BY CAST COLUMN COMMIT COMMITTED COMPACT CONFLICT CREATE CROSS DEFAULT ' +
  'DELETE DESC DIFF DISTINCT DO DRIFT DROP EACH ESCAPE EXISTS EXPLAIN FALSE FIRST FOR FROM FULL GROUP HAVING IF ILIKE IN INDEX ' +
  'INNER INSERT INTO IS ISOLATION JOIN KEY LAST LEFT LEVEL LIKE LIMIT LOCKED NOT NOTHING NOWAIT NULL NULLS OF OFFSET ON ONLY OR ORDER OUTER PATCH ' +
  'PK READ RELEASE REPEATABLE RESET RETURNING RIGHT ROLLBACK SAVEPOINT SELECT SERIALIZABLE SET SHOW SKIP SNAPSHOT SOFT START SYSTEM_TIME ' +
  'TABLE TO TRANSACTION TRUE UNCOMMITTED UNIQUE UPDATE UPSERT VALUES WHERE WITH WRITE'
).split(' ')

const keywordTypes = new Map(keywords.map((keyword) => [keyword.toLowerCase(), keyword]))

const rules: moo.Rules = {
  space: { match: /[\s\ufeff]+/u, lineBreaks: true },
  lineComment: /--[^\n]*/u,
  blockComment: /\/\*/u,
  quoted: /"/u,
  string: /'/u,
  backtick: /`/u,
  json: /[{[]/u,
  seqPoint: /@[sS][eE][qQ]:\d+/u,
  nowPoint: /@[nN][oO][wW](?![\p{L}\p{N}_])/u,
  cast: /::/u,
  parameter: /\$\d+|\?|:[\p{L}_][\p{L}\p{M}\p{N}_]*/u,
  float: /(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)(?![\p{L}\p{N}_$])/u,
  // A number that runs into letters is neither.
  malformed: /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[\p{L}_$][\p{L}\p{M}\p{N}_$]*/u,
  integer: /\d+/u,
  word: /[\p{L}_][\p{L}\p{M}\p{N}_$]*/u,
  lparen: /\(/u,
  rparen: /\)/u,
  comma: /,/u,
  dot: /\./u,
  semicolon: /;/u,
  star: /\*/u,
  notEquals: /!=|<>/u,
  lessOrEqual: /<=/u,
  greaterOrEqual: />=/u,
  less: /</u,
  greater: />/u,
  equals: /=/u,
  plus: /\+/u,
  minus: /-/u,
  slash: /\//u,
  percent: /%/u,
  error: moo.error
}

const NESTING_MAX = 200
const PREFIXES_MAX = 50

const tokenTypes = new Set([...keywords, ...Object.keys(rules)])

/** nearley's lexer interface over moo. One text at a time: `reset`, then `next` until undefined. */
export class DriftLexer {
  readonly #dialect: Dialect
  readonly #moo = moo.compile(rules)
  #text = ''
  /** Where moo's buffer begins in the text: it is given the rest again after each long token. */
  #base = 0
  #positionalCount = 0
  #depth = 0
  #prefixes = 0
  #parameterKind = ''

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  reset(text: string): void {
    this.#text = text
    this.#positionalCount = 0
    this.#depth = 0
    this.#prefixes = 0
    this.#parameterKind = ''
    this.#continueAt(0)
  }

  /**
   * The next token. What nests is bounded here, before the parser sees it: it needs kilobytes for each open bracket, and time that grows
   * with the square of the signs and NOTs before one operand.
   */
  next(): Token | undefined {
    const token = this.#read()
    if (token === undefined) return undefined
    const { type } = token
    if (type === 'semicolon') this.#depth = 0
    else if (type === 'rparen') this.#depth--
    else if (type === 'lparen' && ++this.#depth > NESTING_MAX) return tooDeep(token, `at most ${NESTING_MAX} brackets in each other`)
    this.#prefixes = type === 'NOT' || type === 'minus' || type === 'plus' ? this.#prefixes + 1 : 0
    return this.#prefixes > PREFIXES_MAX ? tooDeep(token, `at most ${PREFIXES_MAX} signs or NOTs before a value`) : token
  }

  #read(): Token | undefined {
    for (;;) {
      const found = this.#moo.next()
      if (found === undefined) return undefined
      const offset = this.#base + found.offset
      const { text } = found
      switch (found.type) {
        case 'space':
        case 'lineComment':
          continue
        case 'blockComment': {
          const end = this.#text.indexOf('*/', offset + 2)
          if (end < 0) return this.#unfinished(offset, 'a comment without an end', '*/')
          this.#continueAt(end + 2)
          continue
        }
        case 'string':
        case 'backtick':
          return this.#doubled(found.type, text, offset)
        case 'quoted':
          return this.#dialect === 'sql' ? this.#doubled('quoted', text, offset) : this.#escaped(offset)
        case 'json':
          return this.#json(offset)
        case 'parameter':
          return this.#parameter(text, offset)
        case 'word':
          return { type: keywordTypes.get(text.toLowerCase()) ?? 'word', text, value: text, offset }
        case 'error':
        case 'malformed': {
          const shown = found.type === 'error' ? String.fromCodePoint(text.codePointAt(0) ?? 0) : text
          return { type: 'error', text: shown, value: JSON.stringify(shown), offset }
        }
        default:
          return { type: found.type ?? 'error', text, value: text, offset }
      }
    }
  }

  /** True for a type this lexer can give: the generated parser asks, so a misspelt `%token` fails when it is loaded. */
  has(type: string): boolean {
    return tokenTypes.has(type)
  }

  /** Of nearley's interface; a text is never fed in pieces, so there is nothing to save. */
  save(): undefined {
    return undefined
  }

  /** Of nearley's interface; its messages are never shown. */
  formatError(): string {
    return ''
  }

  #continueAt(offset: number): void {
    this.#base = offset
    this.#moo.reset(offset === 0 ? this.#text : this.#text.slice(offset))
  }

  /** A token between two equal quotes, where two of them inside stand for one. */
  #doubled(type: string, quote: string, offset: number): Token {
    let from = offset + 1
    for (;;) {
      const end = this.#text.indexOf(quote, from)
      if (end < 0) return this.#unfinished(offset, `${quote} without an end`, quote)
      if (this.#text[end + 1] === quote) {
        from = end + 2
        continue
      }
      this.#continueAt(end + 1)
      const inner = this.#text.slice(offset + 1, end)
      const value = inner.includes(quote) ? inner.replaceAll(quote + quote, quote) : inner
      return { type, text: this.#text.slice(offset, end + 1), value, offset }
    }
  }

  /** `"…"` with JSON's escapes. */
  #escaped(offset: number): Token {
    const end = endOfJsonString(this.#text, offset)
    if (end < 0) return this.#unfinished(offset, '" without an end', '"')
    const text = this.#text.slice(offset, end)
    this.#continueAt(end)
    try {
      return { type: 'quoted', text, value: JSON.parse(text) as string, offset }
    } catch {
      const expected = 'a string with the escapes of JSON, line breaks as \\n'
      return { type: 'error', text, value: shorten(text), offset, expected }
    }
  }

  /** From `{` or `[` to the bracket that closes it. Only brackets are counted: whether it is JSON, the JSON parser says. */
  #json(offset: number): Token {
    const brackets = /["{}[\]]/g
    brackets.lastIndex = offset
    let depth = 0
    for (let match = brackets.exec(this.#text); match !== null; match = brackets.exec(this.#text)) {
      if (match[0] === '"') {
        const end = endOfJsonString(this.#text, match.index)
        if (end < 0) break
        brackets.lastIndex = end
      } else if (match[0] === '{' || match[0] === '[') {
        depth++
      } else if (--depth === 0) {
        const end = match.index + 1
        const text = this.#text.slice(offset, end)
        this.#continueAt(end)
        return { type: 'json', text, value: '', offset }
      }
    }
    const open = this.#text.charAt(offset)
    return this.#unfinished(offset, `JSON that begins with ${open} and does not end`, open === '{' ? '}' : ']')
  }

  #parameter(text: string, offset: number): Token {
    const kind = text.charAt(0)
    if (this.#parameterKind !== '' && this.#parameterKind !== kind) {
      return { type: 'error', text, value: text, offset, expected: 'one kind of parameter in a text: $1 or ? or :name' }
    }
    this.#parameterKind = kind
    const value = kind === ':' ? text.slice(1) : kind === '?' ? ++this.#positionalCount : Number(text.slice(1))
    return { type: 'parameter', text, value, offset }
  }

  #unfinished(offset: number, found: string, end: string): Token {
    this.#continueAt(this.#text.length)
    return { type: 'error', text: this.#text.charAt(offset), value: found, offset, expected: `a closing ${end}` }
  }
}

function tooDeep({ text, offset }: Token, expected: string): Token {
  return { type: 'error', text, value: JSON.stringify(text), offset, expected }
}

/** For the generated parser, which asks it for the token types; a parse brings the lexer of its dialect. */
export const lexer = new DriftLexer('drift')

/** The offset after the JSON string that begins at `offset`, or -1. */
function endOfJsonString(text: string, offset: number): number {
  let from = offset + 1
  for (;;) {
    const quote = text.indexOf('"', from)
    if (quote < 0) return -1
    let slashes = quote
    while (slashes > from && text[slashes - 1] === '\\') slashes--
    if ((quote - slashes) % 2 === 0) return quote + 1
    from = quote + 1
  }
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`
}
