/** The pictures in docs/diagrams are those of the grammar as it is: what `npm run build:diagrams` makes. */
import test from 'ava'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../house/package-root.js'

const root = packageRoot()

test('the diagrams of docs/diagrams are drawn from the grammar', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'driftdb-diagrams-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  execFileSync(process.execPath, [join(root, 'grammar/railroad.mjs'), folder])
  const kept = join(root, 'docs/diagrams')
  t.deepEqual(readdirSync(kept).sort(), readdirSync(folder).sort(), 'npm run build:diagrams makes them')
  for (const name of readdirSync(folder)) {
    const [found, drawn] = [kept, folder].map((each) => readFileSync(join(each, name), 'utf8'))
    t.true(found === drawn, `${name} is another: npm run build:diagrams`)
  }
})

test('every diagram is shown in docs/driftql.md', (t) => {
  const text = readFileSync(join(root, 'docs/driftql.md'), 'utf8')
  const shown = [...text.matchAll(/\]\(diagrams\/([a-z-]+\.svg)\)/g)].map((match) => match[1])
  const byName = (a = '', b = '') => (a < b ? -1 : 1)
  t.deepEqual([...new Set(shown)].sort(byName), readdirSync(join(root, 'docs/diagrams')).sort(byName))
})
