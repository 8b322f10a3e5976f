// A process that writes until it is killed, and says on stdout what was acknowledged. Each transaction moves an amount
// between two accounts, so that the sum tells whether any was half done.
import { writeSync } from 'node:fs'
import { accounts, openAccounts } from './accounts.ts'

const store = await openAccounts(process.argv[2]!)
const random = (n: number) => Math.floor(Math.random() * n)

const client = async () => {
  for (let n = 0; ; n++) {
    const id = `${process.pid}-${n}-${random(1e9)}`
    await store.transact({ source: 'test', request: id }, tx => {
      const [from, to] = [`${random(20)}`, `${random(20)}`]
      if (from === to) return
      const amount = random(10)
      const [a, b] = [tx.get(accounts, from)!, tx.get(accounts, to)!]
      tx.replace(accounts, { ...a, amount: a.amount - amount })
      tx.replace(accounts, { ...b, amount: b.amount + amount })
      tx.insert(accounts, { id, amount: 0, note: 'x'.repeat(random(2000)) })
    })
    if (store.get(accounts, id)) writeSync(1, `${id}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, client))
