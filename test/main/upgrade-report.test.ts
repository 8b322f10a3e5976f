import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { expect, test } from 'vitest'
import { attachments, bindings, chassis, modelKinds, modelPools, networks, ports } from '#model'
import { type Docs, openStore } from '#store'
import { aBinding, aChassis, aNetwork, anAttachment, aPort } from '#test/support/model'
import { reportUpgrade } from '../../src/main/upgrade-report.ts'

const declared = { kinds: modelKinds, pools: modelPools }

/** What is logged when a data file with one VM on one host is opened with a migration. */
const logOf = async (run: (docs: Docs) => Docs) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'fr-upgrade-'))
  try {
    const [net, host] = [aNetwork('net', 1), aChassis('host1', 1)]
    const port = aPort('port', 1, 'net')
    const old = await openStore({ dataDir, ...declared })
    await old.transact({ source: 'test' }, tx => {
      tx.insert(networks, net)
      tx.insert(chassis, host)
      tx.insert(ports, port)
      tx.insert(bindings, aBinding(port, host, 7))
      tx.insert(attachments, anAttachment(net, host, 2))
    })
    await old.close()
    const lines: string[] = []
    const store = await openStore({ dataDir, ...declared, migrations: [{ name: 'a change', run }] })
    reportUpgrade(store, pino({ base: null, timestamp: false }, { write: line => void lines.push(line) }))
    await store.close()
    return lines.map(line => JSON.parse(line) as Record<string, unknown>)
  } finally {
    rmSync(dataDir, { recursive: true })
  }
}

test('an upgrade that changes flows says which flow sets, how, and on how many chassis', async () => {
  const vni = (docs: Docs): Docs => ({
    ...docs,
    network: (docs.network ?? []).map(net => ({ ...net, segments: [{ networkType: 'vxlan', segmentationId: 5000 }] })),
  })
  const lines = await logOf(vni)
  expect(lines[0]).toMatchObject({ from: 0, to: 1 })
  expect(lines).toContainEqual(
    expect.objectContaining({ flowSet: 'network/net', chassis: 1, added: 1, removed: 1, changed: 0 }),
  )
  expect(lines).toContainEqual(
    expect.objectContaining({ flowSet: 'chassis/host1', chassis: 1, added: 0, removed: 0, changed: 1 }),
  )
})

test('an upgrade that changes none says so', async () => {
  const rename = (docs: Docs): Docs => ({
    ...docs,
    network: (docs.network ?? []).map(net => ({ ...net, name: 'renamed' })),
  })
  const lines = await logOf(rename)
  expect(lines.at(-1)).toMatchObject({ msg: 'the upgrade changes no flow' })
})
