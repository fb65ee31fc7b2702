import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

type Name = 'better-sqlite3' | 'lmdb' | 'duckdb' | 'mariadb' | 'pg' | 'vega' | 'vega-lite'

const folders: { readonly [name in Name]: string } = {
  'better-sqlite3': 'better-sqlite3',
  lmdb: 'lmdb',
  duckdb: '@duckdb/node-api',
  mariadb: 'mariadb',
  pg: 'pg',
  vega: 'vega',
  'vega-lite': 'vega-lite'
}
const peers = new URL('../../../bench/peers/', import.meta.url)

/** True if `make bench` has installed it. */
export function hasPackage(name: Name): boolean {
  return existsSync(fileURLToPath(new URL(`node_modules/${folders[name]}/package.json`, peers)))
}

export function packageVersion(name: Name): string {
  const text = readFileSync(new URL(`node_modules/${folders[name]}/package.json`, peers), 'utf8')
  return String((JSON.parse(text) as { readonly version: unknown }).version)
}

/**
 * A package of `bench/peers`, as the caller describes it: its own types are not there when the bench is compiled.
 * @throws Error if it is not installed
 */
export async function peerPackage<T>(name: Name): Promise<T> {
  if (!hasPackage(name)) throw new Error(`${folders[name]} is not installed: make bench/peers/node_modules/.package-lock.json`)
  const { packages } = (await import(new URL('packages.mjs', peers).href)) as {
    readonly packages: { readonly [key in Name]: () => Promise<{ readonly default?: unknown }> }
  }
  const module = await packages[name]()
  // CommonJS modules stand under `default`.
  return (module.default ?? module) as T
}
