import type { Coordinator } from '../coordinator/coordinator.js'
import type { QuerySource } from '../relation/query-source.js'
import { withCommits } from './commit-source.js'
import { withPlans } from './plan-source.js'
import type { Moment } from './query-source.js'

/** The same source with the tables of the system that queries can name. `at`: its point. */
export function withSystemTables(source: QuerySource, coordinator: Coordinator, at: number, { plans, present }: Moment): QuerySource {
  const withLog = withCommits(source, coordinator, at)
  return plans === undefined ? withLog : withPlans(withLog, plans, at === present)
}
