/**
 * Compares the database at each imported commit with git's own listing of that commit's tree, in which every entry stands: what
 * `git ls-tree -r` prints. The listings of all commits come from one git process, as differences to the empty tree, because a process
 * for each would take far longer than the import.
 */
import { Buffer } from 'node:buffer'
import type { AsOfView, Database } from '../index.js'
import { changeOf } from './git-history.js'
import { gitPath } from './git-path.js'
import type { GitChild, GitRepository } from './git-process.js'
import { COMMITS, FILES, lastSeqOf, type FileRow } from './git-tables.js'
import { nulTokens } from './nul-tokens.js'
import type { Terminal } from './terminal.js'

/** Mode and hash of each path. */
type Listing = Map<string, string>
/** What was read of a row at the event `seq`: an event never changes. */
type KnownRow = { readonly seq: number; readonly entry: string; readonly fault: string | undefined }

const LISTING = ['diff-tree', '--stdin', '-r', '-z', '--raw', '--no-abbrev', '--no-renames', '--ignore-submodules=none']
/** Trees that are asked for before the first is read: a listing is known to be whole when the next one begins. */
const TREES_AHEAD = 8
const LINE_FEED = 0x0a

/** `difference` names commit, seq and path of the first one, which ends the comparison; undefined: there is none. */
export type GitVerified = { readonly commits: number; readonly difference: string | undefined }

/** Throws ABORTED after Ctrl-C, INVALID_ARGUMENT where git fails. */
export async function verifyGit(
  db: Database,
  repository: GitRepository,
  tip: string,
  { terminal, onProgress }: { readonly terminal: Terminal; readonly onProgress: (done: number, total: number) => void }
): Promise<GitVerified> {
  const total = db.tables().some(({ name }) => name === COMMITS) ? db.table(COMMITS).count() : 0
  if (total === 0) return { commits: 0, difference: undefined }
  const emptyTree = await repository.ask(['hash-object', '-t', 'tree', '--stdin'])
  await using history = repository.start(['log', '--first-parent', '--reverse', '--no-color', '--format=tformat:%H %T%x00', tip, '--'])
  history.end()
  await using trees = repository.start(LISTING)
  const listings = listingsOf(trees)
  const rows = new Map<string, KnownRow>()
  const asked: string[] = []
  let done = 0
  const compareNext = async (): Promise<string | undefined> => {
    const { value: listing } = await listings.next()
    const hash = asked.shift()
    if (listing === undefined || hash === undefined) throw await trees.failure()
    terminal.check()
    const difference = await compare(db, hash, listing, rows)
    onProgress(++done, total)
    return difference
  }
  for await (const tokens of nulTokens(history.output())) {
    for (const token of tokens) {
      const [hash = '', tree = ''] = token.toString('latin1').trim().split(' ')
      // Commits before a shallow clone's first one may have come since.
      if (hash === '' || (asked.length === 0 && done === 0 && !db.table(COMMITS).has(hash))) continue
      trees.write(`${emptyTree} ${tree}\n`)
      asked.push(hash)
      const difference = asked.length > TREES_AHEAD ? await compareNext() : undefined
      if (difference !== undefined) return { commits: done, difference }
    }
  }
  await history.succeeded()
  trees.end()
  while (asked.length > 0) {
    const difference = await compareNext()
    if (difference !== undefined) return { commits: done, difference }
  }
  await trees.succeeded()
  const isWhole = done === total
  return {
    commits: done,
    difference: isWhole ? undefined : `${total} commits are stored, and the repository's history has ${done} of them`
  }
}

/** The listings in the order of their trees. Each begins with a line of its own, which ends the one before. */
async function* listingsOf(child: GitChild): AsyncGenerator<Listing, void> {
  let listing: Listing | undefined
  let entry: string | undefined
  for await (const tokens of nulTokens(child.output())) {
    for (const token of tokens) {
      if (entry !== undefined) {
        listing?.set(gitPath(token), entry)
        entry = undefined
        continue
      }
      let from = 0
      for (let end = token.indexOf(LINE_FEED); end >= 0; end = token.indexOf(LINE_FEED, from)) {
        if (listing !== undefined) yield listing
        listing = new Map()
        from = end + 1
      }
      if (from === token.length) continue
      const { mode, hash } = changeOf(token.toString('latin1', from))
      entry = `${mode} ${hash}`
    }
  }
  if (listing !== undefined) yield listing
}

/** What differs at this commit; undefined: nothing. */
async function compare(db: Database, hash: string, listing: Listing, rows: Map<string, KnownRow>): Promise<string | undefined> {
  const commits = db.table(COMMITS)
  if (!commits.has(hash)) return `commit ${hash} is not stored`
  const seq = lastSeqOf(commits, hash)
  using view = db.asOf({ seq })
  const differs = (path: string, what: string) => `commit ${hash} (@seq:${seq}), path ${JSON.stringify(path)}: ${what}`
  let count = 0
  for await (const key of view.table(FILES).keys()) {
    const path = String(key)
    const { entry, fault } = rowAt(view, path, rows)
    const expected = listing.get(path)
    if (expected === undefined) return differs(path, 'is stored, and git does not have it')
    if (entry !== expected) return differs(path, `git has ${expected}, stored is ${entry}`)
    if (fault !== undefined) return differs(path, fault)
    count++
  }
  if (count === listing.size) return undefined
  const missing = [...listing.keys()].find((path) => !view.table(FILES).has(path)) ?? ''
  return differs(missing, 'git has it, and it is not stored')
}

function rowAt(view: AsOfView, path: string, rows: Map<string, KnownRow>): KnownRow {
  const files = view.table<FileRow>(FILES)
  const seq = lastSeqOf(files, path)
  const known = rows.get(path)
  if (known?.seq === seq) return known
  const { mode, hash, size, text } = files.get(path) as FileRow
  const isCut = text !== null && Buffer.byteLength(text) !== size
  const row = { seq, entry: `${mode} ${hash}`, fault: isCut ? `its text has not the ${size} bytes of the blob` : undefined }
  rows.set(path, row)
  return row
}
