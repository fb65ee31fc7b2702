/**
 * The end of the build: tsc writes no file modes, and the command must be executable when it is linked from a checkout. And a thread's
 * entry becomes one file: loading its 36 modules one by one takes 60 ms, which every opening would wait for; as one file, 20.
 */
import { chmodSync, existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const dist = fileURLToPath(new URL('../dist', import.meta.url))
const command = `${dist}/src/cli/driftdb.js`
if (existsSync(command)) chmodSync(command, 0o755)
await build({
  entryPoints: [`${dist}/workers/writer.js`, `${dist}/workers/compaction.js`, `${dist}/workers/apply.js`, `${dist}/workers/query.js`],
  outdir: `${dist}/workers`,
  allowOverwrite: true,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  // What holds native code stays where its package is.
  external: ['fs-native-extensions', '@mongodb-js/zstd'],
  logLevel: 'warning'
})
