// Where switches dial in: recognises each by its datapath id and hands it to programming. A switch that is none of ours
// is closed; it tries again, and may be one by then.
import { type Address, type Connection, listen, type OpenFlowServer } from 'node-openflow'
import { Complaints } from '../complaints.ts'
import { ofDatapathId } from '../datapath-id.ts'
import { refusalOf } from '../refusal.ts'
import { removeStaleSocket } from '../stale-socket.ts'
import { openFlowSwitch } from './openflow.ts'
import type { Programming } from './programming.ts'

/** What listening needs. */
export interface ListenerOptions {
  readonly address: Address
  readonly programming: Programming
  /** The chassis with a key, if it may be programmed. */
  readonly chassisWithKey: (key: number) => string | undefined
  /**
   * With TLS: whether a certificate is that of a chassis. Receives its common name and alternative names.
   */
  readonly isCertificateOf?: (names: readonly string[], chassis: string) => boolean
  /** Something for the log. */
  readonly report?: (what: string) => void
  /** Milliseconds since the epoch. */
  readonly clock?: () => number
}

const certificateNames = (connection: Connection): readonly string[] => {
  const { certificate } = connection.peer
  const common = certificate?.subject?.CN
  const alternatives = certificate?.subjectaltname?.split(', ').map(name => name.replace(/^[A-Za-z ]+:/, '')) ?? []
  return [...(common === undefined ? [] : [common].flat()), ...alternatives]
}

/** Accepts switches until the server is closed. */
export const listenForSwitches = async (options: ListenerOptions): Promise<OpenFlowServer> => {
  const { programming, chassisWithKey, isCertificateOf, report = () => {}, clock = Date.now } = options
  if (options.address.path !== undefined) await removeStaleSocket(options.address.path)
  const server = await listen(options.address, { versions: [6], maxPacketIns: 1000 })
  const complaints = new Complaints(clock)
  server.on('refused', (error, address) => {
    const what = `no OpenFlow from ${address ?? 'a peer'}: ${refusalOf(error)}`
    // Several bridges of a host may fail in several ways: each way is one of its own.
    if (complaints.isNews(what, '')) report(what)
  })
  server.on('connection', connection => {
    const id = connection.datapathId
    const place = ofDatapathId(id)
    const chassis = place && chassisWithKey(place.chassisKey)
    const hex = id.toString(16).padStart(16, '0')
    const where = connection.peer.address ?? 'a Unix socket'
    const who = `${where} ${hex}`
    const refuse = (why: string) => {
      if (complaints.isNews(who, why)) report(`a switch at ${where} was refused: ${why}`)
      connection.destroy(new Error(why))
    }
    if (!place || chassis === undefined) {
      const hint = 'of a host that has left, delete br-int and br-tun'
      return refuse(`datapath id ${hex} is no bridge of a chassis that is known; ${hint}`)
    }
    if (isCertificateOf && !isCertificateOf(certificateNames(connection), chassis))
      return refuse(`datapath id ${hex} is ${chassis}'s, the certificate is not`)
    complaints.taken(who)
    connection.onPacketIn(packet => {
      const inPort = packet.match.in_port
      if (packet.userdata === undefined || typeof inPort !== 'number') return
      const { match: fields, data, userdata } = packet
      programming.packetIns.dispatch({ chassis, bridge: place.bridge, inPort, fields, packet: data, userdata })
    })
    connection.send({ type: 'set_packet_in_format', packetInFormat: 'nxt2' })
    void programming.connect(chassis, place.bridge, openFlowSwitch(connection))
  })
  return server
}
