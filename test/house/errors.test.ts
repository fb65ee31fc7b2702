/** `docs/errors.md` and `src/base/errors.ts` say the same. */
import test from 'ava'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DriftError, errorCodes } from '../../src/base/errors.js'
import { packageRoot } from './package-root.js'

/** Rows of the tables: `| DRIFT_CODE | kind | sqlState | when | what to do |`. */
const rows = [...readFileSync(join(packageRoot(), 'docs/errors.md'), 'utf8').matchAll(/^\| `(DRIFT_\w+)` \|(.*)\|$/gm)].map((match) => ({
  code: match[1] ?? '',
  cells: (match[2] ?? '').split('|').map((cell) => cell.trim())
}))

test('docs/errors.md lists every code once, and no other', (t) => {
  t.deepEqual(rows.map((row) => row.code).sort(), errorCodes.map((name) => `DRIFT_${name}`).sort())
})

test('docs/errors.md gives each code its kind and sqlState, says when it comes and what to do', (t) => {
  t.true(rows.length > 0)
  for (const name of errorCodes) {
    const error = new DriftError(name, 'a message')
    const cells = rows.find((row) => row.code === error.code)?.cells ?? []
    t.is(cells.length, 4, error.code)
    t.deepEqual(cells.slice(0, 2), [error.kind, error.sqlState], error.code)
    t.true((cells[2] ?? '').length > 5 && (cells[3] ?? '').length > 5, error.code)
  }
})
