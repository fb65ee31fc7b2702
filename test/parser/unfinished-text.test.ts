/** What is said of a text that is still being written: where statements end, and what the grammar could read next. */
import test from 'ava'
import { expectedAt, statementEnds } from '../../src/parser/unfinished-text.js'

test('a statement ends at a ; that is no part of a string, a name, JSON or a comment', (t) => {
  const whole = [
    "SELECT ';' FROM t;",
    'SELECT `;` FROM t;',
    'INSERT INTO t {"a": ";}"};',
    'SELECT /* ; */ a FROM t;',
    'SELECT a -- ;\nFROM t;'
  ]
  for (const text of whole) {
    t.deepEqual(statementEnds(text, 'drift').ends, [text.length], text)
    t.is(statementEnds(text, 'drift').rest, 'nothing', text)
  }
  t.deepEqual(statementEnds('a; b ;c', 'drift'), { ends: [2, 6], rest: 'statement', firstWords: ['A', 'B', 'C'] })
  t.deepEqual(statementEnds(';;', 'drift').ends, [1, 2])
  t.deepEqual(statementEnds(' -- ;', 'drift'), { ends: [], rest: 'nothing', firstWords: [] })
})

test('what is open goes on: a quote, a bracket, a comment', (t) => {
  for (const text of ["SELECT ';", 'SELECT `;', 'SELECT ";', 'INSERT INTO t {"a": 1;', 'SELECT /* ;', 'a; INSERT INTO t [;']) {
    t.is(statementEnds(text, 'drift').rest, 'unfinished', text)
  }
})

test('characters that no statement has do not hide the ; behind them', (t) => {
  for (const text of ['SELECT # FROM t;', 'SELECT 1a2 & ^ ~ ! FROM t;', 'SELECT "\\q";', 'SELECT ? , $1;']) {
    t.deepEqual(statementEnds(text, 'drift').ends, [text.length], text)
  }
})

/** What could stand at the `|` of a text. */
function at(marked: string) {
  const offset = marked.indexOf('|')
  const { from, ...expected } = expectedAt(marked.slice(0, offset) + marked.slice(offset + 1), offset, 'drift')
  return { ...expected, word: marked.slice(from, offset) }
}

test('keywords are those that the grammar can read at the cursor', (t) => {
  t.true(at('|').keywords.includes('SELECT'))
  t.false(at('|').keywords.includes('WHERE'))
  t.is(at('sel|').word, 'sel')
  t.is(at('SELECT * |').keywords[0], 'FROM')
  t.false(at('SELECT * |').keywords.includes('SELECT'))
  t.true(at('SELECT * FROM t |').keywords.includes('AS OF'))
  t.deepEqual(at('SELECT * FROM t AS |').keywords, ['OF'])
  t.true(at('SELECT a FROM t; INS|').keywords.includes('INSERT'))
  t.deepEqual(at('PATCH t |').keywords, ['KEY'])
})

test('a table is wanted where a table can stand, a column where a column can', (t) => {
  for (const text of ['SELECT * FROM |', 'INSERT INTO us|', 'PATCH |', 'SOFT DELETE FROM |', 'SHOW DRIFT |', 'SELECT * FROM `us|']) {
    t.true(at(text).table, text)
    t.false(at(text).column, text)
  }
  for (const text of ['SELECT |', 'SELECT a, |', 'SELECT * FROM t WHERE |', 'SELECT * FROM t WHERE a = b|', 'SELECT a.|']) {
    t.true(at(text).column, text)
    t.false(at(text).table, text)
  }
  t.is(at('SELECT * FROM `us|').word, '`us')
})

test('tables are known that stand behind the cursor', (t) => {
  t.deepEqual(at('SELECT | FROM users').tables, ['users'])
  t.deepEqual(at('SELECT a FROM `odd name` WHERE |').tables, ['odd name'])
})

test('nothing is expected in a string, in a comment and after what cannot be read', (t) => {
  for (const text of ["SELECT * FROM t WHERE a = 'x|", 'SELECT /* |', 'SELECT * FORM |', '{|']) {
    const { keywords, table, column } = at(text)
    t.deepEqual({ keywords, table, column }, { keywords: [], table: false, column: false }, text)
  }
})
