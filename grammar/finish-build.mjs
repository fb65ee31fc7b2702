/**
 * The end of the build: tsc writes no file modes, and the command must be executable when it is linked from a checkout. And what a
 * program begins with becomes few files, because loading modules one by one takes time: a thread's entry one file each (36 modules are
 * 60 ms, as one file 20), the library and the command a bundle that shares its parts (290 modules are 230 ms, as a bundle 100).
 */
import { chmodSync, copyFileSync, existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const dist = fileURLToPath(new URL('../dist', import.meta.url))
const bundled = {
  allowOverwrite: true,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning'
}
const entries = (...names) => names.map((name) => `${dist}/workers/${name}.js`)
await build({
  ...bundled,
  entryPoints: entries('writer', 'compaction', 'apply', 'query'),
  outdir: `${dist}/workers`,
  // What holds native code stays where its package is.
  external: ['fs-native-extensions', '@mongodb-js/zstd']
})
// As deep in dist as the modules that name the threads' entries by where they lie themselves.
const front = `${dist}/bundle/front`
await build({
  ...bundled,
  entryPoints: { index: `${dist}/src/index.js`, driftdb: `${dist}/src/cli/driftdb.js` },
  outdir: front,
  splitting: true,
  packages: 'external'
})
copyFileSync(`${dist}/src/kernel/kernel.wasm`, `${front}/kernel.wasm`)
for (const command of [`${dist}/src/cli/driftdb.js`, `${front}/driftdb.js`]) if (existsSync(command)) chmodSync(command, 0o755)
