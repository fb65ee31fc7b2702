/** JSON keeps every digit of an integer, says where it is wrong, and prints whatever it is given. */
import test from 'ava'
import fc from 'fast-check'
import { DriftError } from '../../src/base/errors.js'
import { limits } from '../../src/base/limits.js'
import { formatJson, formatJsonLines, parseJson } from '../../src/codec/json-codec.js'

function refused(text: string): DriftError {
  try {
    parseJson(text)
  } catch (error) {
    if (error instanceof DriftError) return error
    throw error
  }
  throw new Error(`accepted: ${text.slice(0, 100)}`)
}

test('integers past 2^53 keep their digits, floats and digits in strings are what they are', (t) => {
  t.deepEqual(
    parseJson(
      `{"a": 9007199254740993, "b": -9223372036854775808, "c": 18446744073709551615, "d": 9007199254740991,
        "e": 1.7976931348623157e308, "f": 0.12345678901234567, "g": "12345678901234567890", "h\\n": "\\"9007199254740993\\"",
        "i": 9007199254740993.0, "j": 1e20, "k": [9007199254740992, -9007199254740993, 1234567890123456]}`
    ),
    {
      a: 9007199254740993n,
      b: -(2n ** 63n),
      c: 2n ** 64n - 1n,
      d: 9007199254740991,
      e: 1.7976931348623157e308,
      f: Number('0.12345678901234567'),
      g: '12345678901234567890',
      'h\n': '"9007199254740993"',
      i: 9007199254740992,
      j: 1e20,
      k: [9007199254740992n, -9007199254740993n, 1234567890123456]
    }
  )
})

test('an integer of 16 digits or more is found wherever it stands in the text', (t) => {
  for (let before = 0; before < 40; before++) {
    for (const digits of ['9007199254740993', '10000000000000000001']) {
      t.deepEqual(parseJson(`${' '.repeat(before)}${digits}`), BigInt(digits))
      t.deepEqual(parseJson(`${' '.repeat(before)}[${digits},1]`), [BigInt(digits), 1])
    }
  }
})

test('a number out of range is refused with its path and never rounded', (t) => {
  for (const token of ['18446744073709551616', '-9223372036854775809', '1'.repeat(400), '1e400', '-1E+309', '1e0000400']) {
    const error = refused(`{"a": {"b": [1, ${token}]}}`)
    t.is(error.code, 'DRIFT_INVALID_DOCUMENT', token)
    t.is(error.details['path'], 'a.b[1]')
  }
  t.is(parseJson('1e-400'), 0)
})

test('a text that is no JSON is SYNTAX even if a number before the mistake is out of range', (t) => {
  for (const token of ['1e400', '18446744073709551616']) t.is(refused(`[${token} ${token}]`).code, 'DRIFT_SYNTAX')
})

test('a syntax error says position, line, column, what was found and what was expected', (t) => {
  const cases: [string, object][] = [
    ['', { position: 0, line: 1, column: 1, found: 'the end of the text', expected: 'a value' }],
    ['{"a": 1,\n "b" 2}', { position: 14, line: 2, column: 6, found: '"2"', expected: "':'" }],
    ['[1, 2', { position: 5, found: 'the end of the text', expected: "',' or ']'" }],
    ['{"a": 1,}', { position: 8, found: '"}"', expected: 'a field name in double quotes' }],
    ['{a: 1}', { position: 1, found: '"a"' }],
    ['1 2', { position: 2, expected: 'the end of the text' }],
    ['"abc', { position: 4, expected: 'the closing quote of a string' }],
    ['"a\tb"', { position: 2, expected: 'no control character inside a string' }],
    ['"a\\x"', { position: 2, expected: 'an escape sequence' }],
    ['[01]', { position: 2, expected: "',' or ']'" }],
    ['tru', { position: 0, expected: 'true' }],
    ['[1234567890123456789,]', { position: 21, expected: 'a value' }]
  ]
  for (const [text, details] of cases) {
    const error = refused(text)
    t.is(error.code, 'DRIFT_SYNTAX', text)
    t.like(error.details, details)
  }
})

test('what JSON.parse accepts we accept with the same value, the rest is SYNTAX', (t) => {
  const broken = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom('', '"', '{', ']', ',', '\\', '0', '-', '.', 'e', ' ', '\n', '\u0000'))
    .map(([text, at, piece]) => {
      const point = at % (text.length + 1)
      return text.slice(0, point) + piece + text.slice(point + (at % 2))
    })
  fc.assert(
    fc.property(fc.oneof(fc.json(), broken), fc.boolean(), (text, forced) => {
      // A long number beside it sends the text through the strict parser.
      const given = forced ? `[${text},1234567890.123456789012]` : text
      let expected: unknown
      let valid = true
      try {
        expected = JSON.parse(given)
      } catch {
        valid = false
      }
      if (!valid) t.is(refused(given).code, 'DRIFT_SYNTAX', given)
      else if (!/\d{16}|e\+?\d{3}/i.test(text)) t.deepEqual(parseJson(given), expected as never, given)
    }),
    { numRuns: 5000 }
  )
})

test('of fields with one name the last wins, on both ways', (t) => {
  t.deepEqual(parseJson('{"a": 1, "a": 2}'), { a: 2 })
  t.deepEqual(parseJson('{"a": 1234567890123456789, "a": 2}'), { a: 2 })
})

test('a field __proto__ pollutes nothing', (t) => {
  for (const text of ['{"__proto__": {"polluted": 1}}', '{"__proto__": {"polluted": 1}, "n": 1234567890123456789}']) {
    const value = parseJson(text) as Record<string, unknown>
    t.is(Object.getPrototypeOf(value), Object.prototype)
    t.true(Object.hasOwn(value, '__proto__'))
    t.is(value['polluted'], undefined)
    t.is(({} as Record<string, unknown>)['polluted'], undefined)
  }
})

test('100 levels are read and 101 refused, brackets in strings do not count', (t) => {
  const nested = (levels: number, inner: string) => '['.repeat(levels) + inner + ']'.repeat(levels)
  for (const inner of ['1', '1234567890123456789', JSON.stringify('[{"'.repeat(200))]) {
    t.notThrows(() => parseJson(nested(limits.nestingMax, inner)))
    t.is(refused(nested(limits.nestingMax + 1, inner)).details['reason'], 'more than 100 levels')
  }
  t.notThrows(() => parseJson(`[${'[],'.repeat(500)}{}]`))
})

test('a million open brackets are an error, not a stack overflow', (t) => {
  for (const open of ['[', '{"a":']) t.is(refused(open.repeat(1_000_000)).code, 'DRIFT_INVALID_DOCUMENT')
})

test('printing keeps digits, times, bytes, and makes null of what JSON cannot say', (t) => {
  const value = {
    big: 2n ** 64n - 1n,
    small: -5n,
    at: new Date(Date.UTC(2025, 0, 1, 10, 30, 0, 5)),
    bytes: Uint8Array.of(255, 0, 1),
    nan: NaN,
    infinite: -Infinity,
    none: undefined,
    list: [undefined, () => 1, NaN, 1n],
    f: () => 1,
    bad: new Date(NaN),
    text: 'a"\n\ud800',
    empty: [{}, []]
  }
  t.is(
    formatJson(value),
    '{"big":18446744073709551615,"small":-5,"at":"2025-01-01T10:30:00.005Z","bytes":"/wAB","nan":null,"infinite":null,' +
      '"list":[null,null,null,1],"bad":null,"text":"a\\"\\n\\ud800","empty":[{},[]]}'
  )
  t.is(formatJson(undefined), 'null')
  t.is(formatJson(Symbol('s')), 'null')
})

test('the printer agrees with JSON.stringify wherever both can print, at any indent', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 10 }), (value, indent) => {
      // A float past 2^53 without a point has an exponent here: see below.
      fc.pre(!/\d{16}/.test(JSON.stringify(value)))
      t.is(formatJson(value, indent), JSON.stringify(value, null, indent))
      // A bigint sends the value through our own printer.
      t.is(formatJson({ value, n: 7n }, indent), JSON.stringify({ value, n: 7 }, null, indent))
    })
  )
})

test('a float past 2^53 is printed as one, and reads back as the same', (t) => {
  for (const value of [2 ** 53, -(2 ** 63), 1e20, 2 ** 64, 123456789012345680000, 1e21, Number.MAX_VALUE]) {
    for (const text of [formatJson(value), formatJson([value, 7n]), formatJsonLines([{ value }, { value }])]) t.regex(text, /\de\+\d/)
    t.deepEqual(parseJson(formatJson({ value })), { value })
  }
  t.is(formatJson(Number.MAX_SAFE_INTEGER), '9007199254740991')
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      t.is(parseJson(formatJson(value)), value + 0)
    })
  )
})

test('any value with big integers reads back from its text', (t) => {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
      fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
      fc.maxSafeInteger(),
      fc.string({ unit: 'binary' }),
      fc.array(tie('value')),
      fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true })
    )
  }))
  fc.assert(
    fc.property(value, (given) => {
      t.deepEqual(parseJson(formatJson(given)), given as never)
    })
  )
})

test('printing never throws', (t) => {
  const cycle: Record<string, unknown> = { n: 1n }
  cycle['self'] = cycle
  cycle['again'] = [cycle]
  t.is(formatJson(cycle), '{"n":1,"self":null,"again":[null]}')
  let deep: unknown = 1n
  for (let level = 0; level < 100_000; level++) deep = [deep]
  t.true(formatJson(deep).startsWith('[[['))
  const hostile = {
    n: 1,
    get a(): number {
      throw new Error('no')
    },
    toJSON: () => {
      throw new Error('no')
    }
  }
  t.is(formatJson(hostile), '{"n":1,"a":null}')
  const proxy = new Proxy({}, { ownKeys: () => { throw new Error('no') } }) // prettier-ignore
  t.is(formatJson([proxy, 1n]), '[null,1]')
})

test('rows printed together are the lines that each of them is alone, whatever they hold', (t) => {
  const odd = fc.constantFrom<unknown>(
    ['\ud800', '\ud800'],
    { a: '","\ud800","' },
    { n: 2n ** 63n },
    { at: new Date(0), no: new Date(NaN) },
    { bytes: new Uint8Array([1, 2]) },
    { f: () => 1, u: undefined },
    undefined,
    null,
    { 'a\nb': '}\n{' },
    { deep: [[{ x: [null, 1e300, -0] }]] }
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), odd), { maxLength: 12 }), (rows) => {
      t.is(formatJsonLines(rows), rows.map((row) => `${formatJson(row)}\n`).join(''))
    })
  )
})
