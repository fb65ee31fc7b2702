/** The suites by their names. */
import { bihSuite } from './bih.js'
import { commitsSuite } from './commits.js'
import { microSuite } from './micro.js'
import { ordersSuite } from './orders.js'
import { scansSuite } from './scans.js'
import type { Suite } from './suite.js'
import { taxSuite } from './tax.js'

/** `orders-100000`, `reads-1000000` (the same without timing the ingest), `scans-1000000`, `tax-50`, `bih-10000`, `commits`, `micro`. @throws Error for another name */
export function suiteNamed(name: string): Suite {
  const [kind, size = ''] = name.split('-')
  const count = Number(size)
  if (name === 'commits') return commitsSuite
  if (name === 'micro') return microSuite
  if (kind === 'orders' && Number.isSafeInteger(count) && count >= 1000) return ordersSuite(count, 'ingest')
  if (kind === 'reads' && Number.isSafeInteger(count) && count >= 1000) return ordersSuite(count, 'load')
  if (kind === 'scans' && Number.isSafeInteger(count)) return scansSuite(count)
  if (kind === 'tax' && Number.isSafeInteger(count) && count >= 1) return taxSuite(count)
  if (kind === 'bih' && size !== '' && Number.isSafeInteger(count) && count >= 0) return bihSuite(count)
  throw new Error(`no suite ${name}; suites are orders-EVENTS, reads-EVENTS, scans-EVENTS, tax-VERSIONS, bih-TRANSACTIONS, commits, micro`)
}
