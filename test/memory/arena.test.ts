/** The memory of pages: no byte belongs to two claims, pinned memory stays, and a budget is a budget. */
import test from 'ava'
import fc from 'fast-check'
import { type DriftError } from '../../src/base/errors.js'
import { Arena } from '../../src/memory/arena.js'

const SLOT = 64 * 1024
const UNIT = SLOT / 32

function codeOf(work: () => unknown): string | undefined {
  try {
    work()
  } catch (error) {
    return (error as DriftError).code
  }
  return undefined
}

test('a claim is at least as large as asked, and begins at its own offset in its memory', (t) => {
  const arena = Arena.create({ bytes: 4 * SLOT, slotBytes: SLOT, memoryBytesMax: 2 * SLOT })
  const addresses = [1, UNIT, UNIT + 1, SLOT].map((bytes) => ({ bytes, address: arena.claim(bytes) }))
  for (const { bytes, address } of addresses) t.true(arena.bytesOf(address) >= bytes)
  t.is(arena.claimedBytes, UNIT + UNIT + 2 * UNIT + SLOT)
  // Two memories: the fourth claim fills one slot, and what follows lies in the next memory at the same offsets.
  const far = arena.claim(SLOT)
  t.is(arena.offsetOf(far), 0)
  t.not(arena.viewsOf(far).buffer, arena.viewsOf(addresses[0]?.address ?? 0).buffer)
})

test('where nothing is free a claim is refused with the figures, and works again after a release', (t) => {
  const arena = Arena.create({ bytes: 2 * SLOT, slotBytes: SLOT })
  const [first] = [arena.claim(SLOT), arena.claim(SLOT)]
  const error = t.throws<DriftError>(() => arena.claim(1), { message: /page memory/ })
  t.like(error, { code: 'DRIFT_OVERLOADED', kind: 'unavailable', details: { bytes: 1, budgetBytes: 2 * SLOT, claimedBytes: 2 * SLOT } })
  arena.release(first)
  t.is(arena.claim(SLOT), first)
})

test('a claim of several slots takes them side by side in one memory', (t) => {
  const arena = Arena.create({ bytes: 8 * SLOT, slotBytes: SLOT, memoryBytesMax: 4 * SLOT })
  const small = arena.claim(1)
  const large = arena.claim(4 * SLOT)
  t.is(arena.offsetOf(large), 0)
  t.is(
    codeOf(() => arena.claim(4 * SLOT)),
    'DRIFT_OVERLOADED'
  )
  t.is(arena.claimedBytes, UNIT + 4 * SLOT)
  arena.release(small)
  t.is(arena.claim(4 * SLOT), small)
})

test('MEM-5: memory that is pinned is not given away before the last pin is gone, and cannot be pinned again once retired', (t) => {
  const arena = Arena.create({ bytes: SLOT, slotBytes: SLOT })
  const address = arena.claim(SLOT)
  const generation = arena.generationOf(address)
  t.true(arena.pin(address, generation))
  t.true(arena.pin(address, generation))
  t.is(
    codeOf(() => arena.release(address)),
    'DRIFT_INVARIANT'
  )
  arena.retire(address)
  t.false(arena.pin(address, generation))
  t.is(
    codeOf(() => arena.claim(1)),
    'DRIFT_OVERLOADED'
  )
  arena.unpin(address)
  t.is(
    codeOf(() => arena.claim(1)),
    'DRIFT_OVERLOADED'
  )
  arena.unpin(address)
  t.is(arena.claim(1), address)
  t.false(arena.pin(address, generation), 'the same address, another claim')
  t.is(
    codeOf(() => arena.unpin(address)),
    'DRIFT_INVARIANT'
  )
})

test('a handle shows another thread the same memory and the same claims', (t) => {
  const arena = Arena.create({ bytes: SLOT, slotBytes: SLOT })
  const other = Arena.attach(arena.handle)
  const address = arena.claim(SLOT)
  arena.viewsOf(address).u8[arena.offsetOf(address)] = 7
  t.is(other.viewsOf(address).u8[other.offsetOf(address)], 7)
  t.true(other.pin(address, other.generationOf(address)))
  t.true(arena.isPinned(address))
})

test('an arena without room for one slot, or with odd slots, is refused', (t) => {
  t.is(
    codeOf(() => Arena.create({ bytes: SLOT - 1, slotBytes: SLOT })),
    'DRIFT_INVALID_ARGUMENT'
  )
  t.is(
    codeOf(() => Arena.create({ bytes: SLOT, slotBytes: 5000 })),
    'DRIFT_INVALID_ARGUMENT'
  )
})

type Held = { readonly address: number; readonly units: number; pins: number; retired: boolean }

test('MEM-5: in any order of claims, pins and releases no unit belongs to two claims, and the sum of bytes is right', (t) => {
  const step = fc.record({ kind: fc.integer({ min: 0, max: 4 }), units: fc.integer({ min: 1, max: 70 }), pick: fc.nat(1000) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const arena = Arena.create({ bytes: 6 * SLOT, slotBytes: SLOT, memoryBytesMax: 4 * SLOT })
      let held: Held[] = []
      for (const { kind, units, pick } of steps) {
        const one = held[pick % Math.max(1, held.length)]
        if (kind <= 1 || one === undefined) {
          const before = held.map((each) => each.address)
          const code = codeOf(() => held.push({ address: arena.claim(units * UNIT), units: 0, pins: 0, retired: false }))
          if (code !== undefined) t.is(code, 'DRIFT_OVERLOADED')
          else {
            const { address } = held[held.length - 1] as Held
            held[held.length - 1] = { address, units: arena.bytesOf(address) / UNIT, pins: 0, retired: false }
            t.false(before.includes(address))
          }
        } else if (kind === 2) {
          if (arena.pin(one.address, arena.generationOf(one.address))) one.pins++
          else t.true(one.retired)
        } else if (kind === 3 && one.pins > 0) {
          arena.unpin(one.address)
          one.pins--
        } else if (!one.retired) {
          arena.retire(one.address)
          one.retired = true
        }
        held = held.filter((each) => !each.retired || each.pins > 0)
        const used = new Set<number>()
        for (const each of held) for (let unit = 0; unit < each.units; unit++) used.add(each.address + unit)
        const total = held.reduce((sum, each) => sum + each.units, 0)
        t.is(used.size, total)
        t.is(arena.claimedBytes, total * UNIT)
      }
    }),
    { numRuns: 60 }
  )
})
