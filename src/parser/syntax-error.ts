/** The SYNTAX error: where, what was found, what was expected, and the line with a caret below. */
import { DriftError } from '../base/errors.js'
import { displayWidth } from './display-width.js'

/** Rules of the grammar that a user knows by a word of ours; of all others, the tokens are named. */
const RULE_WORDS = new Map([
  ['tableName', 'a table name'],
  ['systemTable', 'a table name'],
  ['columnName', 'a column name'],
  ['bareColumn', 'a column name'],
  ['starTable', 'a column name'],
  ['fieldName', 'a field name'],
  ['indexName', 'an index name'],
  ['savepointName', 'a name'],
  ['document', 'a JSON document'],
  ['key', 'a key'],
  ['value', 'a value'],
  ['sum', 'a value'],
  ['bareAlias', 'an alias'],
  ['typeName', 'a type'],
  ['comparator', 'an operator'],
  ['rowCount', 'a number of rows'],
  ['step', 'a number'],
  ['point', 'a point in time'],
  ['timeUnit', 'a unit of time']
])

const TOKEN_WORDS = new Map([
  ['AS', 'AS OF'],
  ['GROUP', 'GROUP BY'],
  ['ORDER', 'ORDER BY'],
  ['NULLS', 'NULLS FIRST'],
  ['SKIP', 'SKIP LOCKED'],
  ['INNER', 'INNER JOIN'],
  ['LEFT', 'LEFT JOIN'],
  ['RIGHT', 'RIGHT JOIN'],
  ['FULL', 'FULL JOIN'],
  ['CROSS', 'CROSS JOIN'],
  ['semicolon', 'the end of the statement'],
  ['lparen', '"("'],
  ['rparen', '")"'],
  ['comma', '","'],
  ['dot', '"."'],
  ['json', '"["'],
  ['star', '"*"'],
  ['equals', '"="'],
  ['minus', '"-"'],
  ['plus', '"+"'],
  ['slash', '"/"'],
  ['percent', '"%"'],
  ['cast', '"::"'],
  ['integer', 'a number'],
  ['float', 'a number'],
  ['string', "a string in '…'"],
  ['parameter', 'a parameter']
])

/** Where one of them can stand, all can: a list of twenty says less than one word. */
const OPERATORS = [
  '"::"',
  '"."',
  '"["',
  '"("',
  '"*"',
  '"/"',
  '"%"',
  '"+"',
  '"-"',
  'AND',
  'OR',
  'NOT',
  'IS',
  'IN',
  'BETWEEN',
  'LIKE',
  'ILIKE'
]

const SHOWN_BEFORE = 70
const SHOWN_AFTER = 50

/** The little that is read of a state of nearley's Earley parser. */
export type ParserState = {
  readonly rule: { readonly name: string; readonly symbols: readonly unknown[] }
  readonly dot: number
  readonly wantedBy: readonly ParserState[]
}

/**
 * @param offset of what was found, in UTF-16 units; the length of `text` at its end.
 * @returns SYNTAX with details `line`, `column` (both from 1, columns in characters), `position`, `found`, `expected` (array of strings).
 */
export function syntaxError(text: string, offset: number, found: string, expected: readonly string[], cause?: unknown): DriftError {
  const lineBegin = offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1
  const lineFeed = text.indexOf('\n', offset)
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < lineBegin; at = text.indexOf('\n', at + 1)) line++
  const column = characterCount(text, lineBegin, offset) + 1
  const lineText = text.slice(lineBegin, lineFeed < 0 ? text.length : lineFeed).replace(/\r$/, '')
  const message =
    `syntax error at line ${line}, column ${column}: found ${found}, expected ${inWords(expected)}\n` +
    withCaret(lineText, offset - lineBegin)
  return new DriftError('SYNTAX', message, { line, column, position: offset, found, expected: [...expected] }, cause)
}

/** What could have stood here, in words, each once: the terminals after the dot in a column of the parser's table. */
export function expectedWords(states: readonly ParserState[]): string[] {
  const words = new Set<string>()
  for (const state of states) {
    const symbol = state.rule.symbols[state.dot]
    if (typeof symbol !== 'object' || symbol === null || !('type' in symbol)) continue
    const named = new Set<string>()
    collectRuleWords(state, named, new Set())
    if (named.size === 0) named.add(TOKEN_WORDS.get(String(symbol.type)) ?? String(symbol.type))
    for (const word of named) words.add(word)
  }
  if (words.has('"::"')) {
    for (const operator of OPERATORS) words.delete(operator)
    words.add('an operator')
  }
  return [...words]
}

/** The words of the innermost known rules that begin at this place with this state. */
function collectRuleWords(state: ParserState, words: Set<string>, seen: Set<ParserState>): void {
  const pending = [state]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    // A rule that has consumed something does not begin here.
    if (next.dot > 0 || seen.has(next)) continue
    seen.add(next)
    const word = RULE_WORDS.get(next.rule.name)
    if (word === undefined) pending.push(...next.wantedBy)
    else words.add(word)
  }
}

function inWords(expected: readonly string[]): string {
  if (expected.length <= 1) return expected[0] ?? 'nothing more'
  return `${expected.slice(0, -1).join(', ')} or ${expected.at(-1) ?? ''}`
}

/** Only what is near, so that a statement of megabytes in one line gives a message that can be read. */
function withCaret(line: string, offset: number): string {
  const begin = Math.max(0, offset - SHOWN_BEFORE)
  const end = Math.min(line.length, offset + SHOWN_AFTER)
  const before = (begin > 0 ? '…' : '') + line.slice(begin, offset)
  const after = line.slice(offset, end) + (end < line.length ? '…' : '')
  // Tabs stay tabs, so that the caret stands right whatever their width.
  const indent = before
    .split('\t')
    .map((part) => ' '.repeat(displayWidth(part)))
    .join('\t')
  return `${before}${after}\n${indent}^`
}

function characterCount(text: string, begin: number, end: number): number {
  let count = 0
  for (let at = begin; at < end; at++) {
    const unit = text.charCodeAt(at)
    // The second half of a surrogate pair is no character of its own.
    if (unit < 0xdc00 || unit > 0xdfff) count++
  }
  return count
}
