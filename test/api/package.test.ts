/** What a user gets by the package's name: bundles, whose threads and kernels lie elsewhere. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { temporaryDirectory } from './_temporary.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))

function node(...parameters: string[]): string {
  return execFileSync(process.execPath, parameters, { cwd: root, encoding: 'utf8' })
}

const PROGRAM = `
import { open, DriftError } from 'driftdb'
const directory = process.argv[1]
const db = await open(directory, { durability: 'os' })
await db.createTable('t', { primaryKey: 'id' })
await db.table('t').insertMany(Array.from({ length: 5000 }, (_, id) => ({ id, n: id % 10 })))
await db.compact('t')
await db.snapshot('t')
const sums = await db.query('SELECT COUNT(*) AS c, SUM(n) AS s FROM t').all()
const refused = await db.table('t').insert({ id: 1 }).catch((error) => error instanceof DriftError && error.code)
console.log(JSON.stringify({ sums, refused, pages: db.stats().pageBytes > 0 }))
await db.close()
`

test('a program that imports the package writes, compacts and scans pages, on threads of its own', (t) => {
  const directory = join(temporaryDirectory(t), 'db')
  const printed: unknown = JSON.parse(node('--input-type=module', '-e', PROGRAM, directory))
  t.deepEqual(printed, { sums: [{ c: 5000, s: 22_500 }], refused: 'DRIFT_ALREADY_EXISTS', pages: true })
})

test('the command of the package reads what the program wrote', (t) => {
  const directory = join(temporaryDirectory(t), 'db')
  node('--input-type=module', '-e', PROGRAM, directory)
  const command = join(root, 'dist/bundle/front/driftdb.js')
  t.is(node(command, 'sql', '-d', directory, '-e', 'SELECT SUM(n) AS s FROM t').trim(), '{"s":22500}')
  t.regex(node(command, '--version'), /^\d+\.\d+\.\d+/)
})
