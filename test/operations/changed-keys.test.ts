/** The marks of keys deny nothing that is so, and tell most keys apart. */
import test from 'ava'
import { ChangedKeys } from '../../src/operations/changed-keys.js'
import { numbers } from '../page/_workload.js'

for (const frameBytes of [0, 1_000_000, Number.MAX_SAFE_INTEGER]) {
  test(`a key that was added is changed, in a table of ${frameBytes} bytes`, (t) => {
    const random = numbers(3)
    const changed = new ChangedKeys(frameBytes)
    t.false(changed.isAnyFrom(0))
    const added = [0, 2 ** 31, 2 ** 32 - 2 ** 23, ...Array.from({ length: 300 }, () => Math.floor(random() * 2 ** 31))]
    for (const [index, hash] of added.entries()) changed.add(hash, index % 2 === 0)
    for (const [index, hash] of added.entries()) {
      t.true(changed.isChanged(hash))
      t.true(changed.isAnyFrom(hash))
      if (index % 2 === 0) t.true(changed.carriesDocument(hash))
    }
    t.false(changed.isAnyFrom(2 ** 32 - 1))
    const others = Array.from({ length: 1_000 }, () => Math.floor(random() * 2 ** 32))
    t.true(others.filter((hash) => changed.isChanged(hash)).length < 200)
    t.true(others.filter((hash) => changed.carriesDocument(hash)).length < 150)
  })
}
