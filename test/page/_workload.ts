/** Long runs of events over small documents, for the laws about what pages cost. */
import { encodeDocument } from '../../src/codec/document-codec.js'
import { encodeKey } from '../../src/codec/key-codec.js'
import { EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE } from '../../src/format/frame.js'
import { Arena } from '../../src/memory/arena.js'
import { checkTiling } from '../../src/page/check-tiling.js'
import { type PageEvent } from '../../src/page/page-event.js'
import { PageReader } from './_page-reader.js'
import { TablePages } from '../../src/page/table-pages.js'

export const workloads = ['uniform', 'zipf', 'round-robin', 'random inserts', 'appends', 'deletes', 'emptied', 'hot', 'burst'] as const
export type Workload = (typeof workloads)[number]

/** A generator of the same numbers each time, in [0, 1). */
export function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

export type Run = {
  readonly pages: TablePages
  readonly reader: PageReader
  readonly events: number
  /** Live rows after each event; index 0: before the first. */
  readonly alive: Int32Array
}

/** `watch` is called after each event. */
export function runWorkload(workload: Workload, events: number, pageRows: number, watch?: (pages: TablePages, seq: number) => void): Run {
  const random = numbers(17)
  const pages = new TablePages({ arena: Arena.create({ bytes: 512 * 1024 * 1024 }), table: 16, primaryKey: 'id', pageRows })
  const insertsOnly = workload === 'random inserts' || workload === 'appends'
  const keys = insertsOnly || workload === 'burst' ? events : Math.ceil(events / 10)
  // In random order, so that new keys fall between the others.
  const order = Array.from({ length: keys }, (_, index) => index)
  if (workload !== 'appends') {
    for (let index = keys - 1; index > 0; index--) {
      const other = Math.floor(random() * (index + 1))
      ;[order[index], order[other]] = [order[other] as number, order[index] as number]
    }
  }
  const live: number[] = []
  const placeOf = new Int32Array(keys).fill(-1)
  const alive = new Int32Array(events + 1)
  const key = new Uint8Array(1100)
  const event: PageEvent = { event: 0, seq: 0, ordinal: 0, key, keyBytes: 0, source: key, from: 0, to: 0, frame: -1 }
  let met = 0
  const apply = (kind: number, ordinal: number, value: object): void => {
    event.event = kind
    event.seq++
    event.ordinal = ordinal
    event.keyBytes = encodeKey(`key-${String(order[ordinal]).padStart(8, '0')}`, key)
    event.source = encodeDocument(value, 'value')
    event.to = event.source.length
    pages.apply(event)
    if (kind === EVENT_INSERT && placeOf[ordinal] === -1) placeOf[ordinal] = live.push(ordinal) - 1
    else if (kind === EVENT_SOFT_DELETE) {
      const last = live.pop() as number
      if (last !== ordinal) {
        live[placeOf[ordinal] as number] = last
        placeOf[last] = placeOf[ordinal] as number
      }
      placeOf[ordinal] = -1
    }
    alive[event.seq] = live.length
    watch?.(pages, event.seq)
  }
  const insert = (ordinal: number) =>
    apply(EVENT_INSERT, ordinal, {
      id: `key-${String(order[ordinal]).padStart(8, '0')}`,
      status: 'new',
      amount: ordinal,
      note: `note ${order[ordinal]}`
    })
  const patch = (ordinal: number) =>
    apply(EVENT_PATCH, ordinal, { status: random() < 0.5 ? 'paid' : 'shipped', amount: Math.floor(random() * 1e6) })
  for (let number = 0; number < events; number++) {
    const part = number / events
    const any = () => live[Math.floor(random() * live.length)] as number
    // Many updates of few rows, then inserts among them.
    if (workload === 'burst') {
      if (part < 0.1 || part > 0.5) insert(met++)
      else patch(any())
    } else if (met < keys && (insertsOnly || number < keys / 2 || random() < 0.25)) insert(met++)
    else if (workload === 'zipf') patch(live[Math.floor(live.length * random() ** 6)] as number)
    else if (workload === 'round-robin') patch(live[number % live.length] as number)
    else if (workload === 'hot') patch(random() < 0.9 ? (live[Math.floor(random() * Math.min(live.length, 20))] as number) : any())
    else if (workload === 'deletes' && random() < 0.3) {
      if (random() < 0.5 && live.length > 1) apply(EVENT_SOFT_DELETE, any(), {})
      else insert(placeOf.findIndex((place, ordinal) => place === -1 && ordinal < met) >= 0 ? dead(placeOf, met, random) : any())
    } else if (workload === 'emptied' && part > 0.4 && part < 0.6 && live.length > 3) apply(EVENT_SOFT_DELETE, any(), {})
    else if (workload === 'emptied' && part > 0.8 && live.length < met) insert(dead(placeOf, met, random))
    else patch(any())
  }
  return { pages, reader: new PageReader(pages), events, alive }
}

/** An ordinal that was deleted. */
function dead(placeOf: Int32Array, met: number, random: () => number): number {
  let ordinal = Math.floor(random() * met)
  while (placeOf[ordinal] !== -1) ordinal = (ordinal + 1) % met
  return ordinal
}

export function findingsOf({ pages }: Run): readonly unknown[] {
  return checkTiling(pages, { pageRows: pages.pageRows, pointsMax: 200 })
}

export type Touched = { readonly S: number; readonly touched: number; readonly visible: number; readonly overread: number }

/** What a scan at S touches; `overread` is how often the law's bound is reached (at most 1). */
export function touchedAt({ pages, reader }: Run, S: number): Touched {
  reader.counters.rowsTouched = 0
  reader.counters.rowsVisible = 0
  let visible = 0
  for (const { rowCount } of reader.scanAt(S, { fields: ['amount'], order: 'page' })) visible += rowCount
  const touched = reader.counters.rowsTouched
  return { S, touched, visible, overread: touched / (2.5 * visible + 2 * pages.pageRows) }
}
