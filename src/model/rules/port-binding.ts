// Neutron's bindings of a port to hosts: one active, others inactive, for live migration.
import { bindToHost, type HostBinding, hostBindings, rebind } from '../binding.ts'
import { type Port, ports } from '../port.ts'
import { refuse } from '../refusal.ts'
import { change } from '../standard.ts'
import type { Reader, Transaction } from '../transaction.ts'

/** A host that may claim a port, and whether it is the one that does. */
export interface PortBinding extends Omit<HostBinding, 'id'> {
  readonly isActive: boolean
}

const active = (port: Port): PortBinding => ({
  port: port.id,
  host: port.bindingHost,
  vnicType: port.bindingVnicType,
  profile: port.bindingProfile,
  isActive: true,
})

const idOf = (port: Port, host: string) => `${port.id}@${host}`

/** The bindings of a port, the active one first. */
export const portBindings = (reader: Reader, port: Port): readonly PortBinding[] => [
  ...(port.bindingHost === '' ? [] : [active(port)]),
  ...Array.from(reader.by(hostBindings, 'port', port.id), b => ({ ...b, isActive: false })),
]

/** The binding of a port to a host. Throws PortBindingNotFound. */
export function portBindingOf(reader: Reader, port: Port, host: string): PortBinding {
  const binding = portBindings(reader, port).find(b => b.host === host)
  if (!binding) throw refuse('PortBindingNotFound', { port: port.id, host })
  return binding
}

/** Lets a further host claim a port; the first is the active one. */
export function createPortBinding(
  tx: Transaction,
  port: Port,
  { host, vnicType, profile }: Pick<HostBinding, 'host' | 'vnicType' | 'profile'>,
): PortBinding {
  if (portBindings(tx, port).some(b => b.host === host))
    throw refuse('PortBindingAlreadyExists', { port: port.id, host })
  if (port.bindingHost === '') {
    const bound = { ...port, bindingHost: host, bindingVnicType: vnicType, bindingProfile: profile }
    change(tx, ports, bound)
    bindToHost(tx, port.id)
    return active(bound)
  }
  tx.insert(hostBindings, { id: idOf(port, host), port: port.id, host, vnicType, profile })
  rebind(tx, port.id)
  return portBindingOf(tx, port, host)
}

/** Changes what Nova says about a binding. */
export function updatePortBinding(
  tx: Transaction,
  port: Port,
  host: string,
  {
    vnicType,
    profile,
  }: { readonly vnicType?: string | undefined; readonly profile?: HostBinding['profile'] | undefined },
): PortBinding {
  const binding = portBindingOf(tx, port, host)
  const after = { ...binding, vnicType: vnicType ?? binding.vnicType, profile: profile ?? binding.profile }
  if (binding.isActive) change(tx, ports, { ...port, bindingVnicType: after.vnicType, bindingProfile: after.profile })
  else tx.replace(hostBindings, recordOf(port, after))
  return after
}

/** Makes a host the one that has the port: traffic follows at once if it is plugged there. */
export function activatePortBinding(tx: Transaction, port: Port, host: string): PortBinding {
  const next = portBindingOf(tx, port, host)
  if (next.isActive) throw refuse('PortBindingAlreadyActive', { port: port.id, host })
  tx.remove(hostBindings, idOf(port, host))
  tx.insert(hostBindings, recordOf(port, active(port)))
  const bound = { ...port, bindingHost: host, bindingVnicType: next.vnicType, bindingProfile: next.profile }
  change(tx, ports, bound)
  bindToHost(tx, port.id)
  return active(bound)
}

/** Takes a binding away; without the active one any host may claim the port. */
export function deletePortBinding(tx: Transaction, port: Port, host: string): void {
  const binding = portBindingOf(tx, port, host)
  if (binding.isActive) change(tx, ports, { ...port, bindingHost: '', bindingProfile: {} })
  else tx.remove(hostBindings, idOf(port, host))
  rebind(tx, port.id)
}

/** Forgets the inactive bindings of a port that is removed. */
export function forgetPortBindings(tx: Transaction, portId: string): void {
  for (const { id } of [...tx.by(hostBindings, 'port', portId)]) tx.remove(hostBindings, id)
}

const recordOf = (port: Port, { host, vnicType, profile }: PortBinding): HostBinding => ({
  id: idOf(port, host),
  port: port.id,
  host,
  vnicType,
  profile,
})
