// How many megaflows a thousand connections between two VMs take, on a real switch that tracks connections in userspace.

import { cloudOf } from '#test/support/crowd'
import { startDummyChassis } from '#test/support/dummy-chassis'
import { ACK, type End, frame, SYN, tcp } from '#test/support/frames'
import { aPort } from '#test/support/secured'

const CONNECTIONS = 1000
const AT_A_TIME = 100

/** Two ports of one network, by number: clouds have 20 networks. */
const [CLIENT, SERVER] = [0, 20]

/** Prints how many there are once all connections are established. */
export const benchMegaflows = async (): Promise<void> => {
  const { compiler } = await cloudOf({ ports: 1000, networks: 20, own: 0 })
  const host = await startDummyChassis(compiler, 'here')
  try {
    const [a, b] = [CLIENT, SERVER].map((i): End => {
      const { macAddress, fixedIps } = aPort('', i + 1, '')
      return { mac: macAddress, ip: fixedIps[0]?.ipAddress ?? '' }
    }) as [End, End]
    const [atA, atB] = [101 + CLIENT, 101 + SERVER]
    await host.plug(atA, atB)
    await host.program()
    const ports = Array.from({ length: CONNECTIONS }, (_, i) => 32_768 + 28 * i)
    let arrived = 0
    for (let i = 0; i < ports.length; i += AT_A_TIME) {
      const some = ports.slice(i, i + AT_A_TIME)
      await host.send(atA, ...some.map(port => frame(a, b, tcp(port, 5432, SYN))))
      await host.send(atB, ...some.map(port => frame(b, a, tcp(5432, port, SYN | ACK, 5, 2))))
      arrived += (await host.send(atA, ...some.map(port => frame(a, b, tcp(port, 5432, ACK, 2, 6)))))[atB] ?? 0
    }
    if (arrived !== CONNECTIONS) throw new Error(`${arrived} of ${CONNECTIONS} connections were established`)
    const megaflows = await host.megaflows()
    const again = megaflows.filter(flow => !flow.includes('recirc_id(0)')).length
    console.log(
      `${CONNECTIONS.toLocaleString('en')} connections between two VMs of one chassis: ${megaflows.length} megaflows, ` +
        `${again} of them after conntrack (wanted: at most 8; OVN 23.03: 7 to 11)`,
    )
  } finally {
    await host.stop()
  }
}
