/** The benchmark's own answers: a small run on DriftDB alone; what happens when one is wrong. Times are not looked at. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { Results } from '../../bench/run/results.js'
import type { Expected, TrialResult, TrialSpec } from '../../bench/run/trial.js'
import { workDirectory } from '../cli/_driftdb.js'

/** The suites of the quick run; smaller, unless FULL=1: every question, several pages of every table, versions in chains. */
const suites =
  process.env['FULL'] === '1'
    ? 'micro,commits,orders-50000,scans-100000,tax-1,tax-10,bih-1000'
    : 'micro,commits,orders-20000,scans-50000,tax-1,tax-4,bih-200'

const bench = (path: string) => fileURLToPath(new URL(`../../bench/${path}`, import.meta.url))

test('every answer of a run is right, before and after COMPACT', async (t) => {
  t.timeout(300_000)
  const directory = await workDirectory(t)
  const peers = 'driftdb,driftdb-compacted'
  const args = ['run', '--suites', suites, '--peers', peers, '--tries', '1', '--measure-ms', '1', '--output', directory]
  const { status, stderr } = spawnSync(process.execPath, [bench('main.js'), ...args], { encoding: 'utf8' })
  t.is(status, 0, stderr)
  const [folder = ''] = readdirSync(directory)
  const { rows } = JSON.parse(readFileSync(`${directory}/${folder}/results.json`, 'utf8')) as Results
  const kinds = rows.flatMap(({ suite, probe, cells }) => Object.values(cells).map(({ kind }) => ({ suite, probe, kind })))
  t.deepEqual(
    kinds.filter(({ kind }) => kind !== 'found' && kind !== 'not expressible'),
    []
  )
  const checked = rows.filter((row) => row.checked && row.cells['driftdb']?.kind === 'found')
  t.true(checked.length > 20, `${checked.length} questions were answered`)
  t.true(readFileSync(`${directory}/${folder}/report.md`, 'utf8').includes('| one row by key |'))
})

test('a question that was answered wrong is not timed', async (t) => {
  const directory = await workDirectory(t)
  const expectedPath = `${directory}/expected.json`
  const run = (program: string, ...args: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [bench(program), ...args], { encoding: 'utf8' })
    t.is(status, 0, stderr)
  }
  run('run/oracle-child.js', 'orders-2000', expectedPath)
  const expected = JSON.parse(readFileSync(expectedPath, 'utf8')) as Expected
  const right = expected.answers['sum'] ?? ''
  t.regex(right, /^\{count:\d+,sum:\d+\}$/)
  const planted: Expected = { ...expected, answers: { ...expected.answers, sum: right.replace('sum:', 'sum:1') } }
  writeFileSync(expectedPath, JSON.stringify(planted))
  const database = `${directory}/database`
  mkdirSync(database)
  const budget = { warmUpMs: 1, measureMs: 1 }
  for (const stage of ['load', 'read'] as const) {
    const spec: TrialSpec = { peer: 'driftdb', suite: 'orders-2000', stage, directory: database, expected: expectedPath, budget }
    writeFileSync(`${directory}/spec.json`, JSON.stringify(spec))
    run('run/trial-child.js', `${directory}/spec.json`, `${directory}/result.json`)
  }
  const { measures, answers } = JSON.parse(readFileSync(`${directory}/result.json`, 'utf8')) as TrialResult
  t.is(answers['sum'], right)
  const timed = measures.map(({ probe }) => probe)
  t.false(timed.includes('sum'))
  t.true(timed.includes('sum-as-of'))
})
