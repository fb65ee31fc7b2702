/** A follower that keeps the seq of what it has dealt with goes on there after SIGKILL, again and again: no gap, no double, nothing else. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { open } from '../../src/index.js'
import { Dice } from './_database.js'
import { lineOf, takeUp } from './_follow-child.js'

const KILLS = process.env['FULL'] === '1' ? 100 : 8
const child = fileURLToPath(new URL('_follow-child.js', import.meta.url))

async function live(directory: string, file: string, life: number, dice: Dice): Promise<void> {
  const process_ = spawn(process.execPath, [child, directory, file, String(life)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(process_, 'exit')
  if (!dice.chance(0.15)) await Promise.race([once(process_.stdout, 'data'), exited])
  await sleep(dice.below(dice.chance(0.5) ? 60 : 500))
  if (process_.exitCode !== null) throw new Error(`the child ended by itself with ${process_.exitCode}`)
  process_.kill('SIGKILL')
  await exited
}

test('SEQ-6, SEQ-8: what a follower that was killed has kept is the beginning of the log, each commit once, and it goes on behind it', async (t) => {
  t.timeout(60 * 60_000)
  const directory = mkdtempSync(join(tmpdir(), 'driftdb-follow-'))
  const file = join(directory, 'feed.ndjson')
  const dice = new Dice(23)
  let kept = 0
  try {
    // The first life may be killed before there is a database.
    await (await open(join(directory, 'data'))).close()
    for (let life = 0; life < KILLS; life++) {
      await live(join(directory, 'data'), file, life, dice)
      const last = takeUp(file)
      await using db = await open(join(directory, 'data'), { readOnly: life % 2 === 0 })
      // Under `full` it cannot have seen what is not there.
      t.true(last <= db.lastSeq, `life ${life}: ${last} was given, ${db.lastSeq} is recovered`)
      let expected = ''
      for await (const commit of db.changes({ to: last })) expected += lineOf(commit)
      const found = last === 0 ? '' : readFileSync(file, 'utf8')
      if (found !== expected) t.fail(`life ${life}: the follower's file is not the log up to ${last}`)
      kept = found.split('\n').length - 1
    }
    t.true(kept > KILLS, `${kept} commits were kept`)
    t.log(`${KILLS} kills, ${kept} commits kept`)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
