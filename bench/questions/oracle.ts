/** The right answers, by plain loops over all versions: slow, and too simple to be wrong in the same way as a database. */
import { versionAt, type History, type TableVersions, type Version } from '../workloads/versions.js'
import type { Document, Value } from '../workloads/workload.js'
import type { Question } from './question.js'
import { statementAnswer } from './bih-oracle.js'

export function rightAnswer(history: History, question: Question): unknown {
  if (question.kind === 'statement') return statementAnswer(history, question)
  const table = history.tables.get(question.table)
  if (table === undefined) throw new Error(`no table ${question.table}`)
  const visible = 'at' in question ? documentsAt(table, question.at) : documentsAt(table, undefined)
  switch (question.kind) {
    case 'get':
      return versionAt(table.keys.get(question.key), question.at ?? history.commitCount)?.document
    case 'history':
      return historyOf(table.keys.get(question.key) ?? [], question)
    case 'sum':
      return totals(visible, question.column)
    case 'group':
      return groups(visible, question.by, question.column)
    case 'series':
      return question.points.flatMap((at) =>
        groups(documentsAt(table, at), question.by, question.column).map((group) => ({ point: at, ...group }))
      )
    case 'filter':
      return [...visible].filter((document) => {
        const value = Number(document[question.column])
        return value >= (question.from ?? -Infinity) && value < question.below
      })
    case 'lookup':
      return [...visible].filter((document) => document[question.column] === question.value)
    case 'top':
      return topRows(visible, table.shape.key, question)
    case 'changes':
      return [...netChanges(table, question.from, question.to)]
    case 'change-counts': {
      const changes = [...netChanges(table, question.from, question.to)].map(([, change]) => change)
      const kinds = [...new Set(changes)]
      return kinds.map((kind) => ({ change: kind, count: changes.filter((change) => change === kind).length }))
    }
  }
}

function* netChanges({ keys }: TableVersions, from: number, to: number): Generator<readonly [Value, string], void> {
  for (const [key, versions] of keys) {
    const change = netChange(versionAt(versions, from), versionAt(versions, to))
    if (change !== undefined) yield [key, change]
  }
}

/** Documents that are visible at a commit, or now. */
export function* documentsAt(table: TableVersions, at: number | undefined): Generator<Document, void> {
  for (const versions of table.keys.values()) {
    const version = at === undefined ? versions.findLast(({ to }) => to === Infinity) : versionAt(versions, at)
    if (version !== undefined) yield version.document
  }
}

function historyOf(versions: readonly Version[], { last, from = 0, to = Infinity }: Question & { kind: 'history' }): unknown {
  const within = versions.filter((version) => version.from <= to && version.to > from)
  return within
    .slice(last === undefined ? 0 : -last)
    .map(({ from: began, to: ended, document }) => [began, ended === Infinity ? null : ended, document])
}

function totals(documents: Iterable<Document>, column: string): { readonly count: number; readonly sum: number } {
  let count = 0
  let sum = 0
  for (const document of documents) {
    count++
    sum += Number(document[column])
  }
  return { count, sum }
}

function groups(documents: Iterable<Document>, by: readonly string[], column: string): readonly Document[] {
  const found = new Map<string, Document[]>()
  for (const document of documents) {
    const name = JSON.stringify(by.map((field) => document[field]))
    const group = found.get(name)
    if (group === undefined) found.set(name, [document])
    else group.push(document)
  }
  return [...found.values()].map((group) => ({
    ...Object.fromEntries(by.map((field): [string, Value] => [field, group[0]?.[field] ?? ''])),
    ...totals(group, column)
  }))
}

function topRows(documents: Iterable<Document>, key: string, { column, count }: Question & { kind: 'top' }): unknown {
  const rows = [...documents].map((document) => ({ key: document[key] ?? '', value: Number(document[column]) }))
  return rows.toSorted((a, b) => b.value - a.value || (a.key < b.key ? -1 : 1)).slice(0, count)
}

function netChange(before: Version | undefined, after: Version | undefined): 'insert' | 'update' | 'delete' | undefined {
  if (before === after) return undefined
  if (before === undefined) return 'insert'
  return after === undefined ? 'delete' : 'update'
}
