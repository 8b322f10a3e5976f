// Accounts whose amounts always add up to nothing: for tests that interrupt.
import { type Kind, kind, type Pool } from '#model/kind'
import { openStore, type Store } from '#store'

export interface Account {
  readonly id: string
  readonly amount: number
  readonly note: string
}

export const accounts: Kind<Account> = kind<Account>()('account')

export const openAccounts = async (dataDir: string): Promise<Store> => {
  const store = await openStore({ dataDir, kinds: [accounts] as unknown as readonly Kind[], pools: [] as Pool[] })
  if (store.count(accounts) === 0) {
    await store.transact({ source: 'test' }, tx => {
      for (let i = 0; i < 20; i++) tx.insert(accounts, { id: `${i}`, amount: 0, note: '' })
    })
  }
  return store
}
