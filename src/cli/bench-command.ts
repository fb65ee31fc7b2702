/** `driftdb bench`: the DriftDB half of the benchmarks on the user's machine, about a minute. The harness is a program of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import type { CommandContext } from './command-context.js'

const program = fileURLToPath(new URL('../../bench/main.js', import.meta.url))

export function benchCommand(parent: Command, context: CommandContext): void {
  parent
    .command('bench')
    .description('measure DriftDB on this machine, about a minute; prints a report in Markdown, progress on standard error')
    .option('--suites <names>', 'some of commits, orders-EVENTS, tax-VERSIONS, bih-TRANSACTIONS, separated by commas')
    .option('--tries <count>', 'processes that each number is the median of', '3')
    .option('--output <dir>', 'keep results.json, report.md and the charts in a new folder below it')
    .addHelpText('after', '\nExample:\n  driftdb bench --suites commits > report.md')
    .action(async ({ suites, tries, output }: { readonly suites?: string; readonly tries: string; readonly output?: string }) => {
      const chosen = suites ?? 'commits,orders-100000,tax-1,tax-10'
      const args = ['run', '--quick', '--peers', 'driftdb', '--suites', chosen, '--tries', tries]
      if (output !== undefined) args.push('--output', output)
      const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' })
      const [code] = (await once(child, 'exit')) as [number | null, string | null]
      context.exitCode = code ?? 1
    })
}
