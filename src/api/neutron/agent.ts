// Chassis as Neutron's agents, so that clients that look for hosts find them.
import { approveChassis, bindings, type Chassis, chassis, drainChassis, removeChassis } from '#model'
import { attributesOf, type Resource, resource } from '../engine/resource.ts'
import { anyObject, flag, text, uuid } from '../engine/value.ts'
import type { FabricView } from '../fabric-view.ts'

/** A time as agents show it. */
const agentTime = (milliseconds: number) => new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ')

const attributesFrom = (fabric: FabricView, clock: () => number) => {
  const since = (c: Chassis) => fabric.session(c.id)?.since ?? 0
  const isUp = (c: Chassis) => fabric.session(c.id)?.isUp ?? false
  return attributesOf<Chassis>()({
    id: { type: uuid, show: c => c.id },
    agent_type: { type: text(), show: () => 'Open vSwitch agent' },
    binary: { type: text(), show: () => 'neutron-openvswitch-agent' },
    topic: { type: text(), show: () => 'N/A' },
    host: { type: text(), show: c => c.hostname || c.id },
    availability_zone: { type: text(), show: () => null },
    admin_state_up: { type: flag, put: true, show: c => c.admission === 'approved' },
    alive: { type: flag, show: isUp },
    created_at: { type: text(), show: c => agentTime(since(c)) },
    started_at: { type: text(), show: c => agentTime(since(c)) },
    heartbeat_timestamp: { type: text(), show: c => agentTime(isUp(c) ? clock() : since(c)) },
    description: { type: text(), show: c => c.problems.join('; ') || null },
    resources_synced: { type: flag, show: () => null },
    configurations: {
      type: anyObject,
      show: (c, { reader }) => ({
        bridge_mappings: c.bridgeMappings,
        tunnel_types: c.tunnelTypes,
        tunneling_ip: c.tunnelIp,
        tunneling_ips: c.tunnelIp === '' ? [] : [c.tunnelIp],
        integration_bridge: 'br-int',
        tunnel_bridge: 'br-tun',
        datapath_type: c.datapathType || 'system',
        devices: reader.countBy(bindings, 'chassis', c.id),
        l2_population: true,
        arp_responder_enabled: true,
      }),
    },
  })
}

/** The resource `agent`: admin_state_up approves a chassis, or drains it. */
export function agentResource(fabric: FabricView, clock: () => number): Resource {
  const attributes = attributesFrom(fabric, clock)
  return resource<Chassis, typeof attributes>({
    name: 'agent',
    plural: 'agents',
    attributes,
    source: {
      all: reader => reader.all(chassis),
      get: (reader, id) => reader.get(chassis, id),
      owner: () => '',
    },
    absent: 'AgentNotFound',
    standard: false,
    update(tx, agent, body) {
      if (body.admin_state_up === true) approveChassis(tx, agent.id)
      if (body.admin_state_up === false) drainChassis(tx, agent.id)
      return tx.get(chassis, agent.id)!
    },
    remove: (tx, agent) => removeChassis(tx, agent.id),
  })
}
