// A packet in the syntax of datapath flows (lib/odp-util.c), in which alone a packet that was never tracked can be given
// the original tuple that tracking will find: ofproto/trace tracks nothing by itself.
import type { Match } from 'node-openflow/flow'

type Fields = Readonly<Record<string, string | number | bigint>>

const icmp = (name: string, type: unknown, code: unknown) => `${name}(type=${type},code=${code})`

const transport = (f: Fields): readonly string[] => {
  const proto = f.nw_proto
  if (Number(f.ip_frag ?? 0) & 2) return []
  if (proto === 6) return [`tcp(src=${f.tcp_src},dst=${f.tcp_dst})`, `tcp_flags(${f.tcp_flags ?? 0})`]
  if (proto === 17) return [`udp(src=${f.udp_src},dst=${f.udp_dst})`]
  if (proto === 1) return [icmp('icmp', f.icmp_type, f.icmp_code)]
  if (proto !== 58) return []
  const head = icmp('icmpv6', f.icmpv6_type, f.icmpv6_code)
  if (f.nd_target === undefined) return [head]
  const option = (name: string, mac: unknown) => (mac === undefined ? [] : [`${name}=${mac}`])
  return [head, `nd(${[`target=${f.nd_target}`, ...option('sll', f.nd_sll), ...option('tll', f.nd_tll)].join(',')})`]
}

const network = (f: Fields): readonly string[] => {
  const type = Number(f.eth_type)
  const frag = Number(f.ip_frag ?? 0) & 2 ? 'later' : 'no'
  const ip = `proto=${f.nw_proto},t${type === 0x0800 ? 'os' : 'class'}=0`
  if (type === 0x0800)
    return [`ipv4(src=${f.ip_src},dst=${f.ip_dst},${ip},ttl=${f.nw_ttl},frag=${frag})`, ...transport(f)]
  if (type === 0x86dd)
    return [`ipv6(src=${f.ipv6_src},dst=${f.ipv6_dst},label=0,${ip},hlimit=${f.nw_ttl},frag=${frag})`, ...transport(f)]
  if (type !== 0x0806) return type === 0x8035 ? ['arp(sip=0.0.0.0,tip=0.0.0.0,op=3)'] : []
  return [`arp(sip=${f.arp_spa},tip=${f.arp_tpa},op=${f.arp_op},sha=${f.arp_sha},tha=${f.arp_tha})`]
}

const tuple = (f: Fields): readonly string[] => {
  if (f.ct_nw_proto === undefined) return []
  const isV4 = f.ct_nw_src !== undefined
  const [src, dst] = isV4 ? [f.ct_nw_src, f.ct_nw_dst] : [f.ct_ipv6_src, f.ct_ipv6_dst]
  const ports = `tp_src=${f.ct_tp_src},tp_dst=${f.ct_tp_dst}`
  return [`ct_tuple${isV4 ? 4 : 6}(src=${src},dst=${dst},proto=${f.ct_nw_proto},${ports})`]
}

/** A packet that comes in by a datapath port. */
export const odpFlow = (match: Match, port: number): string => {
  const f = match as Fields
  const tag = f.vlan_vid === undefined ? undefined : Number(f.vlan_vid) & 0xfff
  const inside = [`eth_type(0x${Number(f.eth_type).toString(16).padStart(4, '0')})`, ...network(f)]
  return [
    ...(f.ct_label === undefined ? [] : [`ct_label(0x${BigInt(f.ct_label).toString(16)})`]),
    ...tuple(f),
    `in_port(${port})`,
    `eth(src=${f.eth_src},dst=${f.eth_dst})`,
    ...(tag === undefined ? inside : ['eth_type(0x8100)', `vlan(vid=${tag},pcp=0)`, `encap(${inside.join(',')})`]),
  ].join(',')
}
