/** Stands beside the peers' own node_modules, so that their names resolve there; none of them is needed by anything but `make bench`. */
export const packages = {
  'better-sqlite3': () => import('better-sqlite3'),
  lmdb: () => import('lmdb'),
  duckdb: () => import('@duckdb/node-api'),
  mariadb: () => import('mariadb'),
  pg: () => import('pg'),
  vega: () => import('vega'),
  'vega-lite': () => import('vega-lite')
}
