/**
 * What the documents show, run as it stands. Blocks of one document share a database, in order; one minute passes before each.
 *
 * A block ```sql is a text of statements. A block after it has the answer of its last statement: ```json the rows, one a line, ```text the
 * lines of a plan, or the code and message of the error. A line that ends in `-- DRIFT_…` is a text of its own, refused with this code.
 * Blocks ```js and ```ts are programs; those that open no database are given `db` and `orders`.
 */
import test, { type ExecutionContext } from 'ava'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { formatJson } from '../../src/codec/json-codec.js'
import { DriftError, open, type Database, type Document, type QueryResult, type Session } from '../../src/index.js'
import { packageRoot } from '../house/package-root.js'

type Block = { readonly language: string; readonly text: string; readonly line: number }

const BEGIN_MS = Date.UTC(2025, 0, 1)
const MINUTE_MS = 60_000

for (const { document, sql, programs } of [
  { document: 'docs/driftql.md', sql: 20, programs: 0 },
  { document: 'README.md', sql: 1, programs: 2 },
  { document: 'docs/errors.md', sql: 0, programs: 1 }
]) {
  const blocks = blocksOf(readFileSync(join(packageRoot(), document), 'utf8'))
  const found = blocks.filter(({ language }) => language === 'js' || language === 'ts')

  if (sql > 0) {
    test(`the statements of ${document} give what stands there`, async (t) => {
      t.true(blocks.filter(({ language }) => language === 'sql').length >= sql)
      await runStatements(t, document, blocks)
    })
  }

  if (programs > 0) {
    test(`the programs of ${document} run`, async (t) => {
      t.true(found.length >= programs)
      for (const block of found) await runProgram(t, `${document}:${block.line}`, block.text)
    })
  }
}

function blocksOf(document: string): readonly Block[] {
  return [...document.matchAll(/^```(\w*)[^\n]*\n([^]*?)^```$/gm)].map((match) => ({
    language: match[1] ?? '',
    text: match[2] ?? '',
    line: document.slice(0, match.index).split('\n').length
  }))
}

async function runStatements(t: ExecutionContext, document: string, blocks: readonly Block[]): Promise<void> {
  let now = BEGIN_MS
  const db = await open(':memory:', { clock: { now: () => now, monotonic: () => now } })
  const session = db.session()
  try {
    for (const [index, { language, text, line }] of blocks.entries()) {
      if (language !== 'sql') continue
      now += MINUTE_MS
      const place = `${document}:${line}`
      const answer = blocks[index + 1]
      if (/-- DRIFT_/.test(text)) await runRefused(t, db, session, text, place)
      else if (answer?.language === 'json') t.is(jsonLines(await run(db, session, text, place)), answer.text.replaceAll(BREAK, ''), place)
      else if (answer?.language === 'text') t.is(await answerText(db, session, text), answer.text, place)
      else await run(db, session, text, place)
    }
  } finally {
    await db.close()
  }
}

async function run(db: Database, session: Session, text: string, place: string): Promise<QueryResult<Document> | undefined> {
  try {
    return (await db.exec(text, { session })).at(-1)
  } catch (thrown) {
    throw new Error(`${place}: ${String(thrown)}`, { cause: thrown })
  }
}

/** A row that is too long for a line goes on in lines that are indented. */
const BREAK = /\n +/g

function jsonLines(result: QueryResult<Document> | undefined): string {
  return (result?.rows ?? []).map((row) => `${formatJson(row)}\n`).join('')
}

/** The plan, or the error. */
async function answerText(db: Database, session: Session, text: string): Promise<string> {
  try {
    const result = (await db.exec(text, { session })).at(-1)
    return (result?.rows ?? []).map((row) => `${row['plan'] as string}\n`).join('')
  } catch (thrown) {
    if (!(thrown instanceof DriftError)) throw thrown
    return `${thrown.code} ${thrown.message}\n`
  }
}

async function runRefused(t: ExecutionContext, db: Database, session: Session, text: string, place: string): Promise<void> {
  for (const line of text.trimEnd().split('\n')) {
    const code = /-- (DRIFT_[A-Z_]+)$/.exec(line)?.[1]
    if (code === undefined) {
      await run(db, session, line, place)
      continue
    }
    const error = await t.throwsAsync(() => db.exec(line, { session }), { instanceOf: DriftError }, `${place}: ${line}`)
    t.is(String(error?.code), code, `${place}: ${line}`)
  }
}

const GIVEN = `const db = await open(':memory:')
await db.createTable('orders', { primaryKey: 'id' })
const orders = db.table('orders')
await orders.insert({ id: 'order1', status: 'pending', amount: 100 })
`

/** In a process and a folder of its own. */
async function runProgram(t: ExecutionContext, place: string, text: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'driftdb-documents-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'program.mjs')
  const library = JSON.stringify(new URL('../../bundle/front/index.js', import.meta.url).href)
  const own = text.replaceAll("'driftdb'", library)
  const imports = own.split('\n').filter((line) => line.startsWith('import '))
  const rest = own.split('\n').filter((line) => !line.startsWith('import '))
  // In a block of its own it may name its variables as it likes.
  const program = text.includes('open(')
    ? own
    : [`import { open } from ${library}`, ...imports, GIVEN, '{', ...rest, '}', 'await db.close()'].join('\n')
  writeFileSync(file, program)
  await t.notThrowsAsync(promisify(execFile)(process.execPath, [file], { cwd: folder }), place)
}
