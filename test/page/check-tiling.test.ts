/** The check of pages finds what is planted. */
import test from 'ava'
import { checkTiling } from '../../src/page/check-tiling.js'
import { type PageDirectory, type RangeEntry } from '../../src/page/page-directory.js'
import * as layout from '../../src/page/page-layout.js'
import { type ColumnView, type PageView } from '../../src/page/page-view.js'
import { ModelTable } from './_model.js'

function filled(): { readonly model: ModelTable; readonly base: PageView; readonly sealed: PageView; readonly range: RangeEntry } {
  const model = new ModelTable({ pageRows: 32 })
  for (let round = 0; round < 6; round++) for (let id = 0; id < 12; id++) model.insert({ id, a: `t${id}`, b: round, note: 'é'.repeat(150) })
  model.delete(model.rowOf(3))
  const range = model.pages.directory.ranges.find(({ base }) => base !== undefined) as RangeEntry
  return { model, range, base: range.base as PageView, sealed: range.past.slices[0]?.page as PageView }
}

function lawsOf(model: ModelTable, directory: PageDirectory = model.pages.directory): string[] {
  return [...new Set(checkTiling({ directory, keys: model.pages.keys }, { pageRows: 32 }).map(({ law }) => law))].sort()
}

const damages: Readonly<Record<string, { readonly laws: readonly string[]; readonly plant: (page: PageView, base: PageView) => void }>> = {
  'an end that is not set': {
    laws: ['VIS-3', 'VIS-10'],
    plant: (page) => {
      const row = Array.from({ length: page.rowCount }, (_, index) => index).find((index) => page.endOf(index) !== Infinity) ?? 0
      page.i32[page.endAt + row] = layout.OPEN_END
    }
  },
  'a version that ends before it begins': {
    laws: ['VIS-1', 'VIS-10'],
    plant: (page) => (page.i32[page.endAt] = (page.i32[page.beginAt] as number) - 1)
  },
  'rows out of order': {
    laws: ['VIS-7'],
    plant: (page) => {
      const [first, last] = [page.ordinalOf(0), page.ordinalOf(page.rowCount - 1)]
      page.i32[page.ordinalAt] = last
      page.i32[page.ordinalAt + page.rowCount - 1] = first
    }
  },
  'a wrong count of live rows': { laws: ['VIS-10'], plant: (page) => page.setWord(layout.ALIVE_COUNT, page.aliveCount + 1) },
  'a wrong bound of begins': { laws: ['VIS-10'], plant: (page) => page.setWord(layout.BEGIN_MAX, page.word(layout.BEGIN_MIN)) },
  'a wrong zone map of a column': {
    laws: ['VIS-10'],
    plant: (page) => (page.f64[((page.columnNamed('b') as ColumnView).entryAt + layout.MAX_F64) / 2] = -1)
  },
  'a shape that is not there': { laws: ['FMT-8'], plant: (page) => (page.u16[page.shapeAt] = 9) },
  'a page with wrong seqs': { laws: ['VIS-8'], plant: (page) => (page.f64[(page.head + layout.T0_F64) / 2] = 1) },
  'two current versions of a key': {
    laws: ['VIS-2', 'VIS-3'],
    plant: (_, base) => {
      base.i32[base.ordinalAt + 1] = base.ordinalOf(0)
      base.i32[base.endAt] = layout.OPEN_END
      base.i32[base.endAt + 1] = layout.OPEN_END
    }
  }
}

test('pages as they are have nothing to say', (t) => {
  const { model } = filled()
  t.deepEqual(checkTiling(model.pages, { pageRows: 32 }), [])
})

for (const [what, { laws, plant }] of Object.entries(damages)) {
  test(`${laws.join(', ')}: found: ${what}`, (t) => {
    const { model, sealed, base } = filled()
    plant(sealed, base)
    const found = lawsOf(model)
    for (const law of laws) t.true(found.includes(law), `${law} of ${found.join(', ')}`)
  })
}

test('VIS-7, VIS-9: found: a rectangle that is missing, one that overlaps, one with too little alive', (t) => {
  const { model } = filled()
  for (let id = 100; id < 400; id++) model.insert({ id: (id * 7919) % 300, a: 'x' })
  const { directory } = model.pages
  const { ranges } = directory
  t.true(ranges.length > 2)
  t.true(lawsOf(model, { ...directory, ranges: ranges.slice(1) }).includes('VIS-7'))
  const moved = ranges.map((range, index) => (index === 1 ? { ...range, low: ranges[2]?.low ?? range.low } : range))
  t.true(lawsOf(model, { ...directory, ranges: moved }).includes('VIS-7'))
  const unsealed = ranges.map((range, index) =>
    index === 1 ? { ...range, past: { ...range.past, sliceCount: range.past.sliceCount - 1 } } : range
  )
  t.true(lawsOf(model, { ...directory, ranges: unsealed }).includes('VIS-7'))
  const small = filled()
  small.sealed.setWord(layout.ALIVE_COUNT, 1)
  t.true(checkTiling(small.model.pages, { pageRows: 32 }).some(({ message }) => /were alive/.test(message)))
})
