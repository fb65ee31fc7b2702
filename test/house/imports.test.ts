/** The house stands as drawn: floors, doors and habits hold for every source file, and the check finds what breaks them. */
import test from 'ava'
import { houseViolations, importsOf } from './house-rules.js'
import { filesUnder } from './package-root.js'

const sources = filesUnder(['src', 'workers', 'grammar', 'bench'], '.ts').filter((file) => !file.path.endsWith('.generated.ts'))

test('every source file keeps the rules of the house', (t) => {
  t.true(sources.length > 0)
  t.deepEqual(
    houseViolations(sources).map(({ path, rule, found }) => `${path}: ${rule}: ${found}`),
    []
  )
})

test('the documents name no path of a machine and nothing undone', (t) => {
  const rules = ['no path of a machine', 'nothing lands undone']
  const found = houseViolations(filesUnder(['docs'], '.md')).filter(({ rule }) => rules.includes(rule))
  t.deepEqual(found, [])
})

const planted: readonly (readonly [path: string, text: string, rule: string])[] = [
  ['src/wal/x.ts', "import { a } from '../writer/a.js'", 'imports point down the floors'],
  ['src/wal/x.ts', "import { a } from '../segment/a.js'", 'imports point down the floors'],
  ['src/planner/x.ts', "import { a } from '../executor/a.js'", 'imports point down the floors'],
  ['src/wal/x.ts', "import {\n  a,\n  type B\n} from '../coordinator/a.js'", 'imports point down the floors'],
  ['src/wal/x.ts', "const a = await import('../api/a.js')", 'imports point down the floors'],
  ['src/api/x.ts', "import { a } from '../index.js'", 'only cli comes in by the front'],
  ['src/cli/x.ts', "import { a } from '../coordinator/a.js'", 'cli imports only api, front, base'],
  ['src/index.ts', "export { a } from './coordinator/a.js'", 'front imports only api, base, codec'],
  ['workers/x.ts', "import { a } from '../src/coordinator/a.js'", 'imports point down the floors'],
  ['src/coordinator/x.ts', "import { a } from '../../grammar/a.js'", 'only parser and planner import grammar'],
  ['src/api/x.ts', "import { a } from '../../bench/a.js'", 'nothing imports bench'],
  ['bench/x.ts', "import { a } from '../test/a.js'", 'nothing imports test'],
  ['src/utils/x.ts', '', 'every room has a floor'],
  ['src/wal/x.ts', "import { readFile } from 'node:fs/promises'", 'only io and cli may import node:fs'],
  ['src/wal/x.ts', "import * as fs from 'fs'", 'only io and cli may import node:fs'],
  ['src/writer/x.ts', "import { Worker } from 'node:worker_threads'", 'only runtime and workers may import node:worker_threads'],
  ['src/format/x.ts', "import { Encoder } from '@msgpack/msgpack'", 'only codec may import @msgpack/msgpack'],
  ['src/format/x.ts', "import { crc32 } from 'node:zlib'", 'only codec may import node:zlib'],
  ['src/api/x.ts', "import pad from 'left-pad'", 'a package has one address'],
  ['src/runtime/x.ts', 'Atomics.notify(words, 0)', 'only memory calls Atomics'],
  ['src/wal/x.ts', 'const s = new SharedArrayBuffer(8)', 'only memory creates shared memory'],
  ['src/kernel/x.ts', 'const m = new WebAssembly.Memory({ initial: 1, shared: true })', 'only memory creates shared memory'],
  ['src/txn/x.ts', 'const now = new Date()', 'time is a parameter'],
  ['src/txn/x.ts', 'const r = Math.random()', 'randomness is a parameter'],
  ['src/txn/x.ts', 'setTimeout(f, 1)', 'no timer'],
  ['src/wal/x.ts', 'const a = b as any', 'no any'],
  ['src/wal/x.ts', 'const a: Map<string, any> = m', 'no any'],
  ['src/wal/x.ts', 'export default class X {}', 'no default export'],
  ['src/wal/x.ts', 'export const enum Kind { A }', 'no enum'],
  ['src/wal/x.ts', "export * from './y.js'", 'no barrel'],
  ['src/wal/x.ts', "export { y } from './y.js'", 'no barrel'],
  ['src/wal/x.ts', '// TO' + 'DO later', 'nothing lands undone'],
  ['src/wal/x.ts', "const dir = '/home" + "/me/data'", 'no path of a machine'],
  ['src/wal/WalWriter.ts', '', 'a file is named in kebab case']
]

for (const [path, text, rule] of planted) {
  test(`planted in ${path}, ${JSON.stringify(text)} breaks "${rule}"`, (t) => {
    t.deepEqual(
      houseViolations([{ path, text }]).map((violation) => violation.rule),
      [rule]
    )
  })
}

const allowed: readonly (readonly [path: string, text: string])[] = [
  ['src/wal/x.ts', "import { a } from '../format/a.js'\nimport { b } from './b.js'\nimport { join } from 'node:path'"],
  ['src/io/x.ts', "import { openSync } from 'node:fs'"],
  ['src/memory/x.ts', 'const s = new SharedArrayBuffer(8)\nAtomics.add(words, 0, 1)'],
  ['src/planner/x.ts', "import { a } from '../../grammar/a.js'"],
  ['src/cli/x.ts', "import { open } from '../index.js'"],
  ['src/index.ts', "export { open } from './api/open.js'"],
  ['workers/x.ts', "import { expose } from 'comlink'\nimport { a } from '../src/writer/a.js'"],
  ['src/wal/x.ts', '// as any, Atomics.wait and Date.now() in a comment\nconst a = "Math.random() as any"\nconst b = `${a} Atomics.load`'],
  ['src/wal/x.ts', "const quote = /['\"]/\nconst many = 'x'\n"],
  ['src/wal/x.ts', 'const when = new Date(0)\nconst any = anything(1)']
]

for (const [path, text] of allowed) {
  test(`in ${path}, ${JSON.stringify(text)} is at home`, (t) => {
    t.deepEqual(houseViolations([{ path, text }]), [])
  })
}

test('imports are found in every form, and not in comments or strings', (t) => {
  const text = [
    "import a from 'one'",
    "import { b,\n  c } from 'two'",
    "import 'three'",
    "export type { D } from 'four'",
    "const e = await import('five')",
    "// import f from 'six'",
    '/* import g from "seven" */'
  ].join('\n')
  t.deepEqual([...importsOf(text)].sort(), ['five', 'four', 'one', 'three', 'two'])
})
