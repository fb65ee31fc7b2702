import * as layout from './page-layout.js'
import { type PageView } from './page-view.js'

/** Ends a version of an open page; false if it had ended before. */
export function endRow(view: PageView, row: number, seq: number): boolean {
  const { i32 } = view
  if (i32[view.endAt + row] !== layout.OPEN_END) return false
  const { head } = view
  const offset = seq - view.seqBase
  i32[view.endAt + row] = offset
  if (offset < (i32[head + layout.END_MIN] as number)) i32[head + layout.END_MIN] = offset
  i32[head + layout.ALIVE_COUNT] = (i32[head + layout.ALIVE_COUNT] as number) - 1
  return true
}
