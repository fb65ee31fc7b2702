/** LIKE and ILIKE against the plainest matcher there is. */
import test from 'ava'
import fc from 'fast-check'
import { DriftError } from '../../src/base/errors.js'
import { likeMatcher } from '../../src/codec/like.js'

/** Tries everything. Of characters, not of units. */
function matches(text: readonly string[], pattern: readonly string[], escape: string): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return text.length === 0
  if (first === escape && escape !== '') {
    const [literal, ...after] = rest
    return text[0] === literal && text.length > 0 && matches(text.slice(1), after, escape)
  }
  if (first === '%') return text.some((_, at) => matches(text.slice(at), rest, escape)) || matches([], rest, escape)
  return text.length > 0 && (first === '_' || first === text[0]) && matches(text.slice(1), rest, escape)
}

const letters = fc.array(fc.constantFrom('a', 'b', 'é', '😀', '%', '_', '\\', '!'), { maxLength: 6 })

test('every pattern matches what trying everything matches, with any escape character or none', (t) => {
  fc.assert(
    fc.property(letters, letters, fc.constantFrom('\\', '!', '😀', ''), (text, pattern, escape) => {
      let matcher: ((text: string) => boolean) | undefined
      try {
        matcher = likeMatcher(pattern.join(''), escape, false)
      } catch (thrown) {
        t.true(thrown instanceof DriftError && thrown.code === 'DRIFT_INVALID_ARGUMENT')
        t.is(String(pattern.at(-1)), escape)
        return
      }
      t.is(matcher(text.join('')), matches(text, pattern, escape))
    }),
    { numRuns: 20_000 }
  )
})

test('% is any characters and none, _ is one character, also one of two units', (t) => {
  const like = (text: string, pattern: string) => likeMatcher(pattern, '\\', false)(text)
  t.true(like('', '%') && like('', '') && like('abc', '%') && like('a%c', 'a\\%c') && like('😀', '_'))
  t.false(like('', '_') || like('a', '') || like('abc', 'a\\%c') || like('😀', '__') || like('abc', 'b'))
  t.false(likeMatcher('aba', '\\', false)('ab'))
  t.false(likeMatcher('ab%ba', '\\', false)('aba'), 'one b is not two')
})

test('ILIKE takes no notice of case', (t) => {
  t.true(likeMatcher('ÄB_%', '\\', true)('äbXyz'))
  t.false(likeMatcher('ÄB_%', '\\', false)('äbXyz'))
  t.true(likeMatcher('A!%', '!', true)('a%'))
})

test('a pattern of many % over a long text takes as many steps as it is long', (t) => {
  const long = 'a'.repeat(100_000)
  t.false(likeMatcher(`${'%a'.repeat(50)}%b`, '\\', false)(long))
  t.true(likeMatcher(`${'%a'.repeat(50)}%`, '\\', false)(long))
  t.false(likeMatcher(`${'%a'.repeat(50)}%b%`, '\\', true)(long))
})

test('a pattern that ends in its escape character is refused', (t) => {
  for (const [pattern, escape] of [
    ['a\\', '\\'],
    ['!', '!']
  ] as const) {
    t.is(t.throws(() => likeMatcher(pattern, escape, false), { instanceOf: DriftError })?.code, 'DRIFT_INVALID_ARGUMENT')
  }
  t.true(likeMatcher('a\\', '', false)('a\\'))
})
