import { type TablePages } from './table-pages.js'
export function checkPages(_: TablePages): string[] {
  return []
}
