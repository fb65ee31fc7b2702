/** The plan cache gives what parse gives, once for each text and dialect, within its bounds. */
import test from 'ava'
import { PlanCache } from '../../src/planner/plan-cache.js'

test('a text is parsed once for each dialect', (t) => {
  const cache = new PlanCache()
  const text = 'SELECT * FROM t WHERE "a" = "b"'
  const drift = cache.statements(text, 'drift')
  t.is(cache.statements(text, 'drift'), drift)
  t.notDeepEqual(cache.statements(text, 'sql'), drift)
  t.is(cache.entryCount, 2)
})

test('of 1,001 texts the one used longest ago goes', (t) => {
  const cache = new PlanCache()
  const kept = cache.statements('SHOW DRIFT t KEY 0', 'drift')
  const lost = cache.statements('SHOW DRIFT t KEY 1', 'drift')
  for (let key = 2; key < 1000; key++) cache.statements(`SHOW DRIFT t KEY ${key}`, 'drift')
  t.is(cache.entryCount, 1000)
  t.is(cache.statements('SHOW DRIFT t KEY 0', 'drift'), kept)
  cache.statements('SHOW DRIFT t KEY 1000', 'drift')
  t.is(cache.entryCount, 1000)
  t.is(cache.statements('SHOW DRIFT t KEY 0', 'drift'), kept)
  t.not(cache.statements('SHOW DRIFT t KEY 1', 'drift'), lost)
})

test('long texts stay within a bound of bytes, and a very long one is not kept', (t) => {
  const cache = new PlanCache()
  for (let key = 0; key < 50; key++) cache.statements(`SHOW DRIFT t KEY '${key}${'x'.repeat(80_000)}'`, 'drift')
  t.true(cache.entryCount > 0 && cache.entryCount < 50)
  t.true(cache.bytes <= 16 * 1024 * 1024)
  const { entryCount } = cache
  t.is(cache.statements(`SHOW DRIFT t KEY '${'x'.repeat(500_000)}'`, 'drift').length, 1)
  t.is(cache.entryCount, entryCount)
})

test('an error is not kept', (t) => {
  const cache = new PlanCache()
  t.throws(() => cache.statements('SELECT', 'drift'))
  t.throws(() => cache.statements('SELECT', 'drift'))
  t.is(cache.entryCount, 0)
  t.is(cache.bytes, 0)
})
