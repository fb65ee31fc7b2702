/**
 * The command in a real terminal. Node cannot open one itself; `script`, which every Unix has, can, and Python can where it is installed.
 * Where neither is, the tests are skipped by name.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'
import test, { type ExecutionContext, type Implementation } from 'ava'
import { command } from './_driftdb.js'

export type ScreenOptions = {
  readonly env?: NodeJS.ProcessEnv
  readonly columns?: number
  readonly rows?: number
}

/** Runs a shell command line in a terminal of its own, with pipes for its keyboard and its screen. */
type OpenTerminal = (commandLine: string) => readonly [string, readonly string[]]

const MARK = 'a terminal is here'

/** `cat` gives `script` a plain pipe: the one of macOS refuses the socket that Node makes. */
const WAYS: readonly OpenTerminal[] = [
  (commandLine) => ['/bin/sh', ['-c', 'cat | script -qec "$1" /dev/null', 'sh', commandLine]],
  (commandLine) => ['/bin/sh', ['-c', 'cat | script -q /dev/null /bin/sh -c "$1"', 'sh', commandLine]],
  (commandLine) => ['python3', ['-c', 'import pty, sys; pty.spawn(["/bin/sh", "-c", sys.argv[1]])', commandLine]]
]

const openTerminal = WAYS.find((way) => {
  const [program, args] = way(`test -t 0 && test -t 1 && echo ${MARK}`)
  const { stdout } = spawnSync(program, [...args], { input: '', encoding: 'utf8', timeout: 20_000 })
  return (stdout ?? '').includes(MARK)
})

/** A test that needs a terminal; counted as skipped where none can be opened. */
export function terminalTest(title: string, implementation: Implementation<[]>): void {
  if (openTerminal === undefined) test.skip(`needs script or python3 to open a terminal: ${title}`, implementation)
  else test(title, implementation)
}

/** What stands on the screen, line after line, without the codes that move the cursor and colour. */
export class Screen {
  readonly #child: ChildProcess
  #raw = ''
  #seen = 0
  #changed: () => void = () => {}
  readonly #code: Promise<number | null>
  #isEnded = false

  constructor(t: ExecutionContext, cwd: string, args: readonly string[], { env = {}, columns = 100, rows = 40 }: ScreenOptions = {}) {
    if (openTerminal === undefined) throw new Error('no terminal')
    const words = [process.execPath, command, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
    // The exit code is printed: not every way of opening a terminal hands it on. Ctrl-C is the command's, not the shell's around it.
    const [program, programArgs] = openTerminal(`trap : INT; stty rows ${rows} cols ${columns}; ${words}; echo "exit code $?"`)
    this.#child = spawn(program, [...programArgs], {
      cwd,
      env: { ...process.env, NO_COLOR: '1', TERM: 'xterm', SHELL: '/bin/sh', DRIFTDB_HISTORY: '', PAGER: '', ...env },
      detached: true
    })
    t.teardown(() => {
      // The whole group: what opened the terminal, and what runs in it.
      if (this.#child.pid !== undefined && !this.#isEnded) process.kill(-this.#child.pid, 'SIGKILL')
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#raw += text
      this.#changed()
    })
    this.#child.stdin?.on('error', () => {})
    this.#code = new Promise((resolve) => {
      this.#child.on('close', (code) => {
        this.#isEnded = true
        this.#changed()
        resolve(code)
      })
    })
  }

  /** Everything so far. */
  get text(): string {
    return stripVTControlCharacters(this.#raw).replaceAll('\r', '')
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys)
  }

  /** Waits until the text after what was last waited for matches; gives it up to there. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const rest = this.text.slice(this.#seen)
      const found = pattern.exec(rest)
      if (found !== null) {
        const end = found.index + found[0].length
        this.#seen += end
        return rest.slice(0, end)
      }
      if (this.#isEnded) throw new Error(`the terminal ended before ${String(pattern)}: ${rest}`)
      await new Promise<void>((resolve) => (this.#changed = resolve))
    }
  }

  /** The exit code of the command, when it has ended. */
  async exitCode(): Promise<number> {
    const [, code] = /exit code (\d+)/.exec(await this.until(/exit code \d+/)) ?? []
    this.#child.stdin?.end()
    await this.#code
    return Number(code)
  }
}
