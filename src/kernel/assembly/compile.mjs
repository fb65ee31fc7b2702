/**
 * Makes `dist/src/kernel/kernel.wasm` of the AssemblyScript beside it. The module lives in memory that is full of pages, so it must not
 * have data of its own: instantiating it would write that over a page. A module with a data section is a failure here.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const SECTION_DATA = 11
const folder = fileURLToPath(new URL('.', import.meta.url))
const target = fileURLToPath(new URL('../../../dist/src/kernel/', import.meta.url))

/** What these export, the module exports. */
const sources = [
  'aggregate.ts',
  'between.ts',
  'beyond.ts',
  'convert.ts',
  'group.ts',
  'mask.ts',
  'packed.ts',
  'slices.ts',
  'sums.ts',
  'within.ts'
]
const options = '--optimizeLevel 3 --shrinkLevel 0 --runtime stub --importMemory --sharedMemory --maximumMemory 65536'
const features = '--enable simd,threads --noAssert --lowMemoryLimit 0'
let module
const { error, stderr } = await asc.main(
  [...sources, '--baseDir', folder, '--outFile', 'kernel.wasm', ...options.split(' '), ...features.split(' ')],
  {
    writeFile: (name, contents) => {
      if (name === 'kernel.wasm') module = contents
    }
  }
)
if (error || module === undefined) fail(`${error?.message ?? 'no module was made'}\n${stderr.toString()}`)
if (sectionsOf(module).includes(SECTION_DATA)) fail('the module has data of its own')
mkdirSync(target, { recursive: true })
writeFileSync(`${target}kernel.wasm`, module)

function fail(reason) {
  process.stderr.write(`src/kernel/assembly does not compile: ${reason}\n`)
  process.exit(1)
}

/** The numbers of a module's sections: `[number][LEB128 length][bytes]` each, behind 8 bytes. */
function sectionsOf(bytes) {
  const numbers = []
  for (let at = 8; at < bytes.length;) {
    numbers.push(bytes[at++])
    let length = 0
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = bytes[at++]
      length |= (byte & 0x7f) << shift
      more = byte >= 0x80
    }
    at += length
  }
  return numbers
}
