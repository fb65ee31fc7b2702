import { type Past } from '../../src/page/page-directory.js'
import { type PageView } from '../../src/page/page-view.js'
import { type TablePages } from '../../src/page/table-pages.js'

/** Every page of a table once: open ones first. */
export function pagesOf(pages: TablePages): PageView[] {
  const found = new Set<PageView>()
  const addPast = ({ slices, sliceCount, parents }: Past): void => {
    for (const { page } of slices.slice(0, sliceCount)) if (page !== undefined) found.add(page)
    parents.forEach(addPast)
  }
  const { ranges } = pages.directory
  for (const { base, chunks } of ranges) for (const page of base === undefined ? chunks : [base, ...chunks]) found.add(page)
  for (const { past } of ranges) addPast(past)
  return [...found]
}
