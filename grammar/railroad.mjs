/**
 * The pictures of docs/driftql.md: `nearley-railroad` draws the grammar, this script chooses rules and gives each picture a file.
 *
 * The tool draws a grammar as it stands, so it is given a copy of `driftql.ne` that reads better and means the same: lists that recur to
 * the left become loops, small rules stand where they are used, punctuation is shown as it is written.
 *
 * `node grammar/railroad.mjs [folder]`, docs/diagrams unless given.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Each rule that has a picture, with the name that the pictures show. */
const DRAWN = {
  createTable: 'create_table',
  tableBody: 'table_body',
  indexItem: 'index_item',
  createIndex: 'create_index',
  indexColumnTuple: 'index_columns',
  indexColumn: 'index_column',
  columnTuple: 'columns',
  insert: 'insert',
  insertSource: 'rows',
  valueRow: 'values',
  conflict: 'on_conflict',
  assignments: 'assignments',
  update: 'update',
  delete: 'delete',
  patch: 'patch',
  softDelete: 'soft_delete',
  select: 'select',
  lockingSelect: 'select_for_update',
  selectList: 'outputs',
  fromClause: 'from',
  tableReference: 'table_reference',
  period: 'period',
  range: 'range',
  join: 'join',
  whereClause: 'where',
  groupClause: 'group_by',
  orderClause: 'order_by',
  orderItem: 'order_item',
  limits: 'limits',
  asOf: 'as_of',
  expression: 'expression',
  negation: 'condition',
  predicate: 'predicate',
  sum: 'sum',
  factor: 'factor',
  primary: 'primary',
  literal: 'literal',
  showDrift: 'show_drift',
  explain: 'explain',
  transaction: 'transaction',
  setting: 'setting',
  maintenance: 'maintenance'
}

/** Rules without a picture keep a name; all others stand where they are used. */
const NAMED = {
  tableName: 'table',
  systemTable: 'system table',
  columnName: 'column',
  bareColumn: 'column',
  fieldName: 'field',
  bareAlias: 'alias',
  starTable: 'alias',
  name: 'name',
  path: 'path',
  dottedPath: 'path',
  document: 'document',
  key: 'key',
  value: 'value',
  ifNotExists: 'if_not_exists',
  returning: 'returning',
  typeName: 'type',
  timeUnit: 'unit'
}

/** Tokens by the name that a reader knows; those not in either table, keywords mostly, by their own. */
const TOKENS = {
  word: 'aggregate',
  string: 'text',
  quoted: 'quoted',
  parameter: 'parameter',
  integer: 'integer',
  float: 'float',
  json: 'JSON'
}

const PUNCTUATION = {
  lparen: '(',
  rparen: ')',
  comma: ',',
  dot: '.',
  semicolon: ';',
  star: '*',
  equals: '=',
  notEquals: '<>',
  less: '<',
  lessOrEqual: '<=',
  greater: '>',
  greaterOrEqual: '>=',
  plus: '+',
  minus: '-',
  slash: '/',
  percent: '%',
  cast: '::',
  seqPoint: '@seq:N',
  nowPoint: '@now'
}

const STYLE = `
path { stroke: #57606a; stroke-width: 2; fill: none }
text { font: 14px ui-monospace, Menlo, Consolas, monospace; text-anchor: middle; fill: #1f2328 }
text.label { text-anchor: start }
rect { stroke: #57606a; stroke-width: 1.5; fill: #ddf4ff }
rect[rx='10'] { fill: #fff8c5 }
rect.page { stroke: none; fill: #ffffff }
`.trim()

const require = createRequire(import.meta.url)
const nearley = require('nearley')
const language = nearley.Grammar.fromCompiled(require('nearley/lib/nearley-language-bootstrapped.js'))
const rules = readRules(fileURLToPath(new URL('driftql.ne', import.meta.url)))
const folder = process.argv[2] ?? fileURLToPath(new URL('../docs/diagrams', import.meta.url))

mkdirSync(folder, { recursive: true })
const pictures = draw(Object.keys(DRAWN).map((name) => `${DRAWN[name]} -> ${choiceText(rules.get(name), name)}`))
for (const name of Object.values(DRAWN)) {
  const svg = pictures.get(name)
  if (svg === undefined) fail(`no picture of ${name}`)
  writeFileSync(join(folder, `${name.replaceAll('_', '-')}.svg`), svg)
}

/** Name to alternatives, each a list of symbols as nearley reads them. */
function readRules(file) {
  const parser = new nearley.Parser(language)
  parser.feed(readFileSync(file, 'utf8'))
  const found = new Map()
  for (const { name, rules: alternatives } of parser.results[0]) {
    if (name !== undefined)
      found.set(
        name,
        alternatives.map(({ tokens }) => tokens.filter((symbol) => symbol !== 'null'))
      )
  }
  for (const name of [...Object.keys(DRAWN), ...Object.keys(NAMED)]) if (!found.has(name)) fail(`the grammar has no rule ${name}`)
  return found
}

function choiceText(alternatives, name) {
  const loop = loopText(alternatives, name)
  if (loop !== undefined) return loop
  const text = alternatives
    .filter((symbols) => symbols.length > 0)
    .map(sequenceText)
    .join(' | ')
  return alternatives.some((symbols) => symbols.length === 0) ? `(${text}):?` : text
}

function sequenceText(symbols) {
  return symbols.map(symbolText).join(' ')
}

/** `list -> item | list separator item` is `item (separator item):*`. */
function loopText(alternatives, name) {
  const recurs = ([symbol]) => symbol === name
  const first = alternatives.filter((alternative) => !recurs(alternative))
  const next = alternatives.filter(recurs)
  if (next.length === 0) return undefined
  const begins = first.map(sequenceText).filter((text) => text !== '')
  const begin = begins.length === 0 ? '' : begins.length === 1 ? begins[0] : `(${begins.join(' | ')})`
  return `${begin} (${next.map((symbols) => sequenceText(symbols.slice(1))).join(' | ')}):*`
}

function symbolText(symbol) {
  if (typeof symbol === 'string') {
    const named = DRAWN[symbol] ?? NAMED[symbol]
    if (named !== undefined) return named
    const alternatives = rules.get(symbol) ?? fail(`the grammar has no rule ${symbol}`)
    return alternatives.length > 1 ? `(${choiceText(alternatives, symbol)})` : choiceText(alternatives, symbol)
  }
  if (symbol.token !== undefined) {
    const written = PUNCTUATION[symbol.token]
    return written === undefined ? (TOKENS[symbol.token] ?? `%${symbol.token}`) : JSON.stringify(written)
  }
  if (symbol.ebnf !== undefined) return `(${symbolText(symbol.ebnf)})${symbol.modifier}`
  return fail(`a symbol that has no picture: ${JSON.stringify(symbol)}`)
}

/** Rule name to a whole SVG document. */
function draw(lines) {
  const tool = require.resolve('nearley/bin/nearley-railroad.js')
  const run = spawnSync(process.execPath, [tool], { input: `${lines.join('\n')}\n`, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 })
  if (run.status !== 0 || run.stderr !== '') fail(`nearley-railroad: ${run.stderr || run.stdout || run.error}`)
  const found = new Map()
  for (const [, name, svg] of run.stdout.matchAll(/<h1><code>([^<]*)<\/code><\/h1>\s*<div>\s*(<svg[^]*?<\/svg>)/g)) {
    found.set(name, documentOf(name, svg))
  }
  return found
}

function documentOf(name, svg) {
  const page = `<title>${shown(name)}</title>\n<style>${STYLE}</style>\n<rect class="page" width="100%" height="100%" rx="6"/>`
  return `${svg
    .replace(/<text([^>]*)>([^<]*)<\/text>/g, (_, attributes, text) => `<text${attributes}>${shown(text)}</text>`)
    .replace(/^<svg([^>]*)>/, (_, attributes) => `<svg xmlns="http://www.w3.org/2000/svg"${attributes}>\n${page}`)
    .replace(/[ \t]+$/gm, '')}\n`
}

function shown(text) {
  return text.replaceAll(/_|&#95;/g, ' ')
}

function fail(message) {
  process.stderr.write(`grammar/railroad.mjs: ${message}\n`)
  process.exit(1)
}
