/** The documents hold together: links lead somewhere, lines are short, and every law that the code cites is written down once. */
import test from 'ava'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesUnder, packageRoot } from './package-root.js'

const root = packageRoot()
const documents = [{ path: 'README.md', text: readFileSync(join(root, 'README.md'), 'utf8') }, ...filesUnder(['docs'], '.md')]
const lawForm = /\b(?:SEQ|DUR|ATM|TXN|FMT|VIS|MEM|CMP|TIM|CAT|THR)-\d+\b/g

test('no line of a document is longer than 140 characters', (t) => {
  const long = documents.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => (line.length > 140 ? [`${path}:${index + 1}: ${line.length}`] : []))
  )
  t.deepEqual(long, [])
})

test('every relative link of a document leads to a file', (t) => {
  const broken = documents.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => (match[1] ?? '').replace(/#.*$/, ''))
      .filter((link) => link !== '' && !/^[a-z]+:/.test(link) && !existsSync(join(root, dirname(path), link)))
      .map((link) => `${path}: ${link}`)
  )
  t.deepEqual(broken, [])
})

test('every law has one place in docs/invariants.md, and every law that is cited stands there', (t) => {
  const text = readFileSync(join(root, 'docs/invariants.md'), 'utf8')
  const laws = [...text.matchAll(/^- \*\*([A-Z]+-\d+)\*\*/gm)].map((match) => match[1] ?? '')
  t.true(laws.length > 0)
  t.is(new Set(laws).size, laws.length)
  const cited = [...filesUnder(['src', 'workers', 'test'], '.ts'), ...documents].flatMap((file) =>
    [...file.text.matchAll(lawForm)].map((match) => ({ law: match[0], path: file.path }))
  )
  t.deepEqual(
    cited.filter(({ law }) => !laws.includes(law)).map(({ law, path }) => `${path}: ${law}`),
    []
  )
})
