/** The history file of the shell, on real files. */
import { chmod, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { ShellHistory } from '../../src/cli/shell-history.js'
import { workDirectory } from './_driftdb.js'

const said: string[] = []
const say = (text: string) => void said.push(text)

test.serial('a history holds a thousand statements, the newest, in memory and in the file', async (t) => {
  const path = join(await workDirectory(t), 'history')
  const history = await ShellHistory.open(say, path)
  for (let count = 0; count < 1001; count++) await history.add(`SELECT ${count};`)
  t.is(history.entries.length, 1000)
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  t.is(lines.length, 1000)
  t.is(lines[0], 'SELECT 1;')
  t.is(lines.at(-1), 'SELECT 1000;')
  t.is((await stat(path)).mode & 0o777, 0o600)
  t.deepEqual((await ShellHistory.open(say, path)).entries, history.entries)
})

test.serial('every statement comes back as it was: line breaks, backslashes, what looks like an escape', async (t) => {
  const path = join(await workDirectory(t), 'history')
  const statements = ['SELECT\n 1;', String.raw`SELECT '\n \\n \\';`, 'a\r\nb;', 'ä 漢 😀;']
  const history = await ShellHistory.open(say, path)
  for (const statement of statements) await history.add(statement)
  await history.add(statements.at(-1) ?? '')
  t.deepEqual((await ShellHistory.open(say, path)).entries, statements.reverse())
})

test.serial('two shells that write one history lose nothing of each other', async (t) => {
  const path = join(await workDirectory(t), 'history')
  const first = await ShellHistory.open(say, path)
  const second = await ShellHistory.open(say, path)
  await first.add('one;')
  await second.add('two;')
  await first.add('three;')
  t.deepEqual((await ShellHistory.open(say, path)).entries, ['three;', 'two;', 'one;'])
})

test.serial('a file that others could read is closed to them, and a link stays a link', async (t) => {
  const cwd = await workDirectory(t)
  const path = join(cwd, 'history')
  await writeFile(path, `${Array.from({ length: 1000 }, (_, index) => `old ${index};`).join('\n')}\n`)
  await chmod(path, 0o644)
  await symlink(path, join(cwd, 'link'))
  const history = await ShellHistory.open(say, join(cwd, 'link'))
  await history.add('new;')
  t.is((await stat(path)).mode & 0o777, 0o600)
  t.true((await readFile(path, 'utf8')).endsWith('old 999;\nnew;\n'))
})

test.serial('what is no file keeps nothing and says nothing; what cannot be written is said once', async (t) => {
  const cwd = await workDirectory(t)
  said.length = 0
  const none = await ShellHistory.open(say, cwd)
  await none.add('SELECT 1;')
  t.deepEqual([none.entries, said], [['SELECT 1;'], []])
  const empty = await ShellHistory.open(say, '')
  await empty.add('SELECT 1;')
  t.deepEqual(said, [])
  const path = join(cwd, 'history')
  const lost = await ShellHistory.open(say, path)
  await lost.add('SELECT 1;')
  await rm(cwd, { recursive: true })
  await lost.add('SELECT 2;')
  await lost.add('SELECT 3;')
  t.deepEqual(lost.entries, ['SELECT 3;', 'SELECT 2;', 'SELECT 1;'])
  t.is(said.length, 1)
  t.regex(said[0] ?? '', /history in .* cannot be written/)
})
