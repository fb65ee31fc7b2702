/** The commands of the README's manual usage, in their order, as a new user types them. */
import test from 'ava'
import { driftdb, objects, workDirectory } from './_driftdb.js'

test('every command of the manual usage works, in that order', async (t) => {
  const cwd = await workDirectory(t)
  const run = async (...args: string[]) => {
    const ran = await driftdb(t, cwd, args)
    t.is(ran.code, 0, `${args.join(' ')}: ${ran.stderr}`)
    return ran
  }
  await run('init', './mydata')
  await run('sql', '-d', './mydata', '-e', 'CREATE TABLE users (pk=id, INDEX(email, status))')
  await run('sql', '-d', './mydata', '-e', 'INSERT INTO users {"id": "user1", "email": "alice@example.com", "status": "active"}')
  const alice = { id: 'user1', email: 'alice@example.com', status: 'active' }
  t.deepEqual(objects((await run('select', '-d', './mydata', '--table', 'users', '--where', 'status="active"')).stdout), [alice])
  const ahead = await run('select', '-d', './mydata', '--table', 'users', '--as-of', '@seq:100')
  t.deepEqual(objects(ahead.stdout), [alice])
  t.regex(ahead.stderr, /@seq:100/)
  const history = objects((await run('drift', '-d', './mydata', '--table', 'users', '--key', 'user1')).stdout)
  t.like(history, [{ seq: 2, event: 'INSERT', payload: alice }])
  t.is(history.length, 1)
  t.like(objects((await run('snapshot', '-d', './mydata', '--table', 'users')).stdout), [{ table: 'users', seq: 2, events: 1 }])
  t.like(objects((await run('compact', '-d', './mydata', '--table', 'users')).stdout), [{ table: 'users', events: 1 }])
  // Nothing has changed by either.
  t.deepEqual(objects((await run('select', '-d', './mydata', '--table', 'users')).stdout), [alice])
  t.is(objects((await run('drift', '-d', './mydata', '--table', 'users', '--key', 'user1')).stdout).length, 1)
  await run('doctor', '-d', './mydata')
})
