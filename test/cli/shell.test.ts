/** The interactive shell, in a real terminal. */
import { driftdb, workDirectory } from './_driftdb.js'
import { ScreenOf, terminalTest } from './_terminal.js'

terminalTest('play', async (t) => {
  const cwd = await workDirectory(t)
  await driftdb(t, cwd, ['init', 'data'])
  await driftdb(t, cwd, ['sql', '-d', 'data', '-e', 'CREATE TABLE users (pk=id); INSERT INTO users {"id":"user1","n":1}'])
  const screen = new ScreenOf(t, cwd, ['sql', '-d', 'data'], {})
  await screen.until(/drift> /)
  screen.type("SELECT *\nFROM users\nWHERE id = 'user1;x' -- ; no\n;\n")
  await screen.until(/0 rows/)
  await screen.until(/drift> /)
  screen.type('SELECT * FROM users;\r')
  await screen.until(/1 row/)
  screen.type('.tables\r.schema users\r.mode line\r.last\r.asof @seq:1\r')
  await screen.until(/drift @seq:1> /)
  screen.type('SELECT * FROM users; INSERT INTO users {"id":1};\r.asof bogus\r.asof now\rSELECT * FORM users;\r.quit\r')
  const code = await screen.exitCode()
  t.log(screen.text, code)
  t.pass()
})
