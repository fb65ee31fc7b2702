/**
 * The rules of the house as a function of source texts: rooms import only from lower floors, what belongs to one room has one door, and
 * the few habits that a type checker cannot see. It works on text, so that it can be tested with planted files.
 */
import { posix } from 'node:path'
import type { SourceFile } from './package-root.js'

export type Violation = { readonly path: string; readonly rule: string; readonly found: string }

/** Floor of each room; `docs/architecture.md` draws the same table. A room may import from lower floors, never from its own. */
const floors: ReadonlyMap<string, number> = new Map([
  ['cli', 12],
  ['api', 11],
  ['operations', 10],
  ['coordinator', 9],
  ['executor', 8],
  ['planner', 7],
  ...['runtime', 'relation'].map((room): [string, number] => [room, 6]),
  ...['txn', 'writer', 'apply', 'compaction', 'expression'].map((room): [string, number] => [room, 5]),
  ...['mvcc', 'snapshot', 'index', 'parser', 'scan'].map((room): [string, number] => [room, 4]),
  ...['wal', 'segment', 'catalog', 'page', 'statistics'].map((room): [string, number] => [room, 3]),
  ...['format', 'kernel'].map((room): [string, number] => [room, 2]),
  ...['codec', 'io', 'memory'].map((room): [string, number] => [room, 1]),
  ['base', 0]
])

/** Rooms that see less than their floor allows: the command line is a user of the library like any other. */
const narrow: ReadonlyMap<string, readonly string[]> = new Map([
  ['cli', ['api', 'front', 'base']],
  // Types of keys and values only.
  ['front', ['api', 'base', 'codec']]
])

/** Who may import a package or a module of Node. Modules of Node that are not named here are free; packages are not. */
const doors: ReadonlyMap<string, readonly string[]> = new Map([
  ['node:fs', ['io', 'cli']],
  ['node:child_process', ['cli']],
  ['node:readline', ['cli']],
  ['node:worker_threads', ['runtime', 'workers']],
  ['node:zlib', ['codec']],
  ['node:crypto', ['codec', 'base']],
  ['node:perf_hooks', ['base']],
  ['node:timers', ['runtime', 'cli']],
  ['comlink', ['runtime', 'workers']],
  ['piscina', ['runtime', 'workers']],
  ['@msgpack/msgpack', ['codec']],
  ['@mongodb-js/zstd', ['codec']],
  ['lz4-napi', ['codec']],
  ['fs-native-extensions', ['io']],
  ['pino', ['base']],
  ['yaml', ['catalog']],
  ['sorted-btree', ['index']],
  ['moo', ['grammar']],
  ['nearley', ['grammar', 'parser']],
  ['commander', ['cli']],
  ['cli-progress', ['cli']],
  ['cli-table3', ['cli']],
  ['papaparse', ['cli']],
  ['string-width', ['cli']],
  ['get-east-asian-width', ['parser']]
])

/** What may stand only in the named rooms, looked for in code without comments and strings. */
const wordDoors: readonly { readonly rule: string; readonly words: RegExp; readonly rooms: readonly string[] }[] = [
  { rule: 'only memory creates shared memory', words: /\bnew SharedArrayBuffer\b|\bshared:\s*true\b/, rooms: ['memory'] },
  { rule: 'only memory calls Atomics', words: /\bAtomics\s*\./, rooms: ['memory'] },
  { rule: 'time is a parameter', words: /\bnew Date\(\s*\)|\bDate\(\s*\)|\bDate\.now\b|\bperformance\.now\b/, rooms: [] },
  { rule: 'randomness is a parameter', words: /\bMath\.random\b|\brandomBytes\b|\brandomUUID\b|\bgetRandomValues\b/, rooms: ['base'] },
  { rule: 'no timer', words: /\bset(Timeout|Interval|Immediate)\b/, rooms: ['runtime', 'cli'] }
]

const habits: readonly { readonly rule: string; readonly words: RegExp }[] = [
  { rule: 'no any', words: /(?:[:<,|&=(]|\bas)\s*any\b(?!\s*[(:.])/ },
  { rule: 'no default export', words: /\bexport\s+default\b|\bas\s+default\b/ },
  { rule: 'no enum', words: /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s/m }
]

export function houseViolations(files: readonly SourceFile[]): readonly Violation[] {
  return files.flatMap((file) => [...importViolations(file), ...textViolations(file)])
}

/** `src/wal/x.ts` is in room `wal`, `src/index.ts` is the front, `workers/x.ts` is in `workers`. */
function roomOf(path: string): string {
  const [top, second] = path.split('/')
  if (top !== 'src') return top ?? ''
  return second !== undefined && path.split('/').length > 2 ? second : 'front'
}

function importViolations(file: SourceFile): Violation[] {
  const room = roomOf(file.path)
  const violations: Violation[] = []
  const report = (rule: string, found: string) => violations.push({ path: file.path, rule, found })
  if (file.path.startsWith('src/') && room !== 'front' && !floors.has(room)) report('every room has a floor', room)
  for (const name of importsOf(file.text)) {
    if (name.startsWith('.')) {
      const rule = roomRule(room, posix.join(posix.dirname(file.path), name))
      if (rule !== undefined) report(rule, name)
    } else if (room !== 'bench') {
      const root = packageOf(name)
      const rooms = doors.get(root)
      if (rooms === undefined ? !root.startsWith('node:') : !rooms.includes(room)) {
        report(rooms === undefined ? 'a package has one address' : `only ${rooms.join(' and ')} may import ${root}`, name)
      }
    }
  }
  return violations
}

/** The rule that an import of `target` from `room` breaks, if it breaks one. */
function roomRule(room: string, target: string): string | undefined {
  const other = roomOf(target)
  if (other === room) return undefined
  if (other === 'test' || (other === 'bench' && room !== 'bench')) return `nothing imports ${other}`
  if (room === 'bench') return undefined
  if (other === 'front' && room !== 'cli') return 'only cli comes in by the front'
  const seen = narrow.get(room)
  if (seen !== undefined) return seen.includes(other) ? undefined : `${room} imports only ${seen.join(', ')}`
  if (other === 'grammar') return room === 'parser' || room === 'planner' ? undefined : 'only parser and planner import grammar'
  if (room === 'grammar') return undefined
  const above = room === 'workers' ? 6.5 : (floors.get(room) ?? Infinity)
  const below = floors.get(other)
  return below !== undefined && below < above ? undefined : 'imports point down the floors'
}

/** What is imported: static, side effect, re-export and dynamic, types too. */
export function importsOf(text: string): readonly string[] {
  const code = withoutComments(text)
  const forms = [
    /^\s*(?:import|export)\s[^'"`;=()]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\b(?:import|require)\(\s*['"]([^'"]+)['"]/g
  ]
  return forms.flatMap((form) => [...code.matchAll(form)].map((match) => match[1] ?? ''))
}

/** `node:fs/promises` is `node:fs`, `fs` too; `@msgpack/msgpack/x` is `@msgpack/msgpack`. */
function packageOf(name: string): string {
  const root = name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')
  return doors.has(`node:${root}`) ? `node:${root}` : root
}

function textViolations(file: SourceFile): Violation[] {
  const room = roomOf(file.path)
  const violations: Violation[] = []
  const look = (rule: string, text: string, words: RegExp) => {
    const match = words.exec(text)
    if (match !== null) violations.push({ path: file.path, rule, found: match[0].trim() })
  }
  const code = withoutStrings(withoutComments(file.text))
  if (room !== 'bench' && file.path !== 'src/base/clock.ts') {
    for (const door of wordDoors) if (!door.rooms.includes(room)) look(door.rule, code, door.words)
  }
  if (!file.path.endsWith('.d.ts')) for (const habit of habits) look(habit.rule, code, habit.words)
  if (file.path !== 'src/index.ts') look('no barrel', withoutComments(file.text), /^\s*export\s[^;'"=()]*?\bfrom\s*['"]\.[^'"]*/m)
  look('nothing lands undone', file.text, /\b(?:TODO|FIXME|XXX)\b/)
  look('no path of a machine', file.text, /(?<=^|["'`\s(=])\/(?:home|root|Users|work|mnt)\/\S*/m)
  look('a file is named in kebab case', file.path, /[^/]*(?<!\/)[A-Z_ ][^/]*$/)
  return violations
}

const stringForms = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`/
const regexForm = /(?<=(?:[(,=:[!&|?{};]|=>|return)\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/
const literals = new RegExp(`${regexForm.source}|${stringForms.source}`, 'g')
const literalsAndComments = new RegExp(`//[^\\n]*|/\\*[\\s\\S]*?\\*/|${literals.source}`, 'g')

function withoutComments(text: string): string {
  return text.replace(literalsAndComments, (token) => (/^\/[/*]/.test(token) ? token.replace(/[^\n]/g, ' ') : token))
}

function withoutStrings(text: string): string {
  return text.replace(literals, (token) => token.replace(/[^\n]/g, ' '))
}
