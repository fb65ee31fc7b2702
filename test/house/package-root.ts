/** The house is checked by its sources, not by what was compiled: this finds them, and reads them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export type SourceFile = { readonly path: string; readonly text: string }

/** The folder of `tsconfig.json`, above this compiled file. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'tsconfig.json'))) {
    if (dirname(folder) === folder) throw new Error('no tsconfig.json above the tests')
    folder = dirname(folder)
  }
  return folder
}

/** All files under the named folders of the package whose name ends so, paths relative to the root with `/`, in order. */
export function filesUnder(folders: readonly string[], ending: string): SourceFile[] {
  const root = packageRoot()
  const files: SourceFile[] = []
  for (const folder of folders) {
    if (!existsSync(join(root, folder))) continue
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(ending)) continue
      const file = join(entry.parentPath, entry.name)
      // The peers of the benchmarks have packages of their own below bench.
      if (file.includes(`${sep}node_modules${sep}`) && !root.includes('node_modules')) continue
      files.push({ path: relative(root, file).split(sep).join('/'), text: readFileSync(file, 'utf8') })
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}
