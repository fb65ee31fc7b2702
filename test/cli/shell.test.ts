/** The interactive shell as people meet it: in a real terminal, key by key. */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { driftdb, ended, objects, start, workDatabase } from './_driftdb.js'
import { Screen, terminalTest, type ScreenOptions } from './_terminal.js'

const PROMPT = /drift> $/

/** A database with two users, the second of which came with @seq:3; `many` has rows of numbers, more than a screen. */
const shellDatabase = (t: ExecutionContext): Promise<string> =>
  workDatabase(
    t,
    `CREATE TABLE users (pk=id);
    INSERT INTO users {"id": "user1", "email": "alice@example.com", "status": "active"};
    INSERT INTO users {"id": "user2", "email": "bob@example.com", "status": "new"}`
  )

/** More rows than a screen has lines, and than a pipe takes at once. */
async function withManyRows(t: ExecutionContext, cwd: string, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, index) => `{"id":${index},"text":"row ${index}"}`)
  t.is((await driftdb(t, cwd, ['ingest', '-d', 'data', '--table', 'many', '--pk', 'id', '-'], rows.join('\n'))).code, 0)
}

/** A shell at its first prompt. */
async function shell(t: ExecutionContext, cwd: string, args: readonly string[] = [], options: ScreenOptions = {}): Promise<Screen> {
  const screen = new Screen(t, cwd, ['sql', '-d', 'data', ...args], options)
  await screen.until(/drift(?: @seq:\d+)?> $/)
  return screen
}

terminalTest('the shell says what it is, runs a statement of many lines at its ; and leaves with .quit', async (t) => {
  const cwd = await shellDatabase(t)
  const screen = new Screen(t, cwd, ['sql', '-d', 'data'])
  t.regex(await screen.until(PROMPT), /^DriftDB \d+\.\d+\.\d+ {2}data\n\.help [^\n]*\ndrift> $/)
  screen.type('SELECT id, email\r')
  await screen.until(/\n {3}\.\.\.> $/)
  // An empty line runs nothing, and neither does a ; in a comment, a string, a name or JSON.
  screen.type('\r')
  await screen.until(/\n {3}\.\.\.> $/)
  screen.type("FROM `users` -- all; of them\r/* ; */ WHERE id = 'user1'\r")
  await screen.until(/user1'\n {3}\.\.\.> $/)
  screen.type(';\r')
  const result = await screen.until(PROMPT)
  t.regex(result, /id {4}│ email\n.*\n─+┼─+\nuser1 │ alice@example\.com\n\(1 row\)\ndrift> $/)
  screen.type(`UPSERT INTO users {"id": "a;b",\r`)
  await screen.until(/\.\.\.> $/)
  screen.type(`"status": ";"}; SELECT status FROM users WHERE id = 'a;b';\r`)
  t.regex(await screen.until(PROMPT), /UPSERT: 1 event, @seq:4, [^\n]*Z\nstatus\n.*\n─+\n;\n\(1 row\)\ndrift> $/)
  screen.type('.quit\r')
  t.is(await screen.exitCode(), 0)
})

terminalTest('an error shows its code and the line with a caret, and the shell goes on; Ctrl-D leaves', async (t) => {
  const screen = await shell(t, await shellDatabase(t))
  screen.type('SELECT * FORM users;\r')
  t.regex(await screen.until(PROMPT), /\nerror: DRIFT_SYNTAX: [^\n]*\nSELECT \* FORM users;\n {9}\^\ndrift> $/)
  screen.type('SELECT # FROM users;\r')
  t.regex(await screen.until(PROMPT), /DRIFT_SYNTAX/)
  // What stands behind a statement that failed is not run, and nothing of it is left.
  screen.type('SELECT * FROM nowhere; SOFT DELETE FROM users KEY "user1"; SELECT\r')
  await screen.until(/error: DRIFT_UNKNOWN_TABLE: [^\n]*\ndrift> $/)
  screen.type('.nothing\r')
  t.regex(await screen.until(PROMPT), /\nerror: DRIFT_INVALID_ARGUMENT: there is no \.nothing; \.help/)
  screen.type('SELECT id FROM users;\r')
  t.regex(await screen.until(PROMPT), /user1\nuser2\n\(2 rows\)/)
  // What was typed ahead of Ctrl-D is run.
  screen.type('SELECT id, status FROM users WHERE id = \'user1\';\rPATCH users KEY "user1" SET {"a": 1};\r\u0004')
  await screen.until(/PATCH: 1 event, @seq:4/)
  t.is(await screen.exitCode(), 0)
})

terminalTest('whole statements are in the history of the next session, in a file of the user alone', async (t) => {
  const cwd = await shellDatabase(t)
  const env = { DRIFTDB_HISTORY: join(cwd, 'history') }
  const first = await shell(t, cwd, [], { env })
  first.type("SELECT id\r  FROM users\rWHERE id = 'user2';\r")
  await first.until(/1 row\)\ndrift> $/)
  first.type('.quit\r')
  t.is(await first.exitCode(), 0)
  t.is(await readFile(env.DRIFTDB_HISTORY, 'utf8'), "SELECT id\\n  FROM users\\nWHERE id = 'user2';\n")
  t.is((await stat(env.DRIFTDB_HISTORY)).mode & 0o777, 0o600)
  const second = await shell(t, cwd, [], { env })
  second.type('\u001b[A')
  await second.until(/SELECT id\n {2}FROM users\nWHERE id = 'user2';/)
  second.type('\r')
  t.regex(await second.until(PROMPT), /user2\n\(1 row\)/)
  second.type('.quit\r')
  t.is(await second.exitCode(), 0)
})

terminalTest('a history that cannot be written is said once and ends nothing', async (t) => {
  const cwd = await shellDatabase(t)
  const screen = await shell(t, cwd, [], { env: { DRIFTDB_HISTORY: join(cwd, 'missing', 'history') } })
  screen.type('SELECT id FROM users;\r')
  t.regex(await screen.until(/2 rows\)\ndrift> $/), /note: the history in [^\n]*missing\/history cannot be written/)
  screen.type('SELECT status FROM users;\r')
  t.notRegex(await screen.until(/2 rows\)\ndrift> $/), /history/)
  screen.type('.quit\r')
  t.is(await screen.exitCode(), 0)
})

terminalTest('Tab completes keywords, tables, columns and dot commands', async (t) => {
  const cwd = await shellDatabase(t)
  await driftdb(t, cwd, ['sql', '-d', 'data', '-e', 'CREATE TABLE `odd name` (pk=id)'])
  const screen = await shell(t, cwd)
  const steps: [string, RegExp][] = [
    ['sel\t', /select$/],
    [' * fr\t', / from$/],
    [' us\t', / users$/],
    [' WHE\t', / WHERE$/],
    [' em\t', / email$/]
  ]
  for (const [keys, shown] of steps) {
    screen.type(keys)
    await screen.until(shown)
  }
  screen.type(" = 'bob@example.com';\r")
  t.regex(await screen.until(PROMPT), /user2[^\n]*\n\(1 row\)/)
  screen.type('SELECT *\r')
  await screen.until(/\.\.\.> $/)
  screen.type('fr\t')
  await screen.until(/from$/)
  screen.type(' od\t')
  await screen.until(/ `odd name`$/)
  screen.type(';\r')
  await screen.until(/\(0 rows\)\ndrift> $/)
  screen.type('.sch\t')
  await screen.until(/\.schema$/)
  screen.type(' us\t')
  await screen.until(/ users$/)
  screen.type('\r')
  t.regex(await screen.until(PROMPT), /id {5}│ text │ true\nemail {2}│ text │ false\nstatus │ text │ false\n\(3 rows\)/)
  screen.type('.quit\r')
  t.is(await screen.exitCode(), 0)
})

terminalTest('after .asof everything is read there, the prompt says so and writes are refused until .asof now', async (t) => {
  const screen = await shell(t, await shellDatabase(t), ['--as-of', '@seq:1'])
  screen.type('SELECT id FROM users;\r')
  await screen.until(/\(0 rows\)\ndrift @seq:1> $/)
  screen.type('.asof @seq:2\r')
  t.regex(await screen.until(/drift @seq:2> $/), /reading at @seq:2, \d{4}-/)
  screen.type('SELECT id FROM users;\r')
  await screen.until(/user1\n\(1 row\)\ndrift @seq:2> $/)
  screen.type('INSERT INTO users {"id": "user3"};\r')
  await screen.until(/error: DRIFT_READ_ONLY: [^\n]*\ndrift @seq:2> $/)
  screen.type('.asof the day before\r')
  await screen.until(/error: DRIFT_INVALID_ARGUMENT: [^\n]*\ndrift @seq:2> $/)
  screen.type('.asof @seq:100\r')
  await screen.until(/note: @seq:100 is ahead of the last event, 3[^\n]*\n[^\n]*\ndrift @seq:3> $/)
  screen.type('.asof now\r')
  await screen.until(PROMPT)
  screen.type('INSERT INTO users {"id": "user3"};\r')
  await screen.until(/INSERT: 1 event, @seq:4[^\n]*\ndrift> $/)
  screen.type('.quit\r')
  t.is(await screen.exitCode(), 0)
})

terminalTest('Ctrl-C cancels what runs, clears what is typed, and twice at an empty prompt it leaves with 130', async (t) => {
  const cwd = await shellDatabase(t)
  await withManyRows(t, cwd, 100_000)
  const screen = await shell(t, cwd)
  screen.type('SELECT * FROM many;\r')
  await screen.until(/row 100\n/)
  screen.type('\u0003')
  await screen.until(/\ninterrupted\ndrift> $/)
  t.notRegex(screen.text, /row 99999/)
  screen.type('.last\r')
  t.regex(await screen.until(PROMPT), /row 100\n[\s\S]*rows\)\nnote: [\s\S]*the result was not read to its end\ndrift> $/)
  screen.type('SELECT id\r')
  await screen.until(/\.\.\.> $/)
  screen.type('from')
  await screen.until(/from$/)
  screen.type('\u0003')
  await screen.until(/\^C\ndrift> $/)
  screen.type("SELECT id FROM users WHERE id = 'user1';\r")
  await screen.until(/user1\n\(1 row\)\ndrift> $/)
  screen.type('\u0003')
  await screen.until(/another Ctrl-C leaves[^\n]*\ndrift> $/)
  screen.type('\u0003')
  t.is(await screen.exitCode(), 130)
})

terminalTest('a terminal that cannot move its cursor has a shell of whole lines', async (t) => {
  const screen = await shell(t, await shellDatabase(t), [], { env: { TERM: 'dumb' } })
  screen.type('SELECT id\n')
  await screen.until(/\.\.\.> $/)
  screen.type('\u0003')
  await screen.until(/\ndrift> $/)
  screen.type("SELECT id FROM users WHERE id = 'user1';\n")
  await screen.until(/user1\n\(1 row\)\ndrift> $/)
  screen.type('.quit\n')
  t.is(await screen.exitCode(), 0)
})

terminalTest('.tables, .mode, .timer, .last and .help', async (t) => {
  const screen = await shell(t, await shellDatabase(t))
  screen.type('.tables\r')
  t.regex(await screen.until(PROMPT), /users │ id {10}│ \[\] {6}│ +1\n\(1 row\)/)
  screen.type('.timer on\r')
  await screen.until(PROMPT)
  screen.type("SELECT id, email FROM users WHERE id = 'user1';\r")
  t.regex(await screen.until(PROMPT), /\(1 row\)\ntime: \d+\.\d{3} ms\n/)
  screen.type('.mode line\r')
  await screen.until(PROMPT)
  screen.type('.last\r')
  t.regex(await screen.until(PROMPT), /\n {3}id = user1\nemail = alice@example\.com\n\(1 row\)\ndrift> $/)
  screen.type('.mode ndjson\r')
  await screen.until(PROMPT)
  screen.type('.last\r')
  await screen.until(/\n\{"id":"user1","email":"alice@example\.com"\}\ndrift> $/)
  screen.type('.mode other\r')
  await screen.until(/INVALID_ARGUMENT: \.mode takes one of table, line, /)
  screen.type('.help\r')
  t.regex(await screen.until(/Ctrl-C cancels\.\ndrift> $/), /\.asof P\|now[\s\S]*\.quit/)
  screen.type('quit\r')
  t.is(await screen.exitCode(), 0)
})

terminalTest('.edit runs what the editor left, nothing where it failed, and --safe has none', async (t) => {
  const cwd = await shellDatabase(t)
  const editor = join(cwd, 'editor.mjs')
  const code =
    "import fs from 'node:fs'; const file = process.argv[3]; fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('user1', 'user2'))"
  await writeFile(editor, `${code}; process.exit(Number(process.argv[2]))`)
  const edited = async (exitCode: number, args: readonly string[], then: RegExp) => {
    const screen = await shell(t, cwd, args, { env: { VISUAL: `'${process.execPath}' '${editor}' ${exitCode}` } })
    screen.type("SELECT id FROM users WHERE id = 'user1';\r")
    await screen.until(/user1\n\(1 row\)\ndrift> $/)
    screen.type('.edit\r')
    await screen.until(then)
    screen.type('.quit\r')
    t.is(await screen.exitCode(), 0)
  }
  await edited(0, [], /SELECT id FROM users WHERE id = 'user2';\n[\s\S]*user2\n\(1 row\)\ndrift> $/)
  await edited(7, [], /error: DRIFT_INVALID_ARGUMENT: the editor [^\n]* ended with 7; nothing is run\ndrift> $/)
  await edited(0, ['--safe'], /error: DRIFT_NOT_SUPPORTED: \.edit [^\n]*--safe[^\n]*\ndrift> $/)
})

terminalTest('a shell that reads beside a writer sees what it has written meanwhile, and writes nothing', async (t) => {
  const cwd = await shellDatabase(t)
  const writer = start(t, cwd, ['ingest', '-d', 'data', '--table', 'users', '--batch', '1', '-'])
  const written = ended(writer)
  writer.stdin?.write('{"id":"user3"}\n')
  const screen = new Screen(t, cwd, ['sql', '-d', 'data', '--read-only'])
  t.regex(await screen.until(PROMPT), /data \(read-only\)\n/)
  for (;;) {
    screen.type("SELECT id FROM users WHERE id = 'user3';\r")
    if (/1 row\)/.test(await screen.until(/rows?\)\ndrift> $/))) break
  }
  screen.type('INSERT INTO users {"id": "user4"};\r')
  await screen.until(/error: DRIFT_READ_ONLY: [^\n]*\ndrift> $/)
  screen.type('.quit\r')
  t.is(await screen.exitCode(), 0)
  writer.stdin?.end()
  t.is((await written).code, 0)
})

terminalTest('on a terminal a wide cell is cut and the footer says so; in a pipe nothing is', async (t) => {
  const cwd = await shellDatabase(t)
  const text = 'wide '.repeat(40)
  await driftdb(t, cwd, ['sql', '-d', 'data', '-e', `CREATE TABLE t (pk=id); INSERT INTO t {"id": 1, "text": "${text}"}`])
  const select = ['select', '-d', 'data', '--table', 't']
  const narrow = new Screen(t, cwd, select, { columns: 60 })
  t.is(await narrow.exitCode(), 0)
  t.regex(narrow.text, /\n +1 │ (?:wide )+\w*…\n\(1 row; 1 cell is cut, mode line shows them whole\)\n/)
  const lines = narrow.text.split('\n')
  t.true(
    lines.every((line) => line.length <= 60),
    narrow.text
  )
  const line = new Screen(t, cwd, [...select, '--mode', 'line'], { columns: 60 })
  t.is(await line.exitCode(), 0)
  t.true(line.text.includes(text))
  t.deepEqual(objects((await driftdb(t, cwd, select)).stdout), [{ id: 1, text }])
  t.true((await driftdb(t, cwd, [...select, '--mode', 'table'])).stdout.includes(text))
})

terminalTest('what is longer or wider than the screen goes through $PAGER, and nothing else does', async (t) => {
  const cwd = await shellDatabase(t)
  await withManyRows(t, cwd, 20_000)
  const fields = Array.from({ length: 12 }, (_, index) => `"column${index}": "a text that is cut"`)
  await driftdb(t, cwd, ['sql', '-d', 'data', '-e', `CREATE TABLE wide (pk=id); INSERT INTO wide {"id": 1, ${fields.join(', ')}}`])
  const paged = async (table: string, args: readonly string[], pager: string) => {
    const screen = new Screen(t, cwd, ['select', '-d', 'data', '--table', table, ...args], { env: { PAGER: pager }, rows: 24, columns: 80 })
    t.is(await screen.exitCode(), 0)
    return screen.text
  }
  const marks = "sed 's/^/paged /'"
  t.regex(await paged('many', ['--limit', '30'], marks), /\npaged +29 │ row 29\npaged \(30 rows\)\n/)
  t.regex(await paged('wide', [], marks), /^paged +id │ column0/)
  for (const text of [await paged('users', [], marks), await paged('many', ['--limit', '10'], marks)]) t.notRegex(text, /paged/)
  for (const text of [await paged('many', ['--limit', '30', '--no-pager'], marks), await paged('many', ['--limit', '30'], '')]) {
    t.regex(text, /\n +29 │ row 29\n\(30 rows\)\n/)
  }
  t.regex(await paged('many', ['--limit', '30'], 'cat'), /\n +29 │ row 29\n\(30 rows\)\n/)
  t.regex(await paged('many', ['--limit', '30'], 'no-such-pager-here'), /\n +29 │ row 29\n\(30 rows\)\n/)
  t.regex(await paged('many', ['--limit', '30'], 'PAGE=1 no-such-pager-here'), /note: the pager [^\n]* could not be started: 127/)
  const left = await paged('many', [], 'head -n 5')
  t.regex(left, /row 1\n\(\d+ rows were read when the pager was left\)\nexit code 0/)
  t.notRegex(left, /EPIPE|error/)
})

terminalTest('Ctrl-C ends a command in a terminal with 130; --json on a terminal is still lines of JSON', async (t) => {
  const cwd = await shellDatabase(t)
  await withManyRows(t, cwd, 100_000)
  const long = new Screen(t, cwd, ['select', '-d', 'data', '--table', 'many'])
  await long.until(/row 100\n/)
  long.type('\u0003')
  t.is(await long.exitCode(), 130)
  t.notRegex(long.text, /row 99999/)
  const json = new Screen(t, cwd, ['sql', '-d', 'data', '--json', '-e', 'SELECT id FROM users'])
  t.is(await json.exitCode(), 0)
  t.regex(json.text, /^\{"id":"user1"\}\n\{"id":"user2"\}\n/)
})

test('without a terminal there is no shell: standard input is a script', async (t) => {
  const cwd = await shellDatabase(t)
  const run = await driftdb(t, cwd, ['sql', '-d', 'data'], 'SELECT id FROM users;\n')
  t.deepEqual(run, { code: 0, signal: null, stdout: '{"id":"user1"}\n{"id":"user2"}\n', stderr: '' })
})
