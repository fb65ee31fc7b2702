/** Programs that the user's environment names, such as `$PAGER` and `$EDITOR`: command lines that the system's shell reads. */
import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export type UserCommandOptions = {
  /** A pipe for the text it reads, or the keyboard. */
  readonly stdin: 'pipe' | 'inherit'
  readonly env?: NodeJS.ProcessEnv
}

/** Starts `commandLine` with `args` after its own arguments; its output is the terminal. */
export function startUserCommand(
  commandLine: string,
  args: readonly string[],
  { stdin, env = process.env }: UserCommandOptions
): ChildProcess {
  const options = { stdio: [stdin, 'inherit', 'inherit'] as ['pipe' | 'inherit', 'inherit', 'inherit'], env }
  if (process.platform === 'win32') {
    return spawn([commandLine, ...args.map((arg) => `"${arg}"`)].join(' '), { ...options, shell: true })
  }
  // As parameters of the shell the arguments need no quotes, whatever is in them.
  return spawn('/bin/sh', ['-c', `${commandLine} "$@"`, commandLine, ...args], options)
}

/** How it ended: its exit code, or the name of the signal. Resolves with a message where it could not be started. */
export function endOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
}

/** False only where the program of a plain command line is certainly not there. */
export function canStart(commandLine: string): boolean {
  const [program = ''] = commandLine.trim().split(/\s+/)
  if (process.platform === 'win32' || !/^[\w.+-]+$/.test(program)) return true
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
