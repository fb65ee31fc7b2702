/**
 * Scripts and what they answer, in golden/*.txt; UPDATE_GOLDEN=1 rewrites them. Each script runs in a database of its own.
 *
 *     ==== drift
 *     the script
 *     ----
 *     of each statement: its command, its columns, its rows as JSON lines, what was written, its notices; or the error that ends the script
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { formatJson } from '../../src/codec/json-codec.js'
import { DriftError, open } from '../../src/index.js'

function goldenFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'test/executor/golden'))) {
    if (dirname(folder) === folder) throw new Error('no test/executor/golden above the test')
    folder = dirname(folder)
  }
  return join(folder, 'test/executor/golden')
}

/** Sizes of compressed files belong to the compressor. */
function sizesOut(line: string): string {
  return line.replaceAll(/("bytes\w*"):\d+/g, '$1:…')
}

async function resultOf(text: string, dialect: 'drift' | 'sql'): Promise<string> {
  await using db = await open(':memory:', { dialect, clock: { now: () => 1_750_000_000_000, monotonic: () => 0 } })
  const lines: string[] = []
  try {
    for await (const { command, columns, batches, commit, writtenRows, notices } of db.statements(text)) {
      lines.push(`${command}${columns.length === 0 ? '' : ` (${columns.map(({ name, type }) => `${name} ${type}`).join(', ')})`}`)
      for await (const rows of batches) for (const row of rows) lines.push(`  ${sizesOut(formatJson(row))}`)
      if (commit !== undefined) lines.push(`  seq ${commit.seq}${writtenRows === undefined ? '' : `, ${writtenRows} rows`}`)
      for (const notice of notices) lines.push(`  notice: ${notice}`)
    }
  } catch (thrown) {
    if (!(thrown instanceof DriftError)) throw thrown
    lines.push(`${thrown.code} ${thrown.message}`)
  }
  return lines.join('\n')
}

for (const file of readdirSync(goldenFolder())) {
  test(`the scripts of ${file} answer what stands there`, async (t) => {
    const path = join(goldenFolder(), file)
    const before = readFileSync(path, 'utf8')
    let after = ''
    for (const block of before.split(/^==== /m).slice(1)) {
      const [head = '', ...lines] = block.split('\n')
      const end = lines.indexOf('----')
      const text = (end < 0 ? lines : lines.slice(0, end)).join('\n').trimEnd()
      const dialect = head.trim() === 'sql' ? 'sql' : 'drift'
      after += `==== ${dialect}\n${text}\n----\n${await resultOf(text, dialect)}\n\n`
    }
    t.true(after !== '', `${file} has no scripts`)
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, after)
    else for (const [index, line] of after.split('\n').entries()) t.is(line, before.split('\n')[index] ?? '')
  })
}
