// ARP as the controller sends it (RFC 826, RFC 5227): questions for next hops, and announcements of addresses that moved.
import { ipBytes, macBytes } from './ip-packet.ts'

const BROADCAST = 'ff:ff:ff:ff:ff:ff'
/** Of Ethernet and IPv4: a request. */
const REQUEST = Buffer.from('0806' + '0001' + '0800' + '06' + '04' + '0001', 'hex')

const request = (mac: string, sender: string, target: string): Buffer =>
  Buffer.concat([
    ...[macBytes(BROADCAST), macBytes(mac), REQUEST],
    ...[macBytes(mac), ipBytes(sender), Buffer.alloc(6), ipBytes(target)],
  ])

/** Asks who has an address; the answer goes to `mac`. With the sender address 0 no cache of anybody changes (RFC 5227). */
export const arpRequest = (mac: string, target: string, sender = '0.0.0.0'): Buffer => request(mac, sender, target)

/** Tells everybody that an address is at `mac`: a request for itself, which all hosts heed (RFC 5227 section 3). */
export const gratuitousArp = (mac: string, ip: string): Buffer => request(mac, ip, ip)
