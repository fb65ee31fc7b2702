/**
 * A database server as a private child of this process: it listens on a socket in its own folder, and it cannot outlive us. The kernel
 * sends it a signal when we die, however we die: `setpriv` asks for that, then becomes the server by exec, so that the pid is the server's.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { once } from 'node:events'

const LOG_CHARS = 4000

export type ServerCommand = {
  /** Runs under this user; our own, if undefined. */
  readonly user?: string
  readonly program: string
  readonly parameters: readonly string[]
  /** What its log says when it takes connections. */
  readonly ready: string
  /** Ends it in order. */
  readonly stopSignal: NodeJS.Signals
  /** Ends it and its children at once, when we are gone. */
  readonly deathSignal: NodeJS.Signals
}

export class ServerProcess {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #command: ServerCommand
  readonly #kill: () => void

  private constructor(child: ChildProcess, command: ServerCommand) {
    this.pid = child.pid ?? 0
    this.#child = child
    this.#command = command
    this.#kill = () => void child.kill(command.deathSignal)
    process.once('exit', this.#kill)
  }

  /** Resolves when it takes connections. @throws Error with the end of its log if it ends before */
  static async start(command: ServerCommand): Promise<ServerProcess> {
    const server = new ServerProcess(boundChild(command), command)
    await server.#started()
    return server
  }

  async stop(): Promise<void> {
    process.off('exit', this.#kill)
    if (this.#child.exitCode !== null || this.#child.signalCode !== null)
      throw new Error(`${this.#command.program} had ended before it was stopped`)
    const ended = once(this.#child, 'exit')
    this.#child.kill(this.#command.stopSignal)
    const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null]
    if (code !== 0) throw new Error(`${this.#command.program} ended with ${code ?? signal}`)
  }

  #started(): Promise<void> {
    const { program, ready } = this.#command
    let log = ''
    return new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('exit', (code, signal) => reject(new Error(`${program} did not start (${code ?? signal}): ${log}`)))
      // Read for as long as it runs: a full pipe would stop it.
      this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-LOG_CHARS)
        if (log.includes(ready)) resolve()
      })
    })
  }
}

/** A program that makes the data folder of a server, under a user of its own. @throws Error with what it said if it fails */
export async function runToEnd(program: string, parameters: readonly string[], user?: string): Promise<void> {
  const child = boundChild({ ...(user === undefined ? {} : { user }), program, parameters, deathSignal: 'SIGKILL' })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => void (said += text))
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (code !== 0) throw new Error(`${program} ended with ${code ?? signal}: ${said}`)
}

function boundChild({
  user,
  program,
  parameters,
  deathSignal
}: Pick<ServerCommand, 'user' | 'program' | 'parameters' | 'deathSignal'>): ChildProcess {
  const asUser = user === undefined ? [] : [`--reuid=${user}`, `--regid=${user}`, '--init-groups']
  const bound = [...asUser, '--pdeathsig', deathSignal.slice('SIG'.length), program, ...parameters]
  // The user may not be able to enter our own folder.
  return spawn('setpriv', bound, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] })
}

/** The path of a program in one of these folders or in PATH; undefined if it is not installed. */
export function programPath(name: string, folders: readonly string[]): string | undefined {
  const all = [...folders, ...(process.env['PATH'] ?? '').split(':').filter(Boolean)]
  return all.map((folder) => `${folder}/${name}`).find((path) => existsSync(path))
}

/** Subfolders, the highest number first; none if there is no such folder. */
export function versionFolders(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .toSorted((a, b) => Number(b) - Number(a))
    .map((name) => `${folder}/${name}`)
}
