// Nothing that was acknowledged is lost, whenever the process is killed. FLOWRIGHT_KILLS sets how often (default 10).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test as it } from 'vitest'
import { accounts, openAccounts } from './accounts.ts'
import { temporary } from './things.ts'

const kills = Number(process.env.FLOWRIGHT_KILLS ?? 10)
const child = fileURLToPath(new URL('./kill-child.ts', import.meta.url))

it(`keeps everything acknowledged through ${kills} times kill -9`, async () => {
  const { dir, remove } = temporary()
  const acknowledged = new Set<string>()
  try {
    for (let n = 0; n < kills; n++) {
      const process_ = spawn(process.execPath, ['--conditions=source', child, dir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let output = ''
      process_.stdout.setEncoding('utf8').on('data', text => {
        output += text
      })
      // Some are killed while they open, most while they write.
      const opening = n % 5 === 4
      while (!opening && !output.includes('\n')) await once(process_.stdout, 'data')
      await sleep(Math.random() * (opening ? 300 : 150))
      process_.kill('SIGKILL')
      await once(process_, 'close')
      for (const line of output.split('\n').slice(0, -1)) acknowledged.add(line)

      const store = await openAccounts(dir)
      const all = [...store.all(accounts)]
      expect(all.reduce((sum, { amount }) => sum + amount, 0)).toBe(0)
      expect([...acknowledged].filter(id => store.get(accounts, id) === undefined)).toEqual([])
      expect(Math.max(...all.map(({ id }) => store.written(accounts, id)!.revision))).toBeLessThanOrEqual(
        store.revision,
      )
      await store.close()
    }
    expect(acknowledged.size).toBeGreaterThan(kills)
  } finally {
    remove()
  }
}, 600_000)
