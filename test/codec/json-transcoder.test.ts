import test from 'ava'
import fc from 'fast-check'
import { decodeDocument, encodeDocument } from '../../src/codec/document-codec.js'
import { formatJson } from '../../src/codec/json-codec.js'
import { jsonRoom, writeJsonLine } from '../../src/codec/json-transcoder.js'

function lineOf(document: Uint8Array): string | undefined {
  const target = { bytes: Buffer.alloc(jsonRoom(document.length) + 1), at: 1 }
  const isWritten = writeJsonLine(document, target)
  if (!isWritten) return target.at === 1 ? undefined : 'moved'
  return target.bytes.subarray(1, target.at).toString('utf8')
}

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('a"b\\c', '\u0000\u001f\n\r\t\b\f', '\u2028\u007f', '}\n{', '1', '-1')
)
/** Those that a document may have. */
const name = text.filter((one) => one !== '' && one !== '__proto__')
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    text,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.boolean(),
    fc.constantFrom(
      null,
      0,
      9,
      10,
      99,
      100,
      255,
      256,
      65_535,
      65_536,
      4_294_967_295,
      4_294_967_296,
      -1,
      -32,
      -33,
      -129,
      0.1,
      1e300,
      new Date(0)
    ),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(name, tie('value'), { maxKeys: 20 })
  )
})).value

test('a line made of the bytes is the line made of the document, or is left to it', (t) => {
  let lines = 0
  fc.assert(
    fc.property(fc.dictionary(name, value, { maxKeys: 20 }), (document) => {
      const bytes = Uint8Array.from(encodeDocument(document, 'document'))
      const line = lineOf(bytes)
      if (line === undefined) return
      lines++
      t.is(line, `${formatJson(decodeDocument(bytes))}\n`)
    }),
    { numRuns: 2000 }
  )
  t.true(lines > 200, `${lines} documents were of the common kind`)
})

test('bytes that end early, or go on, are left to the decoder', (t) => {
  const bytes = Uint8Array.from(encodeDocument({ a: 'text', b: [1, 300, 70_000, -5], c: { d: 0.5, e: null } }, 'document'))
  t.is(lineOf(bytes), '{"a":"text","b":[1,300,70000,-5],"c":{"d":0.5,"e":null}}\n')
  for (let length = 0; length < bytes.length; length++) t.is(lineOf(bytes.subarray(0, length)), undefined)
  t.is(lineOf(Uint8Array.of(...bytes, 0)), undefined)
})
