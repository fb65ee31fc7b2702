/** `driftdb ingest`: which rows are stored, which are refused and where, whatever the file holds. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { driftdb, objects, workDatabase } from './_driftdb.js'

async function rowsOf(t: ExecutionContext, cwd: string): Promise<Record<string, unknown>[]> {
  return objects((await driftdb(t, cwd, ['select', '-d', 'data', '--table', 't'])).stdout)
}

const INGEST = ['ingest', '-d', 'data', '--table', 't']

test('a file of NDJSON is stored: empty lines skipped, CRLF, a byte order mark, no line feed at the end', async (t) => {
  const cwd = await workDatabase(t)
  await writeFile(join(cwd, 'in.ndjson'), '\ufeff{"id":1,"n":9007199254740993}\r\n\r\n   \n{"id":2,"s":"ä€😀"}\n\n{"id":3}')
  const run = await driftdb(t, cwd, [...INGEST, '--pk', 'id', 'in.ndjson'])
  t.is(run.code, 0)
  t.like(objects(run.stdout), [{ seq: 4, rows: 3 }])
  const selected = await driftdb(t, cwd, ['select', '-d', 'data', '--table', 't'])
  t.is(selected.stdout, '{"id":1,"n":9007199254740993}\n{"id":2,"s":"ä€😀"}\n{"id":3}\n')
})

test('a missing table needs --pk, another primary key is refused, an empty file stores nothing', async (t) => {
  const cwd = await workDatabase(t)
  const missing = await driftdb(t, cwd, [...INGEST, '-'], '{"id":1}\n')
  t.is(missing.code, 1)
  t.regex(missing.stderr, /DRIFT_UNKNOWN_TABLE: .*--pk/)
  const empty = await driftdb(t, cwd, [...INGEST, '--pk', 'id', '-'])
  t.is(empty.code, 0)
  t.like(objects(empty.stdout), [{ ok: true, rows: 0 }])
  const other = await driftdb(t, cwd, [...INGEST, '--pk', 'key', '-'], '{"key":1}\n')
  t.is(other.code, 1)
  t.regex(other.stderr, /the primary key of t is id, not key/)
  t.is((await driftdb(t, cwd, [...INGEST, 'nowhere.ndjson'])).code, 1)
})

test('a bad line stops with its number and reason, and the lines before it stay', async (t) => {
  const bad: [string, string | Uint8Array, RegExp][] = [
    ['no JSON', '{"id":4', /line 5: JSON: line 1, column 8/],
    ['no object', '[1]', /line 5: a row is a JSON object/],
    ['no key', '{"ID":4}', /line 5: /],
    ['a key that is there', '{"id":1}', /DRIFT_ALREADY_EXISTS: line 5: /],
    ['no UTF-8', Buffer.from('{"id":"\xff"}', 'latin1'), /line 5: not valid UTF-8/],
    ['a million levels', `{"id":4,"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`, /line 5: .*more than 100 levels/],
    ['an integer out of range', '{"id":4,"a":18446744073709551616}', /line 5: /]
  ]
  const cwd = await workDatabase(t)
  let lastSeq = 0
  for (const [index, [what, line, reason]] of bad.entries()) {
    const input = Buffer.concat([Buffer.from('{"id":1}\n\n{"id":2}\n{"id":3}\n'), Buffer.from(line), Buffer.from('\n{"id":5}\n')])
    const run = await driftdb(t, cwd, ['ingest', '-d', 'data', '--table', `t${index}`, '--pk', 'id', '-'], input)
    t.is(run.code, 1, what)
    t.is(run.stdout, '')
    t.regex(run.stderr, reason)
    lastSeq += 4
    t.regex(run.stderr, new RegExp(`3 rows are stored, the last at @seq:${lastSeq}\\b`))
  }
  const script = bad.map((_, index) => `SELECT id FROM t${index}`).join(';')
  const stored = await driftdb(t, cwd, ['sql', '-d', 'data', '-e', script])
  t.deepEqual(
    objects(stored.stdout).map((row) => row['id']),
    bad.flatMap(() => [1, 2, 3])
  )
})

test('with --on-error skip every good line is stored in order and every bad one is kept as it is', async (t) => {
  const cwd = await workDatabase(t)
  const good: string[] = []
  const bad: string[] = []
  const lines = Array.from({ length: 3000 }, (_, index) => {
    // Good ones, broken ones, ones without a key and ones that are there already, alone and in runs.
    const kind = index % 7 === 3 || (index > 1000 && index < 1400) ? index % 3 : -1
    const line = ['{"id":', '{"x":1}', '{"id":0}'][kind] ?? `{"id":${index}}`
    ;(kind < 0 ? good : bad).push(line)
    return line
  })
  const run = await driftdb(
    t,
    cwd,
    [...INGEST, '--pk', 'id', '--on-error', 'skip', '--rejects', 'bad.ndjson', '-'],
    `${lines.join('\n')}\n`
  )
  t.is(run.code, 0, run.stderr)
  t.like(objects(run.stdout), [{ rows: good.length, refused: bad.length }])
  t.is(await readFile(join(cwd, 'bad.ndjson'), 'utf8'), `${bad.join('\n')}\n`)
  const selected = await driftdb(t, cwd, ['select', '-d', 'data', '--table', 't'])
  t.is(selected.stdout, `${good.join('\n')}\n`)
  t.regex(run.stderr, /DRIFT_SYNTAX: line 4: /)
})

test('upsert replaces rows that are there, --batch sets the rows of a commit', async (t) => {
  const cwd = await workDatabase(t)
  const lines = Array.from({ length: 25 }, (_, index) => `{"id":${index},"v":1}`)
  await writeFile(join(cwd, 'in.ndjson'), lines.join('\n'))
  t.is((await driftdb(t, cwd, [...INGEST, '--pk', 'id', '--batch', '10', 'in.ndjson'])).code, 0)
  const again = await driftdb(t, cwd, [...INGEST, '--mode', 'upsert', '-'], '{"id":3,"v":2}\n{"id":3,"v":3}\n')
  t.is(again.code, 0, again.stderr)
  const rows = await rowsOf(t, cwd)
  t.is(rows.length, 25)
  t.deepEqual(rows[3], { id: 3, v: 3 })
  // A point inside a commit reads the commit before it.
  const inside = await driftdb(t, cwd, ['select', '-d', 'data', '--table', 't', '--as-of', '@seq:15'])
  t.is(objects(inside.stdout).length, 10)
})

test('CSV becomes typed rows, and the types are printed', async (t) => {
  const cwd = await workDatabase(t)
  const csv =
    '\ufeffid,zip,amount,ok,big,note\r\na,007,1.5,true,18446744073709551615,"x, ""y""\r\nz"\r\nb,012,,FALSE,1,\r\n\r\nc,,3,,2,last'
  await writeFile(join(cwd, 'in.csv'), csv)
  const run = await driftdb(t, cwd, [...INGEST, '--pk', 'id', 'in.csv'])
  t.is(run.code, 0, run.stderr)
  t.is(run.stderr, 'columns: id text, zip text, amount number, ok boolean, big number, note text\n')
  const selected = await driftdb(t, cwd, ['select', '-d', 'data', '--table', 't'])
  t.is(
    selected.stdout,
    '{"id":"a","zip":"007","amount":1.5,"ok":true,"big":18446744073709551615,"note":"x, \\"y\\"\\r\\nz"}\n' +
      '{"id":"b","zip":"012","amount":null,"ok":false,"big":1,"note":""}\n' +
      '{"id":"c","zip":"","amount":3,"ok":null,"big":2,"note":"last"}\n'
  )
  const text = await driftdb(
    t,
    cwd,
    ['ingest', '-d', 'data', '--table', 'u', '--pk', 'id', '--text', '--format', 'csv', '-'],
    'id;n\n1;2\n'
  )
  t.is(text.code, 0, text.stderr)
  t.is((await driftdb(t, cwd, ['select', '-d', 'data', '--table', 'u'])).stdout, '{"id":"1","n":"2"}\n')
})

test('a bad record of CSV is named by its line, and kept with the header', async (t) => {
  const cwd = await workDatabase(t)
  const lines = [
    'id,n,s',
    'a,1,"two',
    'lines"',
    'b,2',
    'c,3,x',
    'd,4,x,y',
    ...Array.from({ length: 1000 }, (_, index) => `r${index},${index},x`),
    'e,five,x'
  ]
  const stopped = await driftdb(t, cwd, [...INGEST, '--pk', 'id', '--format', 'csv', '-'], lines.join('\n'))
  t.is(stopped.code, 1)
  t.regex(stopped.stderr, /line 4: 2 cells, the header has 3/)
  t.deepEqual(await rowsOf(t, cwd), [{ id: 'a', n: 1, s: 'two\nlines' }])
  const args = [...INGEST, '--mode', 'upsert', '--format', 'csv', '--on-error', 'skip', '--rejects', 'bad.csv', '-']
  const skipped = await driftdb(t, cwd, args, lines.join('\n'))
  t.is(skipped.code, 0, skipped.stderr)
  t.like(objects(skipped.stdout), [{ rows: 1002, refused: 3 }])
  t.regex(skipped.stderr, /line 1007: column n: "five" is no number/)
  t.is(await readFile(join(cwd, 'bad.csv'), 'utf8'), 'id,n,s\nb,2\nd,4,x,y\ne,five,x\n')
})

test('CSV that cannot be read is refused: headers, a quote without end, bytes that are no UTF-8', async (t) => {
  const bad: [string | Uint8Array, RegExp][] = [
    ['id,id\n1,2\n', /line 1: the header cannot be used: two columns are named "id"/],
    ['id,\n1,2\n', /line 1: the header cannot be used: a column has no name/],
    ['id,s\n1,"x\n2,y\n', /line 2: /],
    [Buffer.from('id,s\n1,x\n2,\xff\n', 'latin1'), /line 3: not valid UTF-8/]
  ]
  const cwd = await workDatabase(t)
  for (const [input, reason] of bad) {
    const run = await driftdb(t, cwd, [...INGEST, '--pk', 'id', '--format', 'csv', '-'], input)
    t.is(run.code, 1)
    t.regex(run.stderr, reason)
  }
})
