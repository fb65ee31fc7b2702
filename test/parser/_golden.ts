/**
 * Golden files: cases of a dialect, a text and what became of it. UPDATE_GOLDEN=1 rewrites them. They lie in the source tree, wherever the
 * compiled test runs.
 *
 *     ==== drift
 *     the text, any number of lines
 *     ----
 *     the result
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ExecutionContext } from 'ava'
import { type Dialect } from '../../grammar/lexer.js'

export type Case = { readonly dialect: Dialect; readonly text: string }

/** Every case of the file gives the result that stands there. */
export function checkGolden(t: ExecutionContext, file: string, resultOf: (golden: Case) => string): void {
  const path = join(goldenFolder(), file)
  const before = readFileSync(path, 'utf8')
  const cases = before.split(/^==== /m).slice(1)
  t.true(cases.length > 0, `${file} has no cases`)
  const after = cases
    .map((block) => {
      const [head = '', ...lines] = block.split('\n')
      const dialect = head.trim() === 'sql' ? 'sql' : 'drift'
      const end = lines.indexOf('----')
      const text = lines
        .slice(0, end < 0 ? undefined : end)
        .join('\n')
        .replace(end < 0 ? /\n+$/ : /$^/, '')
      return `==== ${dialect}\n${text}\n----\n${resultOf({ dialect, text })}\n\n`
    })
    .join('')
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, after)
  else t.is(after, before)
}

function goldenFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'test/parser/golden'))) {
    if (dirname(folder) === folder) throw new Error('no test/parser/golden above the test')
    folder = dirname(folder)
  }
  return join(folder, 'test/parser/golden')
}
