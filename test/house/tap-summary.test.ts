/** The line that a reader of a test run trusts: it counts what ran, and a run that was cut short never looks green. */
import test from 'ava'
import { tapSummary } from '../tap-summary.js'

async function summaryOf(...tap: string[]) {
  const printed: string[] = []
  const summary = await tapSummary(
    (async function* () {
      yield* tap
    })(),
    (line) => printed.push(line)
  )
  return { ...summary, printed }
}

test('passes and failures are counted by their lines, and diagnostics are printed in full', async (t) => {
  const { lines, failed, printed } = await summaryOf(
    'TAP version 13',
    'ok 1 - a',
    'not ok 2 - b',
    '  ---',
    '  at: x',
    '  ...',
    '1..2',
    '# fail 1'
  )
  t.deepEqual(lines, ['1 passed, 1 failed'])
  t.true(failed)
  t.deepEqual(printed, ['ok 1 - a', 'not ok 2 - b', '  ---', '  at: x', '  ...'])
})

test('a skipped test and a todo are neither, and are named', async (t) => {
  const { lines, failed } = await summaryOf('ok 1 - a', 'ok 2 - b # SKIP', 'not ok 3 - c # TODO', '1..3')
  t.deepEqual(lines, ['skipped: b # SKIP; c # TODO', '1 passed, 0 failed, 2 skipped'])
  t.false(failed)
})

test('a run without tests is a failure', async (t) => {
  t.true((await summaryOf('TAP version 13', '1..0')).failed)
  t.true((await summaryOf('ok 1 - a # SKIP', '1..1')).failed)
})

test('a run that ends before its plan is a failure', async (t) => {
  const { lines, failed } = await summaryOf('TAP version 13', 'ok 1 - a')
  t.deepEqual(lines, ['1 passed, 1 failed'])
  t.true(failed)
})
