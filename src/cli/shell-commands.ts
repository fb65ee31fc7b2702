/** The dot commands of the interactive shell. */
import { DriftError } from '../base/errors.js'
import type { Document } from '../index.js'
import { MODES, type Mode } from './row-format.js'

/** What the commands do it with. */
export type CommandTarget = {
  mode: Mode
  timer: boolean
  /** Rows in the present mode. */
  print(columns: readonly string[], rows: readonly Document[]): Promise<void>
  say(text: string): Promise<void>
  tables(): readonly Document[]
  schema(table: string): Promise<readonly Document[]>
  showLast(): Promise<void>
  edit(): Promise<void>
  /** Undefined: where statements are read now, in words. */
  asOf(point: string | undefined): Promise<void>
  leave(): void
}

type ShellCommand = {
  readonly name: string
  readonly argument: string
  readonly help: string
  readonly run: (target: CommandTarget, argument: string | undefined) => Promise<void> | void
}

export const SHELL_COMMANDS: readonly ShellCommand[] = [
  { name: '.help', argument: '', help: 'this list', run: (target) => target.say(helpText()) },
  {
    name: '.tables',
    argument: '',
    help: 'the tables',
    run: (target) => target.print(['table', 'primary_key', 'indexes', 'created_seq'], target.tables())
  },
  {
    name: '.schema',
    argument: 'T',
    help: 'the columns of a table: its primary key and what its first rows have',
    run: async (target, table) => target.print(['column', 'type', 'primary_key'], await target.schema(needed(table, '.schema users')))
  },
  {
    name: '.mode',
    argument: '[M]',
    help: `how results look: ${MODES.join(', ')}`,
    run: async (target, mode) => {
      if (mode === undefined) await target.say(target.mode)
      else target.mode = oneOf(mode, MODES, '.mode')
    }
  },
  {
    name: '.timer',
    argument: 'on|off',
    help: 'say how long each statement took',
    run: async (target, state) => {
      if (state === undefined) await target.say(target.timer ? 'on' : 'off')
      else target.timer = oneOf(state, ['on', 'off'] as const, '.timer') === 'on'
    }
  },
  { name: '.last', argument: '', help: 'the last result again, without running it', run: (target) => target.showLast() },
  { name: '.edit', argument: '', help: '$VISUAL or $EDITOR on the last statement, then runs it', run: (target) => target.edit() },
  {
    name: '.asof',
    argument: 'P|now',
    help: 'read everything at a point, such as @seq:100 or 2025-01-31; writes are refused until .asof now',
    run: (target, point) => target.asOf(point)
  },
  { name: '.quit', argument: '', help: 'leave; Ctrl-D and .exit too', run: (target) => target.leave() }
]

const BY_NAME = new Map([...SHELL_COMMANDS.map((command) => [command.name, command] as const)])
/** What people type who come from other shells. */
const ALIASES = new Map([
  ['.exit', '.quit'],
  ['exit', '.quit'],
  ['quit', '.quit'],
  ['help', '.help']
])

/** A line that is a command when no statement has begun. */
export function isShellCommand(line: string): boolean {
  const text = trimmed(line)
  return text.startsWith('.') || ALIASES.has(text)
}

/** Throws INVALID_ARGUMENT for what is no command, and what the command throws. */
export async function runShellCommand(line: string, target: CommandTarget): Promise<void> {
  const [, word = '', argument] = /^(\S+)(?:\s+([\s\S]*))?$/.exec(trimmed(line)) ?? []
  const command = BY_NAME.get(ALIASES.get(word) ?? word)
  if (command === undefined) throw new DriftError('INVALID_ARGUMENT', `there is no ${word}; .help lists what there is`, { found: word })
  if (argument !== undefined && command.argument === '') {
    throw new DriftError('INVALID_ARGUMENT', `${command.name} takes nothing after it`, { found: argument })
  }
  await command.run(target, argument)
}

/** What could stand at the end of a command line that is being typed. */
export function commandCandidates(
  line: string,
  tables: readonly string[]
): { readonly candidates: readonly string[]; readonly word: string } {
  const [, command = '', space, word = ''] = /^\s*(\.\S*)(\s+)?(\S*)$/.exec(line) ?? []
  if (space === undefined)
    return { candidates: SHELL_COMMANDS.map(({ name }) => name).filter((name) => name.startsWith(command)), word: command }
  const choices = new Map<string, readonly string[]>([
    ['.mode', MODES],
    ['.timer', ['on', 'off']],
    ['.schema', tables],
    ['.asof', ['now', '@seq:', '@now']]
  ])
  return { candidates: (choices.get(command) ?? []).filter((choice) => choice.startsWith(word)), word }
}

function helpText(): string {
  const heads = SHELL_COMMANDS.map(({ name, argument }) => `${name} ${argument}`.trimEnd())
  const width = Math.max(...heads.map((head) => head.length)) + 2
  const lines = SHELL_COMMANDS.map(({ help }, index) => `${(heads[index] ?? '').padEnd(width)}${help}`)
  return [...lines, '', 'A statement ends with ; and may have many lines. Tab completes. Ctrl-C cancels.'].join('\n')
}

function trimmed(line: string): string {
  return line.trim().replace(/\s*;$/, '')
}

function needed(argument: string | undefined, example: string): string {
  if (argument !== undefined) return argument
  throw new DriftError('INVALID_ARGUMENT', `something is missing, as in: ${example}`, {})
}

function oneOf<T extends string>(found: string, choices: readonly T[], command: string): T {
  const choice = choices.find((candidate) => candidate === found)
  if (choice !== undefined) return choice
  throw new DriftError('INVALID_ARGUMENT', `${command} takes one of ${choices.join(', ')}`, { found })
}
