import { type SourceColumn } from './source-column.js'
import * as layout from './page-layout.js'
import { type ColumnView, type PageView } from './page-view.js'

// A loop for each width of cells: one that meets several is not compiled well.

/** The cells of a column, its zone map and its flags. */
export function writeValues(page: PageView, index: number, selection: Int32Array, column: SourceColumn): void {
  const view = page.columns[index] as ColumnView
  const count = selection.length
  if (view.statesAt >= 0) gatherStates(page.u8, view.statesAt, selection, column.states)
  let flags = column.hasRest ? layout.HAS_REST : 0
  if (column.valueClass === layout.CLASS_TEXT) {
    if (column.hasHeapTexts) page.i32.set(column.texts.subarray(0, count), view.dataAt)
    else if (view.encoding === layout.ENCODED_U8) gatherBytes(page.u8, view.dataAt, selection, column.words)
    else gatherShorts(page.u16, view.dataAt, selection, column.words)
  } else if (view.encoding === layout.ENCODED_F64) {
    gatherFloats(page.f64, view.dataAt, selection, column.floats)
    flags |= layout.HAS_BOUNDS | floatBounds(page, view, count)
  } else if (view.encoding !== layout.ENCODED_NOT) {
    if (view.encoding === layout.ENCODED_I32) gatherWords(page.i32, view.dataAt, selection, column.words)
    else gatherBytes(page.u8, view.dataAt, selection, column.words)
    wordBounds(page, view, view.encoding === layout.ENCODED_I32 ? page.i32 : page.u8, count)
    flags |= layout.HAS_BOUNDS | layout.ALL_INTEGERS
  }
  page.i32[view.entryAt + layout.FLAGS] = flags
}

function gatherStates(target: Uint8Array, at: number, selection: Int32Array, states: Uint8Array): void {
  for (let row = 0; row < selection.length; row++) target[at + row] = states[selection[row] as number] as number
}

function gatherFloats(target: Float64Array, at: number, selection: Int32Array, values: Float64Array): void {
  for (let row = 0; row < selection.length; row++) target[at + row] = values[selection[row] as number] as number
}

function gatherWords(target: Int32Array, at: number, selection: Int32Array, values: Int32Array): void {
  for (let row = 0; row < selection.length; row++) target[at + row] = values[selection[row] as number] as number
}

function gatherShorts(target: Uint16Array, at: number, selection: Int32Array, values: Int32Array): void {
  for (let row = 0; row < selection.length; row++) target[at + row] = values[selection[row] as number] as number
}

function gatherBytes(target: Uint8Array, at: number, selection: Int32Array, values: Int32Array): void {
  for (let row = 0; row < selection.length; row++) target[at + row] = values[selection[row] as number] as number
}

function wordBounds(
  { u8, f64 }: PageView,
  { dataAt, statesAt, entryAt }: ColumnView,
  values: Int32Array | Uint8Array,
  count: number
): void {
  let min = 0x7fff_ffff
  let max = -0x8000_0000
  let plain = 0
  for (let row = 0; row < count; row++) {
    if (statesAt >= 0 && u8[statesAt + row] !== layout.STATE_VALUE) continue
    const value = values[dataAt + row] as number
    if (value < min) min = value
    if (value > max) max = value
    plain++
  }
  f64[(entryAt + layout.MIN_F64) / 2] = plain === 0 ? Infinity : min
  f64[(entryAt + layout.MAX_F64) / 2] = plain === 0 ? -Infinity : max
}

/** Returns the flag that says whether all values are integers. */
function floatBounds({ u8, f64 }: PageView, { dataAt, statesAt, entryAt }: ColumnView, count: number): number {
  let min = Infinity
  let max = -Infinity
  let flag = layout.ALL_INTEGERS
  for (let row = 0; row < count; row++) {
    if (statesAt >= 0 && u8[statesAt + row] !== layout.STATE_VALUE) continue
    const value = f64[dataAt + row] as number
    if (value < min) min = value
    if (value > max) max = value
    if (!Number.isInteger(value)) flag = 0
  }
  f64[(entryAt + layout.MIN_F64) / 2] = min
  f64[(entryAt + layout.MAX_F64) / 2] = max
  return flag
}
