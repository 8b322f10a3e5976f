// Kinds and pools for the store's tests, and data directories that go when the test ends.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Kind, kind, type Pool } from '#model/kind'
import { openStore, type Store, type StoreOptions } from '#store'

export interface Thing {
  readonly id: string
  readonly name: string
  readonly groups: readonly string[]
}

/** Unique by name, found by group. */
export const things: Kind<Thing, 'group'> = kind<Thing>()('thing', {
  unique: t => [`name ${t.name}`],
  index: { group: t => t.groups },
})

export interface Note {
  readonly id: string
  readonly text: string
}

export const notes: Kind<Note> = kind<Note>()('note')

export const small: Pool = { name: 'small', first: 1, last: 5 }

export const declared = { kinds: [things, notes] as unknown as readonly Kind[], pools: [small] }

export const test = { source: 'test' }

/** A new directory, and how to remove it. */
export const temporary = (): { dir: string; remove: () => void } => {
  const dir = mkdtempSync(join(tmpdir(), 'flowright-store-'))
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

export const open = (dataDir: string, more: Partial<StoreOptions> = {}): Promise<Store> =>
  openStore({ dataDir, ...declared, ...more })
