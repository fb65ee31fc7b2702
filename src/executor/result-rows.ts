/** What a query gives: its columns, known before the first row, and its rows as objects or arrays. */
import { type Document, type Value } from '../codec/value.js'
import { makerOf } from '../scan/document-reader.js'
import { setField, type Batch } from '../expression/batch.js'
import { type SelectPlan } from '../planner/plan.js'
import { type ColumnType, type TableColumn } from '../relation/query-source.js'
import { type TableSource } from '../relation/table-source.js'

export type ResultColumn = { readonly name: string; readonly type: ColumnType; readonly table?: string; readonly nullable: boolean }

/** Of a join: the name in the result of each column that a star shows, by table. */
export type StarNames = ReadonlyMap<string, ReadonlyMap<string, string>>

export type ResultShape = { readonly plan: SelectPlan; readonly columns: readonly ResultColumn[]; readonly starNames: StarNames }

export function resultShape(plan: SelectPlan, tables: readonly TableSource[]): ResultShape {
  const isJoin = plan.source?.kind === 'join'
  const starNames = isJoin ? namesOfStars(plan, tables) : NO_NAMES
  const [first] = tables
  let inputs: readonly TableColumn[] | undefined
  const seen = (): readonly TableColumn[] =>
    (inputs ??= isJoin ? tables.flatMap(columnsInJoin) : [...(first?.columns() ?? []), ...(first?.hidden ?? [])])
  const columns = plan.outputs.flatMap((output): ResultColumn[] => {
    if (output.kind === 'column') return [{ name: output.name, ...output.type(seen()) }]
    if (output.of === undefined) return first === undefined ? [] : [...starColumns(first.table, first.columns())]
    const names = starNames.get(output.of)
    const shown = tables.find(({ name }) => name === output.of)?.columns() ?? []
    return shown.map(({ name, type }) => ({ name: names?.get(name) ?? name, type, table: output.of ?? '', nullable: true }))
  })
  return { plan, columns, starNames }
}

const ofStars = new WeakMap<readonly TableColumn[], { readonly table: string; readonly columns: readonly ResultColumn[] }>()

/** All columns of a table: made once for as long as these are its columns. */
export function starColumns(table: string, seen: readonly TableColumn[]): readonly ResultColumn[] {
  const known = ofStars.get(seen)
  if (known?.table === table) return known.columns
  const shown = seen.map((column): ResultColumn => ({ ...column, table }))
  ofStars.set(seen, { table, columns: shown })
  return shown
}

/** Whichever side it is on: a row of another table may have no partner. */
function columnsInJoin(table: TableSource): TableColumn[] {
  return [...table.columns(), ...table.hidden].map((column) => ({ ...column, nullable: true, table: table.name }))
}

const NO_NAMES: StarNames = new Map()

/** A name that several of the tables have that stars show is written with its table. */
function namesOfStars({ outputs }: SelectPlan, tables: readonly TableSource[]): StarNames {
  const shown = tables.filter(({ name }) => outputs.some((output) => output.kind === 'star' && output.of === name))
  const owners = new Map<string, number>()
  for (const table of shown) for (const { name } of table.columns()) owners.set(name, (owners.get(name) ?? 0) + 1)
  return new Map(
    shown.map((table) => [
      table.name,
      new Map(table.columns().map(({ name }) => [name, (owners.get(name) ?? 0) > 1 ? `${table.name}.${name}` : name]))
    ])
  )
}

/** Outputs that are columns only, and make no prototype: a function puts a row together, so that all rows share a hidden class. */
const makers = new WeakMap<SelectPlan['outputs'], ReturnType<typeof makerOf>>()
const NOT_PLAIN: ReturnType<typeof makerOf> = () => ({})
const COLUMNS_MAX = 256

function makerOfOutputs(outputs: SelectPlan['outputs']): ReturnType<typeof makerOf> {
  const names = outputs.flatMap((output) => (output.kind === 'column' && output.name !== '__proto__' ? [output.name] : []))
  const make = names.length === outputs.length && names.length <= COLUMNS_MAX ? makerOf(names) : NOT_PLAIN
  makers.set(outputs, make)
  return make
}

/** The rows of a batch as objects: documents for a star, else each named column, null where it has no value. */
export function objectsOf({ rowCount, columns, documents }: Batch, { plan: { outputs }, starNames }: ResultShape): Document[] {
  const [first] = outputs
  if (documents !== undefined && outputs.length === 1 && first?.kind === 'star' && first.of === undefined) return documents as Document[]
  const make = makers.get(outputs) ?? makerOfOutputs(outputs)
  if (make !== NOT_PLAIN) {
    const values = columns.map((column) => column.values)
    const made = new Array<Document>(rowCount)
    for (let row = 0; row < rowCount; row++) made[row] = make(values, row)
    return made
  }
  const rows: Document[] = []
  for (let row = 0; row < rowCount; row++) {
    const object: { [name: string]: Value } = {}
    let next = 0
    for (const output of outputs) {
      if (output.kind === 'column') setField(object, output.name, columns[next++]?.values[row] as Value)
      else if (output.of === undefined) Object.assign(object, documents?.[row])
      else assignNamed(object, documentOf(documents?.[row], output.of), output.of, starNames)
    }
    rows.push(object)
  }
  return rows
}

/** The rows of a batch as arrays in the order of the columns. */
export function arraysOf({ rowCount, columns, documents }: Batch, shape: ResultShape): Value[][] {
  const { outputs } = shape.plan
  const stars = outputs.map((output) => (output.kind === 'star' ? starFields(output.of, shape) : []))
  return Array.from({ length: rowCount }, (_, row) => {
    let next = 0
    return outputs.flatMap((output, index): Value[] => {
      if (output.kind === 'column') return [columns[next++]?.values[row] as Value]
      const document = output.of === undefined ? documents?.[row] : documentOf(documents?.[row], output.of)
      return (stars[index] ?? []).map((name) => (document !== undefined && Object.hasOwn(document, name) ? (document[name] ?? null) : null))
    })
  })
}

/** The fields that a star shows, in order: what its columns are called in the documents. */
function starFields(of: string | undefined, { plan: { outputs }, columns, starNames }: ResultShape): string[] {
  if (of !== undefined) return [...(starNames.get(of)?.keys() ?? [])]
  const stars = outputs.filter((output) => output.kind === 'star').length
  const begin = outputs.findIndex((output) => output.kind === 'star')
  const count = (columns.length - (outputs.length - stars)) / stars
  return columns.slice(begin, begin + count).map((column) => column.name)
}

/** In a join, of the row's table of this name; undefined where it has none. */
function documentOf(row: Document | undefined, table: string): Document | undefined {
  return row !== undefined && Object.hasOwn(row, table) ? (row[table] as Document) : undefined
}

/** A field that is not listed among the columns goes with its table, so that it hides no other. */
function assignNamed(object: { [name: string]: Value }, document: Document | undefined, table: string, starNames: StarNames): void {
  if (document === undefined) return
  const names = starNames.get(table)
  for (const [field, value] of Object.entries(document)) setField(object, names?.get(field) ?? `${table}.${field}`, value)
}
