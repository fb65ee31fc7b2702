import test from 'ava'
import { BlockCache, type CachedBlock } from '../../src/segment/block-cache.js'

/** Adds blocks of one byte each; the names of those that went. */
function filled(budget: number): { readonly add: (name: string) => CachedBlock; readonly gone: string[] } {
  const cache = new BlockCache(budget)
  const gone: string[] = []
  const add = (name: string): CachedBlock => {
    const block: CachedBlock = { bytes: new Uint8Array(1), offset: 0, used: false, evict: () => void gone.push(name) }
    cache.add(block)
    return block
  }
  return { add, gone }
}

test('streams of blocks that are read in turns do not push each other out: what was just loaded is the last to go', (t) => {
  const { add, gone } = filled(4)
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) add(name)
  t.false(gone.includes('e') || gone.includes('f'), `gone: ${gone.join(' ')}`)
  t.is(gone.length, 3)
})

test('a block that was used since the hand went by stays for another round', (t) => {
  const { add, gone } = filled(3)
  const first = add('a')
  add('b')
  add('c')
  first.used = true
  add('d')
  t.deepEqual(gone, ['b'])
  t.false(first.used)
})
