/**
 * The first-parent history of a git repository, oldest first, from one `git log`: each commit with what it changed against its first
 * parent. A merge is its difference to the first parent, a commit without a parent its whole tree.
 */
import type { GitRepository } from './git-process.js'
import { gitPath } from './git-path.js'
import { nulTokens } from './nul-tokens.js'

export type GitChange = {
  readonly path: string
  /** Six octal digits; undefined: the path is gone. */
  readonly mode: string | undefined
  /** Of the blob, or of the submodule's commit. */
  readonly hash: string
}

export type GitCommit = {
  readonly hash: string
  readonly parents: readonly string[]
  readonly author: string
  readonly email: string
  /** The committer's date, unix ms; undefined where the commit has none that can be read. */
  readonly time: number | undefined
  /** Without line feeds at its end. */
  readonly message: string
  readonly changes: readonly GitChange[]
}

const FIELDS = ['%H', '%P', '%an', '%ae', '%ct', '%B']
const FORMAT = `--format=tformat:${FIELDS.join('%x00')}`
const LOG = ['log', '--first-parent', '-m', '--reverse', '--encoding=UTF-8', '--no-color', '--no-notes', FORMAT]
/** Whole entries, whatever the user's settings: no renames, submodules too, a root commit against nothing. */
const DIFFERENCES = ['--raw', '-z', '--no-abbrev', '--no-renames', '--root', '--ignore-submodules=none', '--no-ext-diff']

const COLON = 0x3a
const LINE_FEED = 0x0a
/** Dates that a Date can hold. */
const TIME_MAX = 8.64e15

/** The commits after `after` (undefined: all) up to `tip`. Bytes of names and messages that are not UTF-8 become U+FFFD. */
export async function* gitHistory(repository: GitRepository, tip: string, after: string | undefined): AsyncGenerator<GitCommit, void> {
  await using child = repository.start([...LOG, ...DIFFERENCES, after === undefined ? tip : `${after}..${tip}`, '--'])
  child.end()
  let fields: string[] = []
  let changes: GitChange[] = []
  let change: { readonly mode: string | undefined; readonly hash: string } | undefined
  for await (const tokens of nulTokens(child.output())) {
    for (const token of tokens) {
      if (change !== undefined) {
        changes.push({ path: gitPath(token), ...change })
        change = undefined
      } else if (fields.length < FIELDS.length) {
        fields.push(token.toString('utf8'))
      } else if (token[0] === COLON || (token[0] === LINE_FEED && token[1] === COLON)) {
        change = changeOf(token.toString('latin1'))
      } else {
        yield commitOf(fields, changes)
        fields = [token.toString('utf8')]
        changes = []
      }
    }
  }
  await child.succeeded()
  if (fields.length === FIELDS.length) yield commitOf(fields, changes)
}

/** `:100644 100644 <hash before> <hash> M`, after a line feed where it is a commit's first. */
export function changeOf(text: string): { readonly mode: string | undefined; readonly hash: string } {
  const [, mode, , hash = '', status] = text.split(' ')
  return { mode: status === 'D' ? undefined : mode, hash }
}

function commitOf(fields: readonly string[], changes: readonly GitChange[]): GitCommit {
  const [hash = '', parents = '', author = '', email = '', seconds = '', message = ''] = fields
  const time = Number(seconds) * 1000
  return {
    hash,
    parents: parents === '' ? [] : parents.split(' '),
    author,
    email,
    time: /^-?\d+$/.test(seconds) && Math.abs(time) <= TIME_MAX ? time : undefined,
    message: message.replace(/\n+$/, ''),
    changes
  }
}
