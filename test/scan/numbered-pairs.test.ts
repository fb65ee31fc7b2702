/** Pairs beside a map by their text, few and many, close together and far apart. */
import test from 'ava'
import fc from 'fast-check'
import { NumberedPairs } from '../../src/scan/numbered-pairs.js'

const pair = (leftMax: number, rightMax: number) => fc.tuple(fc.nat(leftMax), fc.nat(rightMax))

function checkPairs(asked: readonly (readonly [number, number])[]): boolean {
  const pairs = new NumberedPairs()
  const expected = new Map<string, number>()
  const isKnown = ([left, right]: readonly [number, number]) => pairs.numberOf(left, right) === (expected.get(`${left} ${right}`) ?? -1)
  for (const each of asked) {
    if (!isKnown(each)) return false
    if (expected.has(each.join(' '))) continue
    pairs.add(...each, pairs.count)
    expected.set(each.join(' '), expected.size)
    if (pairs.count !== expected.size) return false
  }
  return asked.every(isKnown)
}

test('a pair has the number that it was given, wherever the pairs lie', (t) => {
  const some = fc.oneof(pair(40, 7), pair(3, 3000), pair(20_000, 5), pair(2 ** 19, 2 ** 13), pair(2 ** 25, 2 ** 25))
  t.notThrows(() => fc.assert(fc.property(fc.array(some, { maxLength: 300 }), checkPairs), { numRuns: 300 }))
})

test('a pair has its number in a table that grows with its pairs, and where far pairs come behind near ones', (t) => {
  const near = Array.from({ length: 60_000 }, (_, index) => [Math.floor(index / 6), index % 6] as const)
  const far = Array.from({ length: 2000 }, (_, index) => [index * 977, (index * 7919) % 100_003] as const)
  t.true(checkPairs(near))
  t.true(checkPairs([...near, ...far, ...near]))
  t.true(checkPairs(far))
})
