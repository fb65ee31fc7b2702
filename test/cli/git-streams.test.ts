/** What git prints comes in pieces of any size: cut anywhere, it reads the same. And no two paths become one text. */
import test from 'ava'
import fc from 'fast-check'
import { ByteReader } from '../../src/cli/byte-reader.js'
import { gitPath } from '../../src/cli/git-path.js'
import { nulTokens } from '../../src/cli/nul-tokens.js'

async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer, void> {
  let at = 0
  for (const size of sizes) {
    yield bytes.subarray(at, at + size)
    at += size
  }
  if (at < bytes.length) yield bytes.subarray(at)
}

const sizes = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 30 })

test('tokens are the same however the stream is cut', async (t) => {
  const tokens = fc.array(fc.stringMatching(/^[a-c\n:]{0,6}$/), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(tokens, sizes, async (expected, cuts) => {
      const found: string[] = []
      const bytes = Buffer.from(expected.map((token) => `${token}\0`).join(''))
      for await (const some of nulTokens(cut(bytes, cuts))) found.push(...some.map((token) => token.toString()))
      t.deepEqual(found, expected)
    })
  )
})

test('lines and counted bytes are the same however the stream is cut, and a stream that ends early is undefined', async (t) => {
  const contents = fc.array(fc.stringMatching(/^[ab\n]{0,9}$/), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(contents, sizes, async (expected, cuts) => {
      const bytes = Buffer.from(expected.map((content) => `${content.length}\n${content}`).join(''))
      const reader = new ByteReader(cut(bytes, cuts))
      for (const content of expected) {
        const line = await reader.until(10)
        t.is(line?.toString(), String(content.length))
        t.is((await reader.take(content.length))?.toString(), content)
      }
      t.is(await reader.until(10), undefined)
      t.is(await reader.take(1), undefined)
    })
  )
})

test('a path that is UTF-8 stands as it is, any other as git quotes it, and no two are one', (t) => {
  t.is(gitPath(Buffer.from('a "b"\n\\ä😀\ufeff')), 'a "b"\n\\ä😀\ufeff')
  t.is(gitPath(Buffer.from('"a"')), '"a"')
  t.is(gitPath(Buffer.from('a"\\\n\t\x01\x7f\xe9', 'latin1')), '"a\\"\\\\\\n\\t\\001\\177\\351"')
  t.is(gitPath(Buffer.from('"\\351"')), '"\\"\\\\351\\""')
  const path = fc.array(fc.constantFrom(0x22, 0x5c, 0x33, 0x35, 0x31, 0xe9, 0xc3, 0xa9), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(path, path, (a, b) => {
      t.is(gitPath(Buffer.from(a)) === gitPath(Buffer.from(b)), Buffer.compare(Buffer.from(a), Buffer.from(b)) === 0)
    })
  )
  // A text that looks like the quoted form of another path.
  fc.assert(
    fc.property(path, (a) =>
      t.true(
        gitPath(Buffer.from(gitPath(Buffer.from(a)))) !== gitPath(Buffer.from(a)) || gitPath(Buffer.from(a)) === Buffer.from(a).toString()
      )
    )
  )
})
