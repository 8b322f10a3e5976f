import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Reason, type RefusalName, refusalReasons, refuse } from '#model'

const statusOf: Record<Reason, number> = {
  malformed: 400,
  forbidden: 403,
  absent: 404,
  unacceptable: 406,
  conflict: 409,
  precondition: 412,
  unavailable: 503,
}

test('docs/api.md lists every error by its status', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/api.md'), 'utf8')
  const listed = new Map<string, number>()
  for (const [, status, names] of page.matchAll(/^\| (\d{3}) \| (.*) \|$/gm))
    for (const name of names!.split(', ')) listed.set(name.replaceAll('`', ''), Number(status))
  const known = Object.entries(refusalReasons).map(([name, reason]) => [name, statusOf[reason]] as const)
  expect(Object.fromEntries([...listed].sort())).toEqual(Object.fromEntries(known.toSorted()))
})

test('every fact of a refusal is in its message', () => {
  const error = refuse('VlanIdInUse', { vlan: 7, physicalNetwork: 'physnet1' })
  expect(error.message).toBe('Unable to create the network. The VLAN 7 on physical network physnet1 is in use.')
  const name: RefusalName = error.name
  expect([name, error.reason]).toEqual(['VlanIdInUse', 'conflict'])
})
