import { readFileSync } from 'node:fs'

export function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL(import.meta.resolve('driftdb/package.json')), 'utf8')) as { readonly version: string }
  return manifest.version
}
