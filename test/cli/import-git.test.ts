/** `driftdb import git`: the database as of each commit is what `git ls-tree -r` lists, and nothing is imported twice or by halves. */
import { isUtf8 } from 'node:buffer'
import { spawnSync } from 'node:child_process'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { open } from '../../src/index.js'
import { driftdb, objects, workDatabase } from './_driftdb.js'
import { addCommits, commit, file, FIRST_SECONDS, git, gone, historyOf, importGit, listTree, makeRepository, submodule } from './_git.js'

type File = { path: string; mode: string; hash: string; size: number | null; text: string | null }

const FIRST_TIME = FIRST_SECONDS * 1000
const MODULE = '0123456789abcdef0123456789abcdef01234567'

/** Compares the database as of each commit with `git ls-tree -r`, every column; `paths` are the texts of paths that are not UTF-8. */
async function compareAll(
  t: ExecutionContext,
  cwd: string,
  repository: string,
  { ref = 'HEAD', textBytes = 1024 * 1024, paths = new Map<string, string>() } = {}
): Promise<void> {
  await using db = await open(join(cwd, 'data'), { create: false })
  const hashes = historyOf(repository, ref)
  t.is(db.table('commits').count(), hashes.length)
  const texts = new Map<string, string | null>()
  const textOf = (hash: string): string | null => {
    if (!texts.has(hash)) {
      const bytes = git(repository, ['cat-file', 'blob', hash])
      texts.set(hash, isUtf8(bytes) ? bytes.toString('utf8') : null)
    }
    return texts.get(hash) ?? null
  }
  let before = 2
  for (const hash of hashes) {
    const seq = db.table('commits').entry(hash)?.seq ?? 0
    t.true(seq > before, 'commits stand in the order of the history')
    before = seq
    using view = db.asOf({ seq })
    const expected = listTree(repository, hash).map(({ path, mode, hash: object, size }): File => {
      const isText = mode.startsWith('100') && size !== null && size <= textBytes
      const name = path.toString('latin1')
      return { path: paths.get(name) ?? path.toString('utf8'), mode, hash: object, size, text: isText ? textOf(object) : null }
    })
    const found: File[] = []
    for await (const row of view.table<File>('files').scan()) found.push(row)
    const inOrder = (rows: File[]) => rows.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
    t.deepEqual(inOrder(found), inOrder(expected), hash)
    // A point inside the transaction is the commit before: the whole commit is one transaction.
    using inside = db.asOf({ seq: seq - 1 })
    t.true(inside.seq < seq && !inside.table('commits').has(hash))
  }
}

/** `n` commits of three files. */
function manyCommits(count: number) {
  return Array.from({ length: count }, (_, index) =>
    commit({ mark: index + 1, changes: [0, 1, 2].map((change) => file(`f${(index * 3 + change) % 40}`, `${index}\n`.repeat(20))) })
  )
}

test('every state of a history is what git ls-tree -r lists', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  addCommits(repository, [
    commit({
      mark: 1,
      changes: [file('a.txt', 'a\n'), file('dir/b.txt', 'b\n'), file('dir/deep/c.txt', ''), file('run', '#!\n', '100755')]
    }),
    // Nothing changed.
    commit({ mark: 2 }),
    // A rename, a change and a mode alone.
    commit({ mark: 3, changes: [gone('a.txt'), file('renamed.txt', 'a\n'), file('dir/b.txt', 'b2\n'), file('run', '#!\n')] }),
    // A link and a submodule come.
    commit({ mark: 4, changes: [file('link', 'dir/b.txt', '120000'), submodule('module', MODULE)] }),
    // A directory becomes a file, a file a directory, a link a file, a file a link.
    commit({ mark: 5, changes: [gone('dir'), file('dir', 'now a file\n')] }),
    commit({ mark: 6, changes: [gone('dir'), file('dir/again.txt', 'x\n'), file('link', 'text\n'), file('run', 'link', '120000')] }),
    // Beside the first line: a branch, and a merge that changes something itself.
    commit({ mark: 7, branch: 'side', from: 5, changes: [file('side.txt', 'side\n')] }),
    commit({ mark: 8, branch: 'side', changes: [file('side.txt', 'side 2\n')] }),
    commit({ mark: 9, from: 6, merge: 8, changes: [file('side.txt', 'side 2\n'), file('dir', 'evil\n')] }),
    commit({ mark: 10, changes: [submodule('module', MODULE.replace('0', 'f')), gone('dir')] }),
    // The empty tree, and everything again.
    commit({ mark: 11, changes: ['deleteall\n'] }),
    commit({ mark: 12, changes: [file('a.txt', 'a\n')] })
  ])
  const run = await importGit(t, cwd, ['--verify', repository])
  t.is(run.code, 0, run.stderr)
  t.is(run.stderr, '')
  // Without the two commits of the branch.
  t.like(objects(run.stdout), [{ commits: 10, held: 0, future: 0, verified: 10 }])
  t.is(objects(run.stdout).length, 1)
  await compareAll(t, cwd, repository)
})

test('any path and any content: bytes that are not UTF-8, quotes, line feeds, binaries, large files', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  addCommits(repository, [
    commit({
      mark: 1,
      changes: [
        file('"caf\\351"', 'latin 1\n'),
        file('"line\\nfeed"', 'x'),
        file('"tab\\tand \\"quote\\" and back\\\\slash"', 'y'),
        file('"\\"caf\\\\351\\""', 'looks like the first one as it is stored'),
        file('"\\"only quoted\\""', 'z'),
        file('ä/😀 .txt', 'ä€😀\n'),
        file(' :colon', ':'),
        file('binary', Buffer.from([0xff, 0xfe, 0, 1, 0x80])),
        file('nul', 'a\0b'),
        file('crlf', 'a\r\nb\r\n'),
        file('bom', '\ufeffa\n'),
        file('surrogate', Buffer.from([0xed, 0xa0, 0x80])),
        file('at the limit', 'x'.repeat(5000)),
        file('over the limit', 'x'.repeat(5001))
      ]
    }),
    commit({ mark: 2, changes: [gone('"caf\\351"'), file('"caf\\350"', 'latin 1\n'), file('over the limit', 'small now')] })
  ])
  const run = await importGit(t, cwd, ['--verify', '--text-bytes', '5000', repository])
  t.is(run.code, 0, run.stderr)
  const paths = new Map([
    ['caf\xe9', '"caf\\351"'],
    ['caf\xe8', '"caf\\350"'],
    ['"caf\\351"', '"\\"caf\\\\351\\""']
  ])
  await compareAll(t, cwd, repository, { textBytes: 5000, paths })
  await using db = await open(join(cwd, 'data'))
  const text = (path: string) => db.table<File>('files').get(path)?.text
  t.is(text('crlf'), 'a\r\nb\r\n')
  t.is(text('bom'), '\ufeffa\n')
  t.is(text('binary'), null)
  t.is(text('"only quoted"'), 'z')
})

test('files of more than 1 MiB have no text, one of 1 MiB has', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  const size = 1024 * 1024
  addCommits(repository, [
    commit({
      mark: 1,
      changes: [file('at', 'x'.repeat(size)), file('over', 'x'.repeat(size + 1)), file('far over', Buffer.alloc(40 * size))]
    })
  ])
  t.is((await importGit(t, cwd, ['--verify', repository])).code, 0)
  await using db = await open(join(cwd, 'data'))
  const files = db.table<File>('files')
  t.is(files.get('at')?.text?.length, size)
  t.like(files.get('over'), { size: size + 1, text: null })
  t.like(files.get('far over'), { size: 40 * size, text: null })
})

test('a commit is one row and one transaction, with author, message and hash as its metadata', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  const long = `long\n\n${'ä'.repeat(200_000)}`
  addCommits(repository, [
    commit({ mark: 1, message: 'first line\n\nbody\n\n', changes: [file('a', '1')] }),
    commit({ mark: 2, message: Buffer.from('Gr\xfc\xdfe\n', 'latin1'), encoding: 'ISO-8859-1' }),
    commit({ mark: 3, message: Buffer.from('broken \xff\n', 'latin1'), author: Buffer.from('J\xf6rg <j@example.com>', 'latin1') }),
    commit({ mark: 4, message: '', author: '<>' }),
    commit({ mark: 5, message: long }),
    commit({ mark: 6, branch: 'side', from: 4 }),
    commit({ mark: 7, from: 5, merge: 6, message: 'merge\n' })
  ])
  const run = await importGit(t, cwd, [repository])
  t.is(run.code, 0, run.stderr)
  const hashes = historyOf(repository)
  await using db = await open(join(cwd, 'data'))
  const commits = db.table('commits')
  const first = commits.entry(hashes[0] ?? '')
  t.deepEqual(first?.document, {
    hash: hashes[0] ?? '',
    author: 'Ada Author',
    email: 'ada@example.com',
    time: new Date(FIRST_TIME + 60_000),
    message: 'first line\n\nbody',
    parents: []
  })
  t.deepEqual(first?.metadata, { hash: hashes[0] ?? '', author: 'Ada Author', message: 'first line\n\nbody' })
  t.is(first?.time, FIRST_TIME + 60_000)
  t.deepEqual(db.table('files').entry('a')?.metadata, first?.metadata)
  const row = (index: number) => commits.get(hashes[index] ?? '')
  t.is(row(1)?.['message'], 'Grüße')
  t.like(row(2), { message: 'broken \ufffd', author: 'J\ufffdrg' })
  t.like(row(3), { message: '', author: '', email: '' })
  t.is(row(4)?.['message'], long)
  const message = (commits.entry(hashes[4] ?? '')?.metadata as { message: string } | undefined)?.message ?? ''
  t.true(message.length > 16_000 && message.length < 20_000 && long.startsWith(message.slice(0, -1)) && message.endsWith('…'))
  t.deepEqual(row(5)?.['parents'], [hashes[4] ?? '', git(repository, ['rev-parse', 'side']).toString().trim()])
  // Two tables and six commits, of which the first has a file too.
  t.is(db.lastSeq, 2 + 6 + 1)
  using made = db.asOf({ time: FIRST_TIME + 60_000 - 1 })
  t.is(made.seq, 0, 'the tables are made at the time of the first commit')
})

test('dates that step back or lie ahead are held, counted and kept in the row', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  const ahead = 32_503_680_000
  addCommits(repository, [
    commit({ mark: 1, seconds: FIRST_SECONDS + 100, changes: [file('a', '1')] }),
    commit({ mark: 2, seconds: FIRST_SECONDS + 50, changes: [file('a', '2')] }),
    commit({ mark: 3, seconds: 0, changes: [file('a', '3')] }),
    commit({ mark: 4, seconds: FIRST_SECONDS + 200, changes: [file('a', '4')] }),
    commit({ mark: 5, seconds: ahead, changes: [file('a', '5')] }),
    commit({ mark: 6, seconds: FIRST_SECONDS + 300, changes: [file('a', '6')] })
  ])
  const began = Date.now()
  const run = await importGit(t, cwd, ['--verify', repository])
  t.is(run.code, 0, run.stderr)
  t.like(objects(run.stdout), [{ commits: 6, held: 3, future: 1, verified: 6 }])
  t.regex(run.stderr, /^3 commits dated before the one before.*\n1 commit dated in the future.*\n$/)
  await using db = await open(join(cwd, 'data'))
  const entries = historyOf(repository).map((hash) => db.table<{ time: Date }>('commits').entry(hash))
  t.deepEqual(
    entries.slice(0, 4).map((entry) => (entry?.time ?? 0) / 1000 - FIRST_SECONDS),
    [100, 100, 100, 200]
  )
  t.true((entries[4]?.time ?? 0) >= began && (entries[4]?.time ?? Number.POSITIVE_INFINITY) <= Date.now())
  t.is(entries[5]?.time, entries[4]?.time)
  t.deepEqual(
    entries.map((entry) => Number(entry?.document.time) / 1000),
    [FIRST_SECONDS + 100, FIRST_SECONDS + 50, 0, FIRST_SECONDS + 200, ahead, FIRST_SECONDS + 300]
  )
  const asOf = await driftdb(t, cwd, ['select', '-d', 'data', '--table', 'files', '--as-of', '2020-09-13T12:29:59Z'])
  t.like(objects(asOf.stdout), [{ path: 'a', text: '3' }])
})

test('again imports only what is new, and nothing where nothing is', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  addCommits(repository, manyCommits(66))
  t.like(objects((await importGit(t, cwd, [repository])).stdout), [{ commits: 66 }])
  const more = [1, 2, 3].map((mark) => commit({ mark: 100 + mark, from: mark === 1 ? 66 : 99 + mark, changes: [file(`new${mark}`, 'x')] }))
  addCommits(repository, more)
  const next = await importGit(t, cwd, ['--verify', repository])
  t.like(objects(next.stdout), [{ commits: 3, held: 0, verified: 69 }], next.stderr)
  await compareAll(t, cwd, repository)
  const none = await importGit(t, cwd, ['--verify', repository])
  t.is(none.code, 0, none.stderr)
  t.deepEqual(objects(none.stdout), [{ ok: true, commits: 0, held: 0, future: 0, verified: 69 }])
  await using db = await open(join(cwd, 'data'))
  t.is(db.lastSeq, 2 + 66 * 4 + 3 * 2)
})

test('--ref names a branch, a tag or a commit', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  addCommits(repository, [
    commit({ mark: 1, changes: [file('a', '1')] }),
    commit({ mark: 2, branch: 'side', from: 1, changes: [file('a', '2')] }),
    commit({ mark: 3, branch: 'side', changes: [file('b', '3')] }),
    commit({ mark: 4, from: 1, changes: [file('a', '4')] })
  ])
  git(repository, ['tag', '-a', '-m', 'a tag', 'v1', 'side'])
  t.like(objects((await importGit(t, cwd, ['--ref', 'side~1', repository])).stdout), [{ commits: 2 }])
  t.like(objects((await importGit(t, cwd, ['--ref', 'v1', '--verify', repository])).stdout), [{ commits: 1, verified: 3 }])
  await compareAll(t, cwd, repository, { ref: 'side' })
})

test('a history that does not go on from the last import is refused, and nothing is imported', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  const commits = manyCommits(4)
  addCommits(repository, commits)
  t.is((await importGit(t, cwd, [repository])).code, 0)
  const last = historyOf(repository).at(-1) ?? ''
  const lastSeq = 2 + 4 * 4
  const refused = async (what: string, path: string, ...more: string[]) => {
    const run = await importGit(t, cwd, [...more, path])
    t.is(run.code, 1, what)
    t.is(run.stdout, '')
    t.true(run.stderr.includes(last) && /not in the first-parent history.*nothing was imported/.test(run.stderr), `${what}: ${run.stderr}`)
    await using db = await open(join(cwd, 'data'))
    t.is(db.lastSeq, lastSeq, what)
  }
  await refused('an older commit', repository, '--ref', 'main~1')
  addCommits(repository, [commit({ mark: 10, branch: 'amended', from: 3, changes: [file('x', '1')] })])
  await refused('the last commit amended', repository, '--ref', 'amended')
  addCommits(repository, [commit({ mark: 11, branch: 'merged', from: 3, merge: 4 })])
  await refused('the last commit only a second parent', repository, '--ref', 'merged')
  const other = makeRepository(cwd, 'other')
  addCommits(other, [commit({ mark: 1, changes: [file('other', '1')] })])
  await refused('another repository', other)
})

test('Ctrl-C stops behind a whole commit, kill -9 leaves whole commits, and the import goes on from there', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  const count = 3000
  addCommits(repository, manyCommits(count))
  // A git that gives the importer a third of the log, sends it a signal, and gives it the rest.
  const real = spawnSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).stdout.trim()
  const third = git(repository, ['log', '-m', '--raw', '-z', '--no-abbrev', '--format=%H%P%an%ae%ct%B']).length / 3
  await mkdir(join(cwd, 'bin'))
  await writeFile(
    join(cwd, 'bin/git'),
    `#!/bin/sh
case " $* " in
  *" --raw "*" log "*|*" log "*" --raw "*) '${real}' "$@" | { head -c ${Math.floor(third)}; kill -"$SIGNAL" $PPID; cat; } ;;
  *) exec '${real}' "$@" ;;
esac
`
  )
  await chmod(join(cwd, 'bin/git'), 0o755)
  const PATH = `${join(cwd, 'bin')}:${process.env['PATH']}`
  const stored = async () => {
    await using db = await open(join(cwd, 'data'))
    return db.table('commits').count()
  }
  const interrupted = await importGit(t, cwd, [repository], { PATH, SIGNAL: 'INT' })
  t.is(interrupted.code, 130, interrupted.stderr)
  t.regex(interrupted.stderr, /commits are imported, the last at @seq:\d+; the same command goes on from there\ninterrupted\n$/)
  t.is(interrupted.stdout, '')
  const first = await stored()
  t.true(interrupted.stderr.startsWith(`${first} commits`), interrupted.stderr)
  t.true(first > 0 && first < count, String(first))

  const killed = await importGit(t, cwd, [repository], { PATH, SIGNAL: 'KILL' })
  t.is(killed.signal, 'SIGKILL')
  const second = await stored()
  t.true(second >= first && second < count, String(second))

  const rest = await importGit(t, cwd, ['--verify', repository])
  t.is(rest.code, 0, rest.stderr)
  t.like(objects(rest.stdout), [{ commits: count - second, verified: count }])
})

test('a commit with a path that is longer than a key is refused whole, and named; what was before it stays', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  const path = (bytes: number) => 'x'.repeat(bytes - 4).replaceAll(/x{200}/g, `${'x'.repeat(199)}/`) + '.txt'
  addCommits(repository, [
    commit({ mark: 1, changes: [file('a', '1')] }),
    commit({ mark: 2, changes: [file('a', '2'), file('b', '2'), file(path(1200), '2')] }),
    commit({ mark: 3, changes: [file('a', '3')] })
  ])
  const run = await importGit(t, cwd, [repository])
  t.is(run.code, 1)
  const [, hash] = historyOf(repository)
  t.true(run.stderr.includes(`DRIFT_LIMIT: commit ${hash}, path "${path(1200)}": `), run.stderr)
  t.regex(run.stderr, /^1 commit is imported/)
  await using db = await open(join(cwd, 'data'))
  t.is(db.table('commits').count(), 1)
  t.like(db.table('files').get('a'), { text: '1' })
  t.is(db.lastSeq, 4)
})

test('more text than one transaction holds is refused before it is read, and --text-bytes is the way out', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  const mebibyte = 'x'.repeat(1023 * 1024)
  // The blob is there once; as rows it is more than 256 MiB.
  addCommits(repository, [
    Buffer.from(`blob\nmark :9999\ndata ${mebibyte.length}\n${mebibyte}\n`),
    commit({ mark: 1, changes: Array.from({ length: 260 }, (_, index) => `M 100644 :9999 f${index}\n`) })
  ])
  const run = await importGit(t, cwd, [repository])
  t.is(run.code, 1)
  t.regex(run.stderr, /DRIFT_LIMIT: commit [0-9a-f]{40}: 260 changed files .* --text-bytes/)
  const without = await importGit(t, cwd, ['--verify', '--text-bytes', '1000', repository])
  t.is(without.code, 0, without.stderr)
  t.like(objects(without.stdout), [{ commits: 1, verified: 1 }])
})

test('--verify finds a difference and names commit, seq and path', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  addCommits(repository, [
    commit({ mark: 1, changes: [file('same', '1'), file('a', '1')] }),
    commit({ mark: 2, changes: [file('a', '2')] }),
    commit({ mark: 3, changes: [file('a', '3')] })
  ])
  t.is((await importGit(t, cwd, ['--verify', repository])).code, 0)
  const [, second = ''] = historyOf(repository)
  // From now on git says that this commit had other files.
  for (const [content, what] of [
    [[file('same', '1'), file('a', '9')], /path "a": git has 100644 [0-9a-f]{40}, stored is 100644 [0-9a-f]{40}/],
    [[file('same', '1'), file('a', '2', '100755')], /path "a": git has 100755/],
    [[file('same', '1')], /path "a": is stored, and git does not have it/],
    [[file('same', '1'), file('a', '2'), file('more', '')], /path "more": git has it, and it is not stored/]
  ] as const) {
    addCommits(repository, [commit({ mark: 100, branch: 'other', changes: ['deleteall\n', ...content] })])
    git(repository, ['replace', '--force', `${second}^{tree}`, 'other^{tree}'])
    const run = await importGit(t, cwd, ['--verify', repository])
    t.is(run.code, 3, run.stderr)
    t.true(run.stderr.includes(`error: the database differs from git: commit ${second} (@seq:7), `), run.stderr)
    t.regex(run.stderr, what)
    const [result] = objects(run.stdout)
    t.like(result, { commits: 0, verified: 2 })
    t.regex(String(result?.['difference']), what)
  }
})

test('tables that something else made or changed are refused', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  addCommits(repository, [commit({ mark: 1, changes: [file('a', '1'), file('b', '1')] })])
  t.is((await importGit(t, cwd, [repository])).code, 0)
  addCommits(repository, [commit({ mark: 2, from: 1, changes: [gone('a'), gone('b')] })])
  for (const statement of [`SOFT DELETE FROM files KEY 'a'`, `PATCH files KEY 'b' SET {"mode": "x"}`]) {
    t.is((await driftdb(t, cwd, ['sql', '-d', 'data', '-e', statement])).code, 0)
    const run = await importGit(t, cwd, [repository])
    t.is(run.code, 1)
    t.regex(run.stderr, /the table files was changed by something else since the last import, at @seq:5/)
  }
  t.is((await driftdb(t, cwd, ['init', 'other'])).code, 0)
  t.is((await driftdb(t, cwd, ['sql', '-d', 'other', '-e', 'CREATE TABLE files (pk=id)'])).code, 0)
  const other = await driftdb(t, cwd, ['import', 'git', '-d', 'other', repository])
  t.is(other.code, 1)
  t.regex(other.stderr, /there is a table files already, whose key is id, not path/)
})

test('a database with other tables in it takes a history too, at the time of its last commit', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  addCommits(repository, manyCommits(3))
  t.is((await driftdb(t, cwd, ['sql', '-d', 'data', '-e', `CREATE TABLE t (pk=id); INSERT INTO t {"id": 1}`])).code, 0)
  const run = await importGit(t, cwd, ['--verify', repository])
  t.is(run.code, 0, run.stderr)
  t.like(objects(run.stdout), [{ commits: 3, held: 3, verified: 3 }])
})

test('settings and variables of the user change nothing', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  addCommits(repository, [
    commit({ mark: 1, changes: [file('a', 'some text to find again\n'.repeat(9)), submodule('module', MODULE)] }),
    commit({
      mark: 2,
      changes: [gone('a'), file('b', 'some text to find again\n'.repeat(9)), submodule('module', MODULE.replace('0', '1'))]
    }),
    commit({ mark: 3, branch: 'side', from: 1, changes: [file('c', '3')] }),
    commit({ mark: 4, from: 2, merge: 3, changes: [file('c', '3')] })
  ])
  const other = makeRepository(cwd, 'other')
  addCommits(other, manyCommits(1))
  await writeFile(
    join(cwd, 'config'),
    `[color]\nui = always\n[diff]\nrenames = copies\nignoreSubmodules = all\nrelative = true\nnoprefix = true
[log]\nshowSignature = true\ndiffMerges = combined\nshowRoot = false\ndecorate = full\n[core]\nquotePath = true\nabbrev = 5\npager = false
[i18n]\nlogOutputEncoding = ISO-8859-1\n[format]\npretty = oneline\n[log]\nfollow = true\n`
  )
  const env = { GIT_CONFIG_GLOBAL: join(cwd, 'config'), GIT_DIR: other, GIT_WORK_TREE: cwd, GIT_INDEX_FILE: 'nowhere' }
  const run = await importGit(t, cwd, ['--verify', repository], env)
  t.is(run.code, 0, run.stderr)
  t.like(objects(run.stdout), [{ commits: 3, verified: 3 }])
  await compareAll(t, cwd, repository)
})

test('a work tree, its .git and a repository of SHA-256 are repositories; a folder in one is not', async (t) => {
  const cwd = await workDatabase(t)
  const bare = makeRepository(cwd, 'bare', '--object-format=sha256')
  addCommits(bare, manyCommits(5))
  git(cwd, ['clone', '--quiet', bare, 'clone'])
  await mkdir(join(cwd, 'clone/folder'))
  const folder = await importGit(t, cwd, ['clone/folder'])
  t.is(folder.code, 1)
  t.regex(folder.stderr, /clone\/folder is a folder of the repository .*clone; name that one/)
  t.like(objects((await importGit(t, cwd, ['--verify', 'clone'])).stdout), [{ commits: 5, verified: 5 }])
  t.like(objects((await importGit(t, cwd, ['--verify', 'clone/.git'])).stdout), [{ commits: 0, verified: 5 }])
  await compareAll(t, cwd, bare)
})

test('a repository without commits is imported: nothing', async (t) => {
  const cwd = await workDatabase(t)
  const run = await importGit(t, cwd, ['--verify', makeRepository(cwd)])
  t.is(run.code, 0, run.stderr)
  t.like(objects(run.stdout), [{ ok: true, commits: 0 }])
  t.regex(run.stderr, /has no commits yet/)
})

test('what cannot be imported is refused in words, and makes no database', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  addCommits(repository, manyCommits(1))
  await mkdir(join(cwd, 'folder'))
  const refused: [string[], number, RegExp][] = [
    [['import', 'git', '-d', 'data', 'folder'], 1, /folder is no git repository: not a git repository/],
    [['import', 'git', '-d', 'data', 'nowhere'], 1, /nowhere is no git repository: .*No such file or directory/],
    [['import', 'git', '-d', 'data', '--ref', 'nix', repository], 1, /has no commit "nix"/],
    [['import', 'git', '-d', 'nowhere', repository], 1, /is no database; make one with driftdb init/],
    [['import', 'git', '-d', 'folder', repository], 1, /is no database; make one with driftdb init/],
    [['import', 'git', repository], 2, /--directory/],
    [['import', 'git', '-d', 'data'], 2, /repo/],
    [['import', 'git', '-d', 'data', '--ref=--all', repository], 2, /--ref --all/],
    [['import', 'git', '-d', 'data', '--text-bytes', '1e9', repository], 2, /--text-bytes/],
    [['import', 'svn', '-d', 'data', repository], 2, /svn/],
    [['import'], 2, /git/]
  ]
  for (const [args, code, reason] of refused) {
    const run = await driftdb(t, cwd, args)
    t.is(run.code, code, `${args.join(' ')}: ${run.stderr}`)
    t.is(run.stdout, '')
    t.regex(run.stderr, reason)
  }
  const gitless = await importGit(t, cwd, [repository], { PATH: join(cwd, 'folder') })
  t.is(gitless.code, 4)
  t.regex(gitless.stderr, /DRIFT_IO: the program git was not found; install it/)
  t.is((await driftdb(t, cwd, ['stats', '-d', 'nowhere'])).code, 1)
})

test('a repository that lacks a blob is refused with the name of the blob', async (t) => {
  const cwd = await workDatabase(t)
  const repository = makeRepository(cwd)
  addCommits(repository, [commit({ mark: 1, changes: [file('a', '1')] })])
  const missing = `${MODULE.slice(0, 39)}8`
  const tree = git(repository, ['mktree', '--missing'], `100644 blob ${missing}\ta\n`).toString().trim()
  const hash = git(repository, ['commit-tree', '-p', 'main', '-m', 'broken', tree]).toString().trim()
  git(repository, ['update-ref', 'refs/heads/main', hash])
  const run = await importGit(t, cwd, [repository])
  t.is(run.code, 1)
  t.true(run.stderr.includes(`the repository does not have the blob ${missing}`), run.stderr)
})
