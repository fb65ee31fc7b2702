import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/**
 * Real history: which browser release brought which feature of the web, from `@mdn/browser-compat-data` (CC0), 1995 to today.
 * Each release of each browser is one commit at its release date: a row of `releases`, and an INSERT or PATCH of each feature it brought.
 */
export type Release = {
  readonly browser: string
  readonly version: string
  /** Unix ms. */
  readonly time: number
  readonly added: string[]
  readonly removed: string[]
}

type Support = {
  readonly version_added?: string | boolean | null
  readonly version_removed?: string | boolean | null
  readonly flags?: unknown
}
type Node = { readonly __compat?: { readonly support: { readonly [browser: string]: Support | readonly Support[] } } }
type Browsers = { readonly [browser: string]: { readonly releases: { readonly [version: string]: { readonly release_date?: string } } } }

/** All releases that brought or took something, in order of their dates (those of one day in order of browser and version). */
export function webHistory(before: number): Release[] {
  const path = createRequire(import.meta.url).resolve('@mdn/browser-compat-data')
  const data = JSON.parse(readFileSync(path, 'utf8')) as { readonly [area: string]: unknown }
  const browsers = data['browsers'] as Browsers
  const releases = new Map<string, Release>()
  const release = (browser: string, version: string): Release | undefined => {
    const date = browsers[browser]?.releases[version]?.release_date
    if (date === undefined) return undefined
    const time = Date.parse(`${date}T00:00:00Z`)
    if (!(time < before)) return undefined
    const name = `${browser} ${version}`
    const found = releases.get(name) ?? { browser, version, time, added: [], removed: [] }
    releases.set(name, found)
    return found
  }
  const visit = (node: Node, feature: string): void => {
    for (const [browser, support] of Object.entries(node.__compat?.support ?? {})) {
      for (const one of Array.isArray(support) ? (support as Support[]) : [support as Support]) {
        if (one.flags !== undefined) continue
        if (typeof one.version_added === 'string') release(browser, one.version_added.replace('≤', ''))?.added.push(feature)
        if (typeof one.version_removed === 'string') release(browser, one.version_removed.replace('≤', ''))?.removed.push(feature)
      }
    }
    for (const [name, child] of Object.entries(node)) {
      if (name !== '__compat' && typeof child === 'object' && child !== null)
        visit(child as Node, feature === '' ? name : `${feature}.${name}`)
    }
  }
  for (const [area, node] of Object.entries(data)) if (area !== 'browsers' && area !== '__meta') visit(node as Node, area)
  return [...releases.values()].sort(
    (a, b) => a.time - b.time || (a.browser < b.browser ? -1 : a.browser > b.browser ? 1 : a.version < b.version ? -1 : 1)
  )
}
