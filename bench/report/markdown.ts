/** The report of a run, for a reader who doubts it: what was measured on what, each number with its spread, the losses before the wins. */
import type { Cell, Results, Row } from '../run/results.js'
import type { Machine } from '../run/machine.js'
import { cellText, foundMedian, ratioText, timesBetter } from './cell-text.js'
import { goalSections } from './goals.js'
import { taxSection } from './tax.js'

/** Between these a difference is called none. */
const EVEN = 1.1

export function markdownReport(results: Results, charts: readonly { readonly title: string; readonly file: string }[]): string {
  const { commit, at, quick, seconds, peers } = results
  const isCompared = peers.some(({ name, missing }) => !name.startsWith('driftdb') && missing === undefined)
  return [
    '# Benchmark report',
    '',
    `${quick ? 'A quick run' : 'A run'} of ${(seconds / 60).toFixed(1)} minutes at ${at}, commit ${commit}.`,
    '',
    'Each number is the median of the tries, each a process of its own, with the smallest and the largest. Every answer was compared with',
    "an oracle's before its time was taken. `×` says how many times better DriftDB is than the peer: below 1, DriftDB loses.",
    '',
    ...goalSections(results),
    ...taxSection(results),
    ...(isCompared ? comparedSections(results) : []),
    ...machineSection(results),
    ...peerSection(results),
    ...charts.flatMap(({ title, file }) => [`![${title}](${file})`, '']),
    ...results.suites.flatMap((suite) => suiteSection(results, suite.name, suite.title)),
    ''
  ].join('\n')
}

function comparedSections(results: Results): readonly string[] {
  const all = ranked(results)
  return [
    '## Where DriftDB loses',
    '',
    ...orNone(all.filter(({ ratio }) => ratio < 1 / EVEN)),
    '',
    '## Where DriftDB wins',
    '',
    ...orNone(all.filter(({ ratio }) => ratio > EVEN).toReversed()),
    ''
  ]
}

type Ranked = { readonly row: Row; readonly peer: string; readonly ratio: number; readonly text: string }

/** Every comparison with a peer, the worst for DriftDB first. */
function ranked({ rows, peers }: Results): readonly Ranked[] {
  return rows
    .flatMap((row) =>
      peers
        .filter(({ name }) => !name.startsWith('driftdb'))
        .flatMap(({ name, title }): readonly Ranked[] => {
          const [mine, other] = [row.cells['driftdb'], row.cells[name]]
          const ratio = timesBetter(row, mine, other)
          if (ratio === undefined) return []
          return [{ row, peer: title, ratio, text: `${cellText(mine, row.unit)} against ${cellText(other, row.unit)}` }]
        })
    )
    .toSorted((a, b) => a.ratio - b.ratio)
}

function orNone(list: readonly Ranked[]): readonly string[] {
  if (list.length === 0) return ['Nowhere in this run.']
  return [
    '| suite | what | peer | × | DriftDB against the peer |',
    '| --- | --- | --- | ---: | --- |',
    ...list.map(({ row, peer, ratio, text }) => `| ${row.suite} | ${row.title} | ${peer} | ${ratioText(ratio)} | ${text} |`)
  ]
}

function machineSection({ machine, machineAfter, suites, rows }: Results): readonly string[] {
  const limit = (title: string, of: (machine: Machine) => string) => `| ${title} | ${of(machine)} | ${of(machineAfter)} |`
  return [
    '## The machine and its limits',
    '',
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}.`,
    '',
    '| limit | before | after |',
    '| --- | ---: | ---: |',
    limit('append of 304 bytes and fdatasync, median', ({ appendSyncUs }) => `${appendSyncUs.toFixed(0)} µs`),
    limit('the same over bytes that were there', ({ overwriteSyncUs }) => `${overwriteSyncUs.toFixed(0)} µs`),
    limit('sequential write, 256 MiB', ({ sequentialWriteMiBPerSecond }) => `${sequentialWriteMiBPerSecond.toFixed(0)} MiB/s`),
    limit('memory read, one thread', ({ memoryReadGiBPerSecond }) => `${memoryReadGiBPerSecond.toFixed(1)} GiB/s`),
    '',
    '| distance of DriftDB to a limit | found | limit | share of it |',
    '| --- | ---: | ---: | ---: |',
    ...distances(machine, suites, rows),
    ''
  ]
}

function distances(machine: Machine, suites: Results['suites'], rows: readonly Row[]): readonly string[] {
  const value = (suite: string, probe: string) =>
    foundMedian(rows.find((row) => row.suite === suite && row.probe === probe)?.cells['driftdb'])
  const line = (title: string, found: string, limit: string, share: number) =>
    `| ${title} | ${found} | ${limit} | ${(share * 100).toFixed(share < 0.1 ? 2 : 0)} % |`
  const lines: string[] = []
  const commit = value('commits', 'commits-1-p50')
  if (commit !== undefined) {
    const { overwriteSyncUs } = machine
    const title = 'one durable commit, against overwrite + fdatasync'
    lines.push(line(title, `${commit.toFixed(0)} µs`, `${overwriteSyncUs.toFixed(0)} µs`, overwriteSyncUs / commit))
  }
  for (const { name, visible } of suites) {
    const rate = value(name, 'ingest')
    const bytes = value(name, 'ingest-bytes')
    if (rate !== undefined && bytes !== undefined) {
      const written = (rate * bytes) / 2 ** 20
      const limit = machine.sequentialWriteMiBPerSecond
      lines.push(
        line(
          `${name}: ingest, bytes kept against sequential write`,
          `${written.toFixed(0)} MiB/s`,
          `${limit.toFixed(0)} MiB/s`,
          written / limit
        )
      )
    }
    const us = value(name, 'sum')
    if (us !== undefined) {
      // One column of 8 bytes a row is what a sum must read at least.
      const read = (visible * 8) / 2 ** 30 / (us / 1e6)
      const limit = machine.memoryReadGiBPerSecond
      lines.push(
        line(`${name}: COUNT and SUM, 8 bytes a row against memory`, `${read.toFixed(3)} GiB/s`, `${limit.toFixed(1)} GiB/s`, read / limit)
      )
    }
  }
  return lines
}

function peerSection({ peers }: Results): readonly string[] {
  return [
    '## The peers',
    '',
    '| peer | how it is set up |',
    '| --- | --- |',
    ...peers.map(({ title, setup, missing }) => `| ${title} | ${missing === undefined ? setup : `skipped: ${missing}`} |`),
    ''
  ]
}

function suiteSection({ rows, peers, suites }: Results, suite: string, title: string): readonly string[] {
  const own = rows.filter((row) => row.suite === suite)
  const columns = peers.filter(({ name }) => own.some(({ cells }) => cells[name] !== undefined))
  const versions = suites.find(({ name }) => name === suite)?.versions ?? 0
  return [
    `## ${title}`,
    '',
    ...(versions > 0 ? [`${versions.toLocaleString('en-US')} versions of rows.`, ''] : []),
    `| | ${columns.map((peer) => peer.title).join(' | ')} |`,
    `| --- |${columns.map(() => ' ---: |').join('')}`,
    ...own.map((row) => `| ${row.title} | ${columns.map(({ name }) => withRatio(row, name)).join(' | ')} |`),
    ''
  ]
}

function withRatio(row: Row, peer: string): string {
  const cell: Cell | undefined = row.cells[peer]
  const ratio = peer.startsWith('driftdb') ? undefined : timesBetter(row, row.cells['driftdb'], cell)
  return ratio === undefined ? cellText(cell, row.unit) : `${cellText(cell, row.unit)} · ${ratioText(ratio)}`
}
