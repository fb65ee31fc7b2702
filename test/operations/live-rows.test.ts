/** Live rows within a budget are those of a map without one, over as many passes as it takes. */
import test from 'ava'
import fc from 'fast-check'
import { LiveRows } from '../../src/operations/live-rows.js'

type Step = { readonly key: number; readonly kind: 'set' | 'patch' | 'remove'; readonly bytes: number }
type Row = { depth: number; parts: Buffer }

const step = (bytesMax: number): fc.Arbitrary<Step> =>
  fc.record({
    key: fc.nat({ max: 60 }),
    kind: fc.constantFrom('set' as const, 'set' as const, 'patch' as const, 'patch' as const, 'remove' as const),
    bytes: fc.nat({ max: bytesMax })
  })

const keyOf = (key: number) => Buffer.from(`${'key '.repeat(key % 5)}${key}`)
const few = [0, 7, 2 ** 31, 2 ** 32 - 1]
const hashes: Readonly<Record<string, (key: number) => number>> = {
  'of their own': (key) => Math.imul(key + 1, 0x9e3779b1) >>> 0,
  'of few values': (key) => few[key % few.length] ?? 0,
  'all alike': () => 2 ** 32 - 1
}

/** What a step writes: no two write the same. */
function written(step: Step, index: number): Buffer {
  return Buffer.alloc(step.bytes, `${index} `)
}

for (const [name, hashOf] of Object.entries(hashes)) {
  for (const [budget, bytesMax] of [
    [0, 150],
    [6_000, 900],
    [1_000_000, 900]
  ] as const) {
    test(`keys with hashes ${name} are each in one pass, whole, with ${budget} bytes for documents of up to ${bytesMax}`, (t) => {
      let passesMax = 0
      fc.assert(
        fc.property(fc.array(step(bytesMax), { minLength: 200, maxLength: 500 }), (steps) => {
          const rows = new LiveRows(budget)
          const seen = new Map<number, Row | undefined>()
          let passes = 0
          do {
            if (passes++ > 0) rows.nextShare()
            const model = new Map<number, Row>()
            for (const [index, each] of steps.entries()) {
              const key = keyOf(each.key)
              const hash = hashOf(each.key)
              if (!rows.has(hash)) continue
              const row = rows.find(key, key.length, hash)
              const before = model.get(each.key)
              t.is(row >= 0, before !== undefined)
              const bytes = written(each, index)
              if (each.kind === 'set') {
                rows.set(key, key.length, hash, bytes, 0, bytes.length)
                model.set(each.key, { depth: 0, parts: bytes })
              } else if (before !== undefined && each.kind === 'remove') {
                rows.remove(row)
                model.delete(each.key)
              } else if (before !== undefined && before.depth < 4) {
                rows.patch(row, key, key.length, hash, bytes, 0)
                if (before.parts.length > 0) before.parts = Buffer.concat([before.parts, bytes])
                before.depth++
              }
            }
            for (const key of new Set(steps.map((each) => each.key))) {
              const hash = hashOf(key)
              if (!rows.has(hash)) continue
              t.false(seen.has(key), 'in two passes')
              const row = rows.find(keyOf(key), keyOf(key).length, hash)
              const expected = model.get(key)
              seen.set(key, expected)
              t.is(row >= 0, expected !== undefined)
              if (row < 0 || expected === undefined) continue
              t.is(rows.depthOf(row), expected.depth)
              t.is(rows.isKnown(row), expected.parts.length > 0)
              t.true(expected.parts.equals(rows.bytes.subarray(rows.partsFrom(row), rows.partsTo(row))))
            }
          } while (rows.rest !== undefined)
          t.is(seen.size, new Set(steps.map((each) => each.key)).size)
          passesMax = Math.max(passesMax, passes)
        }),
        { numRuns: 60 }
      )
      t.is(passesMax > 1, budget < 1_000_000)
    })
  }
}

test('the memory is the budget, or four times the largest row', (t) => {
  for (const [budget, rowBytes] of [
    [100_000, 1_000],
    [100_000, 60_000]
  ] as const) {
    const rows = new LiveRows(budget)
    for (let key = 0; key < 2_000; key++) {
      const hash = Math.imul(key + 1, 0x9e3779b1) >>> 0
      if (rows.has(hash)) rows.set(keyOf(key), keyOf(key).length, hash, new Uint8Array(rowBytes), 0, rowBytes)
    }
    t.true(rows.bytes.length <= Math.max(budget, 4 * (rowBytes + 64)))
    t.not(rows.rest, undefined)
  }
})
