/**
 * The memory of a whole process with a database several times larger than `cacheBytes`. It has a bound: the budget, and a fixed part for
 * threads, their heaps, the shared log and what is on its way. (Without a budget to speak of, with a gigabyte, the same run takes 0.9 GB.)
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { type Found } from './_large-child.js'

const MIB = 1024 * 1024
const CACHE_BYTES = 32 * MIB
/** Five threads of Node.js with their heaps, 16 MiB of log, keys, queries. */
const FIXED_BYTES = 384 * MIB
const ROUNDS = 60
/** Bytes of a row's document, at least. */
const ROW_BYTES = 900

test('MEM-7: a database several times larger than its memory answers as arithmetic does, takes writes, and stays below its bound', (t) => {
  t.timeout(300_000)
  const directory = mkdtempSync(join(tmpdir(), 'driftdb-budget-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const child = fileURLToPath(new URL('_large-child.js', import.meta.url))
  const { stdout, stderr, status } = spawnSync(process.execPath, [child, join(directory, 'data'), String(CACHE_BYTES), String(ROUNDS)], {
    encoding: 'utf8'
  })
  t.is(status, 0, stderr)
  const { answers, wrong, events, maxRssBytes } = JSON.parse(stdout) as Found
  t.deepEqual(wrong, [])
  t.true(answers > 500, `${answers} answers were compared`)
  t.true(events * ROW_BYTES > 3 * CACHE_BYTES, `${events} events`)
  t.true(maxRssBytes < CACHE_BYTES + FIXED_BYTES, `${Math.round(maxRssBytes / MIB)} MiB`)
})
