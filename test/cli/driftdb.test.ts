/** The command as people and scripts meet it: a process with arguments, streams and an exit code. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { driftdb, ended, objects, start, workDatabase, workDirectory } from './_driftdb.js'

/** A database with the table users and two of them, and a change: @seq:4. */
const usersDatabase = (t: ExecutionContext): Promise<string> =>
  workDatabase(
    t,
    `CREATE TABLE users (pk=id, INDEX(email, status));
    INSERT INTO users {"id": "user1", "email": "alice@example.com", "status": "active"};
    INSERT INTO users {"id": "user2", "email": "bob@example.com", "status": "new"};
    PATCH users KEY "user1" SET {"status": "gone"}`
  )

test('the manual usage works as printed, in a pipe as NDJSON', async (t) => {
  const cwd = await workDirectory(t)
  const init = await driftdb(t, cwd, ['init', './mydata'])
  t.is(init.code, 0)
  t.is(init.stderr, '')
  const made = await driftdb(t, cwd, ['sql', '-d', './mydata', '-e', 'CREATE TABLE users (pk=id, INDEX(email, status))'])
  t.is(made.code, 0)
  t.like(objects(made.stdout)[0], { seq: 1 })
  const document = { id: 'user1', email: 'alice@example.com', status: 'active' }
  const inserted = await driftdb(t, cwd, ['sql', '-d', './mydata', '-e', `INSERT INTO users ${JSON.stringify(document)}`])
  const [commit] = objects(inserted.stdout)
  t.is(commit?.['seq'], 2)
  t.regex(String(commit?.['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  const selected = await driftdb(t, cwd, ['select', '-d', './mydata', '--table', 'users', '--where', 'status="active"'])
  t.deepEqual(objects(selected.stdout), [document])
  const ahead = await driftdb(t, cwd, ['select', '-d', './mydata', '--table', 'users', '--as-of', '@seq:100'])
  t.deepEqual(objects(ahead.stdout), [document])
  t.regex(ahead.stderr, /@seq:100 is ahead of the last event, 2/)
  const before = await driftdb(t, cwd, ['select', '-d', './mydata', '--table', 'users', '--as-of', '@seq:1'])
  t.deepEqual(before, { code: 0, signal: null, stdout: '', stderr: '' })
  const drift = await driftdb(t, cwd, ['drift', '-d', './mydata', '--table', 'users', '--key', 'user1'])
  t.deepEqual(objects(drift.stdout), [{ seq: 2, time: commit?.['time'], event: 'INSERT', payload: document, document, metadata: null }])
  const snapshot = await driftdb(t, cwd, ['snapshot', '-d', './mydata', '--table', 'users'])
  t.like(objects(snapshot.stdout), [{ table: 'users', seq: 2, events: 1 }])
  const compact = await driftdb(t, cwd, ['compact', '-d', './mydata', '--table', 'users'])
  t.like(objects(compact.stdout), [{ table: 'users', events: 1 }])
  // Nothing has changed by either.
  const again = await driftdb(t, cwd, ['select', '-d', './mydata', '--table', 'users'])
  t.deepEqual(again, { code: 0, signal: null, stdout: `${JSON.stringify(document)}\n`, stderr: '' })
  t.is((await driftdb(t, cwd, ['drift', '-d', './mydata', '--table', 'users', '--key', 'user1'])).stdout, drift.stdout)
  t.is((await driftdb(t, cwd, ['doctor', '-d', './mydata'])).code, 0)
})

test('a script runs statement by statement, from -e, -c, a file and standard input, and each write says its commit', async (t) => {
  const cwd = await usersDatabase(t)
  const script = 'UPSERT INTO users [{"id": "a"}, {"id": "b"}]; SOFT DELETE FROM users KEY "a"; CREATE TABLE IF NOT EXISTS users (pk=id)'
  await writeFile(join(cwd, 'script.sql'), script)
  const file = await driftdb(t, cwd, ['sql', '-d', 'data', '--json', 'script.sql'])
  t.is(file.code, 0)
  t.like(objects(file.stdout), [{ seq: 6, rows: 2 }, { seq: 7 }, { ok: true }])
  t.regex(file.stderr, /exists already/)
  const both = await driftdb(t, cwd, ['sql', '-d', 'data', '-e', 'SELECT id FROM users', '-c', 'SHOW DRIFT users KEY "a"'])
  t.deepEqual(
    objects(both.stdout).map((row) => row['id'] ?? row['event']),
    ['b', 'user1', 'user2', 'INSERT', 'SOFT_DELETE']
  )
  const piped = await driftdb(t, cwd, ['sql', '-d', 'data', '--as-of', '@seq:2'], 'SELECT status FROM users')
  t.is(piped.stdout, '{"status":"active"}\n')
})

test('a script stops at the first error with exit 1, and what came before is done and printed', async (t) => {
  const cwd = await usersDatabase(t)
  const run = await driftdb(t, cwd, [
    'sql',
    '-d',
    'data',
    '-e',
    'INSERT INTO users {"id": "x"}; INSERT INTO users {"id": "x"}; INSERT INTO users {"id": "y"}'
  ])
  t.is(run.code, 1)
  t.like(objects(run.stdout), [{ seq: 5 }])
  t.regex(run.stderr, /^error: DRIFT_ALREADY_EXISTS: /)
  t.is(
    (await driftdb(t, cwd, ['select', '-d', 'data', '--table', 'users', '--columns', 'id'])).stdout,
    '{"id":"user1"}\n{"id":"user2"}\n{"id":"x"}\n'
  )
})

test('reading and writing refuse with exit 1 what is wrong with a statement', async (t) => {
  const cwd = await usersDatabase(t)
  const cases: [readonly string[], RegExp][] = [
    [['sql', '-d', 'data', '-e', 'SELECT * FORM users'], /DRIFT_SYNTAX: [^\n]*line 1, column 10[^\n]*\nSELECT \* FORM users\n {9}\^/],
    [['sql', '-d', 'data', '-e', 'SELECT * FROM nowhere'], /DRIFT_UNKNOWN_TABLE: /],
    [['sql', '-d', 'data', '-e', 'PATCH users KEY "nobody" SET {"a": 1}'], /DRIFT_KEY_NOT_FOUND: /],
    [['sql', '-d', 'data', '--read-only', '-e', 'SOFT DELETE FROM users KEY "user1"'], /DRIFT_READ_ONLY: /],
    [['sql', '-d', 'data', '--as-of', '@seq:1', '-e', 'SOFT DELETE FROM users KEY "user1"'], /DRIFT_READ_ONLY: /],
    [['sql', '-d', 'data', '--strict', '-e', 'SELECT * FROM users AS OF @seq:99'], /DRIFT_SEQ_AHEAD: /],
    [['sql', '-d', 'data', '--read-only', 'missing.sql'], /DRIFT_INVALID_ARGUMENT: .*missing\.sql/],
    [['select', '-d', 'data', '--table', 'nowhere'], /DRIFT_UNKNOWN_TABLE: /],
    [['select', '-d', 'data', '--table', 'users', '--as-of', 'yesterday'], /DRIFT_INVALID_ARGUMENT: .*point in time/],
    [['select', '-d', 'data', '--table', 'users', '--where', 'status='], /DRIFT_SYNTAX: /],
    [['drift', '-d', 'data', '--table', 'users', '--key-json', '{"a":1}'], /DRIFT_INVALID_ARGUMENT: /]
  ]
  for (const [args, reason] of cases) {
    const run = await driftdb(t, cwd, args)
    t.is(run.code, 1, args.join(' '))
    t.is(run.stdout, '')
    t.regex(run.stderr, reason)
  }
})

test('a directory that is no database is refused by every command, and none makes one', async (t) => {
  const cwd = await workDirectory(t)
  await writeFile(join(cwd, 'file'), 'text')
  await mkdir(join(cwd, 'other'))
  await writeFile(join(cwd, 'other', 'thing'), '')
  const cases = [
    ['sql', '-d', 'file', '-e', 'SELECT * FROM t'],
    ['sql', '-d', 'missing', '-e', 'SELECT * FROM t'],
    ['select', '-d', 'file', '--table', 't'],
    ['select', '-d', 'other', '--table', 't'],
    ['ingest', '-d', 'missing', '--table', 't', '--pk', 'id', '-'],
    ['drift', '-d', 'missing', '--table', 't', '--key', 'k'],
    ['stats', '-d', 'missing'],
    ['doctor', '-d', 'missing'],
    ['doctor', '-d', 'file']
  ]
  for (const args of cases) {
    const run = await driftdb(t, cwd, args)
    t.is(run.code, 1, `${args.join(' ')}: ${run.stderr}`)
    t.regex(run.stderr, /^error: DRIFT_INVALID_ARGUMENT: /)
  }
  t.is((await driftdb(t, cwd, ['init', 'file'])).code, 1)
  t.is((await driftdb(t, cwd, ['init', 'other'])).code, 1)
  t.deepEqual((await readdir(cwd)).sort(), ['file', 'other'])
  t.is(await readFile(join(cwd, 'file'), 'utf8'), 'text')
  t.deepEqual(await readdir(join(cwd, 'other')), ['thing'])
})

test('init refuses a directory that is a database already', async (t) => {
  const cwd = await usersDatabase(t)
  const again = await driftdb(t, cwd, ['init', 'data'])
  t.is(again.code, 1)
  t.regex(again.stderr, /DRIFT_ALREADY_EXISTS: data is a database already/)
  t.is(objects((await driftdb(t, cwd, ['stats', '-d', 'data'])).stdout)[0]?.['lastSeq'], 4)
})

test('wrong usage exits 2, help and version exit 0', async (t) => {
  const cwd = await workDirectory(t)
  const wrong = [
    [],
    ['nope'],
    ['sql'],
    ['select', '-d', 'data'],
    ['select', '-d', 'data', '--table', 't', '--limit', 'x'],
    ['select', '-d', 'data', '--table', 't', '--json', '--csv'],
    ['drift', '-d', 'data', '--table', 't'],
    ['sql', '-d', 'data', '-e', 'x', 'file'],
    ['ingest', '-d', 'data', '--table', 't', 'f', '--batch', '0'],
    ['ingest', '-d', 'data', '--table', 't', 'f', '--rejects', 'r']
  ]
  for (const args of wrong) {
    const run = await driftdb(t, cwd, args)
    t.is(run.code, 2, args.join(' '))
    t.is(run.stdout, '')
    t.not(run.stderr, '')
  }
  // Two at a time: this is about the text.
  for (const names of [
    ['init', 'sql'],
    ['select', 'drift'],
    ['ingest', 'stats'],
    ['doctor', 'help']
  ]) {
    await Promise.all(
      names.map(async (name) => {
        const help = await driftdb(t, cwd, [name, '--help'])
        t.is(help.code, 0)
        t.regex(help.stdout, /Examples?:\n.*driftdb /)
      })
    )
  }
  t.regex((await driftdb(t, cwd, ['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
  t.deepEqual(await readdir(cwd), [])
})

test('a second writer gets exit 4 and is told who holds the lock; readers work beside it', async (t) => {
  const cwd = await usersDatabase(t)
  const writer = start(t, cwd, ['ingest', '-d', 'data', '--table', 'users', '-'])
  const written = ended(writer)
  writer.stdin?.write('{"id":"held"}\n')
  // The row shows up for readers when the writer has the lock.
  for (;;) {
    const run = await driftdb(t, cwd, ['select', '-d', 'data', '--table', 'users', '--where', 'id="held"'])
    t.is(run.code, 0)
    if (run.stdout !== '') break
  }
  const second = await driftdb(t, cwd, ['sql', '-d', 'data', '-e', 'INSERT INTO users {"id": "second"}'])
  t.is(second.code, 4)
  t.regex(second.stderr, new RegExp(`DRIFT_LOCKED: [\\s\\S]*${writer.pid}`))
  t.is((await driftdb(t, cwd, ['sql', '-d', 'data', '--read-only', '-e', 'SELECT * FROM users'])).code, 0)
  writer.stdin?.end()
  t.is((await written).code, 0)
})

test('Ctrl-C ends a command with exit 130, and what was stored stays', async (t) => {
  const cwd = await usersDatabase(t)
  const writer = start(t, cwd, ['ingest', '-d', 'data', '--table', 'users', '-'])
  const written = ended(writer)
  writer.stdin?.write('{"id":"before"}\n')
  for (;;) {
    const run = await driftdb(t, cwd, ['select', '-d', 'data', '--table', 'users', '--where', 'id="before"'])
    if (run.stdout !== '') break
  }
  writer.kill('SIGINT')
  const run = await written
  t.is(run.code, 130)
  t.regex(run.stderr, /1 row is stored, the last at @seq:5/)
  t.is((await driftdb(t, cwd, ['sql', '-d', 'data', '-e', 'INSERT INTO users {"id": "after"}'])).code, 0)
})

test('a reader that goes away is quiet', async (t) => {
  const cwd = await usersDatabase(t)
  const rows = Array.from({ length: 20_000 }, (_, index) => `{"id":"row${index}","text":"${'x'.repeat(100)}"}`)
  t.is((await driftdb(t, cwd, ['ingest', '-d', 'data', '--table', 'users', '-'], rows.join('\n'))).code, 0)
  const child = start(t, cwd, ['select', '-d', 'data', '--table', 'users'])
  child.stdout?.once('data', () => child.stdout?.destroy())
  let stderr = ''
  child.stderr?.on('data', (text: Buffer) => (stderr += text.toString()))
  const code = await new Promise((resolve) => child.on('exit', resolve))
  t.is(code, 0)
  t.is(stderr, '')
})

test('each mode prints rows in its own way, and a cell cannot steer the terminal', async (t) => {
  const cwd = await workDatabase(t)
  const insert =
    'CREATE TABLE t (pk=id); INSERT INTO t [{"id":1,"big":18446744073709551615,"s":"a,\\"b\\""},{"id":2,"n":null,"o":{"x":[1]},"s":"\\u001b[31m\\n|"}]'
  t.is((await driftdb(t, cwd, ['sql', '-d', 'data', '-e', insert])).code, 0)
  const print = async (...mode: string[]) => (await driftdb(t, cwd, ['select', '-d', 'data', '--table', 't', ...mode])).stdout
  const ndjson = '{"id":1,"big":18446744073709551615,"s":"a,\\"b\\""}\n{"id":2,"n":null,"o":{"x":[1]},"s":"\\u001b[31m\\n|"}\n'
  t.is(await print(), ndjson)
  t.is(await print('--json'), ndjson)
  t.is(await print('--mode', 'json'), `[\n ${ndjson.trim().replace('\n', ',\n ')}\n]\n`)
  t.is(await print('--csv'), 'id,big,s,n,o\n1,18446744073709551615,"a,""b""",,\n2,,"\u001b[31m\n|",,"{""x"":[1]}"\n')
  t.is(await print('--mode', 'tsv'), 'id\tbig\ts\tn\to\n1\t18446744073709551615\ta,"b"\t\t\n2\t\t\u001b[31m\\n|\t\t{"x":[1]}\n')
  t.is(
    await print('--mode', 'insert'),
    ndjson.replace(/^(.*)$/gm, (line) => (line === '' ? '' : `INSERT INTO \`t\` ${line};`))
  )
  t.is(await print('--mode', 'line', '--columns', 'id,s'), 'id = 1\n s = a,"b"\n\nid = 2\n s = \\u001b[31m\\n|\n')
  t.is(await print('--mode', 'markdown', '--columns', 'id,s'), '| id | s |\n| --- | --- |\n| 1 | a,"b" |\n| 2 | \\u001b[31m\\n\\| |\n')
  t.is(await print('--mode', 'table', '--columns', 'id,n,o.x'), 'id │ n    │ x\n───┼──────┼─────\n 1 │ null │ null\n 2 │ null │ [1]\n')
  const footer = await driftdb(t, cwd, ['select', '-d', 'data', '--table', 't', '--mode', 'table'])
  t.is(footer.stderr, '(2 rows)\n')
  t.is((await driftdb(t, cwd, ['select', '-d', 'data', '--table', 't', '--mode', 'table', '--quiet'])).stderr, '')
  t.is(await print('--limit', '1', '--columns', 'id'), '{"id":1}\n')
  t.is(await print('--where', 'id=2 -- to the end', '--limit', '1', '--columns', 'id'), '{"id":2}\n')
})

test('with --json every line of standard output is one JSON object, for every statement and every command', async (t) => {
  const cwd = await workDirectory(t)
  const lines = async (args: readonly string[], code = 0, input = '') => {
    const run = await driftdb(t, cwd, [...args, '--json'], input)
    t.is(run.code, code, `${args.join(' ')}: ${run.stderr}`)
    t.true(run.stdout === '' || run.stdout.endsWith('\n'))
    const found = objects(run.stdout)
    for (const object of found) t.true(typeof object === 'object' && object !== null && !Array.isArray(object), args.join(' '))
    return found
  }
  t.like(await lines(['init', 'data']), [{ ok: true }])
  const sql = (text: string) => lines(['sql', '-d', 'data', '-e', text])
  const commit = (rows: readonly Record<string, unknown>[], seq: number) => {
    t.is(rows.length, 1)
    t.is(rows[0]?.['seq'], seq)
    t.regex(String(rows[0]?.['time']), /^\d{4}-.*Z$/)
  }
  commit(await sql('CREATE TABLE t (pk=id, INDEX(a))'), 1)
  t.deepEqual(await sql('CREATE TABLE IF NOT EXISTS t (pk=id)'), [{ ok: true }])
  commit(await sql('INSERT INTO t {"id": 1, "text": "two\\nlines"}'), 2)
  const many = await sql('INSERT INTO t [{"id": 2}, {"id": 3}]')
  commit(many, 4)
  t.is(many[0]?.['rows'], 2)
  commit(await sql('UPSERT INTO t {"id": 3, "a": {"b": [1, null]}}'), 5)
  commit(await sql('PATCH t KEY 1 SET {"a": 1}'), 6)
  commit(await sql('SOFT DELETE FROM t KEY 2'), 7)
  t.deepEqual(await sql('SELECT * FROM t'), [
    { id: 1, text: 'two\nlines', a: 1 },
    { id: 3, a: { b: [1, null] } }
  ])
  t.deepEqual(await sql('SELECT id, a.b FROM t WHERE id = 4'), [])
  t.is((await sql('SHOW DRIFT t KEY 1')).length, 2)
  t.deepEqual(await sql('-- nothing'), [])
  t.deepEqual(await lines(['sql', '-d', 'data', '-e', "SELECT id FROM t; BACKUP TO 'x'"], 1), [{ id: 1 }, { id: 3 }])
  t.is((await lines(['select', '-d', 'data', '--table', 't', '--as-of', '@seq:2'])).length, 1)
  t.is((await lines(['drift', '-d', 'data', '--table', 't', '--key', '3'])).length, 2)
  t.like(await lines(['ingest', '-d', 'data', '--table', 't', '-'], 0, '{"id":9}'), [{ seq: 8 }])
  t.like(await lines(['stats', '-d', 'data']), [{ lastSeq: 8 }])
  t.like(await lines(['doctor', '-d', 'data']), [{ ok: true, lastSeq: 8 }])
})

test('--timer says on standard error how long each statement took, and --quiet says nothing', async (t) => {
  const cwd = await usersDatabase(t)
  const args = ['sql', '-d', 'data', '--timer', '-e', 'SELECT id FROM users; PATCH users KEY "user2" SET {"a": 1}']
  const run = await driftdb(t, cwd, args)
  t.regex(run.stderr, /^time: \d+\.\d{3} ms\ntime: \d+\.\d{3} ms\n$/)
  t.is(objects(run.stdout).length, 3)
  t.is((await driftdb(t, cwd, [...args, '--quiet'])).stderr, '')
})

test('--safe refuses statements that use files before the first of a text runs', async (t) => {
  const cwd = await usersDatabase(t)
  const script = 'INSERT INTO users {"id": "x"}; /* now */ backup TO \'elsewhere\''
  const run = await driftdb(t, cwd, ['sql', '-d', 'data', '--safe', '-e', script])
  t.is(run.code, 1)
  t.is(run.stdout, '')
  t.regex(run.stderr, /DRIFT_NOT_SUPPORTED: BACKUP uses files, which --safe switches off/)
  t.is((await driftdb(t, cwd, ['sql', '-d', 'data', '--safe', '-e', 'INSERT INTO users {"id": "BACKUP"}'])).code, 0)
})

test('a CSV header has every column of the table, also one that only the last row has', async (t) => {
  const cwd = await workDatabase(t)
  const rows = Array.from({ length: 10_001 }, (_, index) => (index === 10_000 ? '{"id":10000,"late":1}' : `{"id":${index}}`))
  t.is((await driftdb(t, cwd, ['ingest', '-d', 'data', '--table', 't', '--pk', 'id', '-'], rows.join('\n'))).code, 0)
  const late = await driftdb(t, cwd, ['select', '-d', 'data', '--table', 't', '--csv'])
  t.is(late.code, 0)
  t.true(late.stdout.startsWith('id,late\n0,\n'))
  t.true(late.stdout.endsWith('9999,\n10000,1\n'))
  const named = await driftdb(t, cwd, ['select', '-d', 'data', '--table', 't', '--csv', '--columns', 'id,late'])
  t.is(named.code, 0)
  t.true(named.stdout.endsWith('9999,\n10000,1\n'))
})

test('colours come with --color and go with --no-color', async (t) => {
  const cwd = await usersDatabase(t)
  const args = ['select', '-d', 'data', '--table', 'users', '--mode', 'table']
  t.false((await driftdb(t, cwd, args)).stdout.includes('\u001b['))
  t.true((await driftdb(t, cwd, [...args, '--color'])).stdout.includes('\u001b[1m'))
  t.true((await driftdb(t, cwd, [...args, '--color', 'always'])).stdout.includes('\u001b[1m'))
  for (const none of [['--no-color'], ['--color', 'never'], ['--color', 'auto']]) {
    t.false((await driftdb(t, cwd, [...args, ...none])).stdout.includes('\u001b['), none.join(' '))
  }
  t.is((await driftdb(t, cwd, [...args, '--color', 'sometimes'])).code, 2)
})

test('a key is text, or a number where only the number is there', async (t) => {
  const cwd = await workDatabase(t)
  await driftdb(t, cwd, [
    'sql',
    '-d',
    'data',
    '-e',
    'CREATE TABLE t (pk=id); INSERT INTO t [{"id":7},{"id":8},{"id":"8"},{"id":18446744073709551615}]'
  ])
  const keyOf = async (...args: string[]) => {
    const [event] = objects((await driftdb(t, cwd, ['drift', '-d', 'data', '--table', 't', ...args])).stdout)
    return (event?.['payload'] as { id: unknown } | undefined)?.id
  }
  t.is(await keyOf('--key', '7'), 7)
  t.is(await keyOf('--key', '8'), '8')
  t.is(await keyOf('--key-json', '8'), 8)
  t.is(await keyOf('--key', '18446744073709551615'), 2 ** 64)
  const none = await driftdb(t, cwd, ['drift', '-d', 'data', '--table', 't', '--key', '9'])
  t.is(none.code, 0)
  t.regex(none.stderr, /no event of t has this key/)
})

test('doctor finds nothing in a sound database, and damage with file and offset, exit 3', async (t) => {
  const cwd = await usersDatabase(t)
  const sound = await driftdb(t, cwd, ['doctor', '-d', 'data'])
  t.is(sound.code, 0, sound.stdout + sound.stderr)
  t.like(objects(sound.stdout).at(-1), { ok: true, problems: 0, lastSeq: 4 })
  const segments = join(cwd, 'data', 'tables', 'users', 'segments')
  const [name] = (await readdir(segments)).filter((file) => file.endsWith('.seg'))
  const path = join(segments, name ?? '')
  const bytes = await readFile(path)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0xff
  await writeFile(path, bytes)
  const damaged = await driftdb(t, cwd, ['doctor', '-d', 'data'])
  t.is(damaged.code, 3)
  const [problem] = objects(damaged.stdout)
  t.is(problem?.['file'], path)
  t.is(typeof problem?.['offset'], 'number')
  t.deepEqual(await readFile(path), bytes)
  const read = await driftdb(t, cwd, ['select', '-d', 'data', '--table', 'users'])
  t.is(read.code, 3)
  t.regex(read.stderr, /DRIFT_CORRUPT: [\s\S]*doctor/)
})

test('a statement of a million levels and one that is no UTF-8 are refused', async (t) => {
  const cwd = await usersDatabase(t)
  const deep = await driftdb(
    t,
    cwd,
    ['sql', '-d', 'data'],
    `INSERT INTO users {"id":1,"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`
  )
  t.is(deep.code, 1)
  t.regex(deep.stderr, /^error: DRIFT_(?:INVALID_DOCUMENT|SYNTAX|LIMIT): /)
  const bytes = await driftdb(t, cwd, ['sql', '-d', 'data'], Buffer.from([0x53, 0xff]))
  t.is(bytes.code, 1)
  t.regex(bytes.stderr, /not valid UTF-8/)
})
