// What flows are made of, in words of each language. Fields and actions are OpenFlow's; what has no word here is shown
// as it is.

/** How a language says it. */
interface Phrases {
  readonly comma: string
  readonly colon: string
  readonly leads: string
  readonly anything: string
  /** What no other flow of the table takes. */
  readonly rest: string
  readonly drop: string
  readonly nothing: string
  readonly rewrite: string
  readonly uplink: string
  readonly kinds: Readonly<Record<'network' | 'port' | 'chassis', string>>
  readonly protocols: Readonly<Record<string, string>>
  /** A field and its value; `name`: whom the value stands for. '' leaves it out. */
  condition(field: string, value: string, name: string | undefined): string
  /** Loading a field; undefined: it is one of the rewritten ones. */
  set(field: string, value: string, name: string | undefined): string | undefined
  action(text: string): string
}

const protocols = { ip: 'IPv4', ipv6: 'IPv6', tcp: 'TCP', udp: 'UDP', icmp: 'ICMP', arp: 'ARP', rarp: 'RARP' }
const protocols6 = { tcp6: 'TCP/IPv6', udp6: 'UDP/IPv6', icmp6: 'ICMPv6', sctp: 'SCTP', sctp6: 'SCTP/IPv6' }
/** Type of ICMPv6 -> what it is called. */
const neighbour: Readonly<Record<string, readonly [string, string]>> = {
  131: ['multicast listener report', '组播侦听报告'],
  132: ['multicast listener done', '组播侦听结束'],
  133: ['router solicitation', '路由器请求'],
  134: ['router advertisement', '路由器通告'],
  135: ['neighbour solicitation', '邻居请求'],
  136: ['neighbour advertisement', '邻居通告'],
  137: ['redirect', '重定向'],
  143: ['multicast listener report', '组播侦听报告'],
}
const origins = [
  ['a port here', '本机端口'],
  ['a tunnel', '隧道'],
  ['a provider network', '供应商网络'],
  ['a router here', '本机路由器'],
] as const

type Both = readonly [en: string, zh: string]
const flag = (on: Both, off: Both) => (value: string) => (Number(value) === 0 ? off : on)

/** The OpenFlow port that stands for the gateway's chassis. */
const gatewayWords = (value: string): Both =>
  value === 'none'
    ? ['no gateway lives', '没有存活的网关']
    : [`gateway at port ${Number(value)}`, `网关在端口 ${Number(value)}`]

const STATELESS = 0x80000000

/** A policy as its register holds it, or the bit alone that says that its groups are stateless. */
const policyWords = (value: string): Both => {
  if (value === 'firewall_only') return ['guarded by a firewall alone', '仅由防火墙保护']
  const [key = 0, mask] = value.split('/').map(Number)
  if (mask === STATELESS) return key === 0 ? ['of stateful groups', '有状态组'] : ['of stateless groups', '无状态组']
  if (key === 0) return ['without port security', '未启用端口安全']
  return key < STATELESS
    ? [`policy ${key}`, `策略 ${key}`]
    : [`policy ${key - STATELESS}, stateless`, `策略 ${key - STATELESS}（无状态）`]
}

/** Registers: as a condition, and as what is noted. */
const registers: Readonly<
  Record<string, readonly [(value: string, name: string) => Both, (value: string, name: string) => Both]>
> = {
  judged_port: [
    (_, name) => [`judged for ${name}`, `为 ${name} 判定`],
    (_, name) => [`judged for ${name}`, `为 ${name} 判定`],
  ],
  label_port: [
    (_, name) => [`its connection is of ${name}`, `连接属于 ${name}`],
    (_, name) => [`connection of ${name}`, `连接属于 ${name}`],
  ],
  policy: [policyWords, policyWords],
  group: [
    value => [`group ${Number(value)}`, `组 ${Number(value)}`],
    value => [`group ${Number(value)}`, `组 ${Number(value)}`],
  ],
  page: [() => ['', ''], () => ['', '']],
  direction: [
    flag(['into the port', '进入端口'], ['out of the port', '离开端口']),
    flag(['judged as incoming', '按入向判定'], ['judged as outgoing', '按出向判定']),
  ],
  allowed: [
    flag(['a rule allows it', '有规则放行'], ['no rule allows it', '无规则放行']),
    flag(['allowed', '放行'], ['not allowed yet', '尚未放行']),
  ],
  known: [
    flag(['of a known connection', '已知连接'], ['of a new connection', '新连接']),
    flag(['its connection is known', '连接已知'], ['', '']),
  ],
  exempt: [flag(['exempt from rules', '免于规则'], ['', '']), flag(['exempt from rules', '免于规则'], ['', ''])],
  commit: [
    flag(['to be tracked', '待跟踪'], ['', '']),
    flag(['its connection will be tracked', '将跟踪其连接'], ['', '']),
  ],
  way: [
    value =>
      Number(value) === 1
        ? ['as its connection was opened', '与连接发起同向']
        : Number(value) === 2
          ? ['against the way its connection was opened', '与连接发起反向']
          : ['', ''],
    () => ['', ''],
  ],
  related: [flag(['an ICMP error about a connection', '关于某连接的 ICMP 差错'], ['', '']), () => ['', '']],
  rejected: [flag(['rejected', '被拒绝'], ['', '']), flag(['its sender is told', '告知发送方'], ['', ''])],
  guarded: [
    flag(['in a router with firewall groups', '在有防火墙组的路由器中'], ['', '']),
    flag(['its router has firewall groups', '其路由器有防火墙组'], ['', '']),
  ],
  side: [
    flag(['where it goes out', '在离开的接口'], ['where it came in', '在进入的接口']),
    flag(['judged where it goes out', '按离开的接口判定'], ['judged where it came in', '按进入的接口判定']),
  ],
  firewall: [
    value =>
      Number(value) === 0
        ? ['in no firewall group', '不在防火墙组中']
        : [`firewall ${Number(value)}`, `防火墙 ${Number(value)}`],
    value => (Number(value) === 0 ? ['', ''] : [`firewall ${Number(value)}`, `防火墙 ${Number(value)}`]),
  ],
  found: [
    flag(['whose owner is known', '其拥有者已知'], ['whose owner is not known', '其拥有者未知']),
    flag(['its owner is known', '其拥有者已知'], ['', '']),
  ],
  found_router: [flag(['of a router', '属于路由器'], ['', '']), flag(['which is a router', '是路由器'], ['', ''])],
  router: [
    value =>
      Number(value) === 0
        ? ['in no router', '不在路由器中']
        : [`in router ${Number(value)}`, `在路由器 ${Number(value)} 中`],
    value =>
      Number(value) === 0
        ? ['out of the router', '离开路由器']
        : [`into router ${Number(value)}`, `进入路由器 ${Number(value)}`],
  ],
  router_interface: [
    (_, name) => [`by interface ${name}`, `经接口 ${name}`],
    (_, name) => [`by interface ${name}`, `经接口 ${name}`],
  ],
  gateway: [gatewayWords, gatewayWords],
  external: [
    flag(['leaving by the gateway', '经网关离开'], ['', '']),
    flag(['leaves by the gateway', '经网关离开'], ['', '']),
  ],
  too_big: [
    flag(['larger than its next network takes', '超过下一网络的 MTU'], ['', '']),
    flag(['larger than its next network takes', '超过下一网络的 MTU'], ['', '']),
  ],
  neighbor_address: [
    value => [`the owner of ${value}`, `${value} 的拥有者`],
    // What is copied next to it is the address.
    value => (value === '0.0.0.0' ? ['', ''] : [`next ${value}`, `下一跳 ${value}`]),
  ],
  neighbor_mac: [value => [`MAC ${value}`, `MAC ${value}`], value => [`to MAC ${value}`, `目的 MAC ${value}`]],
  router_mac: [value => [`MAC ${value}`, `MAC ${value}`], value => [`from MAC ${value}`, `源 MAC ${value}`]],
  remote_address: [
    value => [`the other end ${value}`, `对端 ${value}`],
    value => [`the other end ${value}`, `对端 ${value}`],
  ],
  remote_groups: [
    () => ['in a group that a rule names', '属于规则所指的组'],
    () => ['its groups are noted', '记下其所属的组'],
  ],
  local_port: [value => [`OpenFlow port ${Number(value)}`, `OpenFlow 端口 ${Number(value)}`], () => ['', '']],
}
const states: Readonly<Record<string, Both>> = {
  new: ['new', '新建'],
  est: ['established', '已建立'],
  rel: ['related', '关联'],
  rpl: ['a reply', '应答方向'],
  inv: ['invalid', '无效'],
  trk: ['tracked', '已跟踪'],
}
/** `+rpl-inv+trk`: what it is; what it is not only where nothing else is said. */
const connection = (value: string, language: 0 | 1): string => {
  const said = [...value.matchAll(/([+-])(\w+)/g)].flatMap(([, sign, name = '']) =>
    sign === '+' && (name !== 'trk' || value === '+trk') ? [states[name]?.[language] ?? name] : [],
  )
  if (said.length === 0) return language === 0 ? 'the first way of a connection' : '连接的首个方向'
  return language === 0 ? `connection: ${said.join(' ')}` : `连接：${said.join(' ')}`
}

const rewritten = /^(eth|arp|nd|ip|ipv6|nw|tcp|udp|icmp|dl)_/
const gotoTable = /^goto_table:"?([\w ]+)"?$/
const resubmitTo = /^resubmit\(,"?([\w ]+)"?\)$/

const en: Phrases = {
  comma: ', ',
  colon: ': ',
  leads: ' → ',
  anything: 'Anything',
  rest: 'All else',
  drop: 'dropped',
  nothing: 'no more to do here',
  rewrite: 'answered in place',
  uplink: 'out of this chassis',
  kinds: { network: 'network', port: 'port', chassis: 'chassis' },
  protocols: { ...protocols, ...protocols6 },
  condition: (field, value, name) => {
    if (field === 'network') return `on ${name ?? value}`
    if (field === 'source_port') return Number(value) === 0 ? 'not from a port here' : `sent by ${name ?? value}`
    if (field === 'destination_port') return Number(value) === 0 ? 'to nobody known' : `to ${name ?? value}`
    if (field === 'destination_chassis') return `to chassis ${name ?? value}`
    if (field === 'origin') return `from ${origins[Number(value)]?.[0] ?? value}`
    if (field === 'in_port') return `in by OpenFlow port ${value}`
    if (field === 'dl_src') return `from ${value}`
    if (field === 'dl_dst') return value.startsWith('01:00:00:00:00:00/') ? 'to a group' : `to ${value}`
    if (field === 'nw_src' || field === 'ipv6_src')
      return value === '::' || value === '0.0.0.0' ? 'from no address yet' : `from ${value}`
    if (field === 'nw_dst' || field === 'ipv6_dst') return `to ${value}`
    if (field === 'arp_op') return value === '1' ? 'a request' : value === '2' ? 'a reply' : `operation ${value}`
    if (field === 'arp_spa') return value === '0.0.0.0' ? 'a probe' : `from ${value}`
    if (field === 'arp_tpa') return `asking for ${value}`
    if (field === 'arp_sha') return `of ${value}`
    if (field === 'nd_target') return `for ${value}`
    if (field === 'nd_sll') return value === '00:00:00:00:00:00' ? 'without a source' : `of ${value}`
    if (field === 'nd_tll') return `of ${value}`
    if (field === 'icmp_type') return neighbour[value]?.[0] ?? `type ${value}`
    if (field === 'icmp_code') return value === '0' ? '' : `code ${value}`
    if (field === 'tp_src') return `from port ${value}`
    if (field === 'tp_dst') return `to port ${value}`
    if (field === 'vlan_tci') return value.startsWith('0x0000') ? 'untagged' : 'tagged'
    if (field === 'dl_vlan') return `tagged ${value}`
    if (field === 'tun_id') return `in VNI ${Number(value)}`
    if (field === 'tun_src') return `from VTEP ${value}`
    if (field === 'ct_state') return connection(value, 0)
    const register = registers[field]
    if (register) return register[0](value, name ?? value)[0]
    return name === undefined ? `${field}=${value}` : `${field} ${name}`
  },
  set: (field, value, name) => {
    if (field === 'network') return `on ${name ?? value}`
    if (field === 'source_port') return `known as ${name ?? value}`
    if (field === 'destination_port') return Number(value) === 0 ? '' : `to ${name ?? value}`
    if (field === 'destination_chassis') return `to chassis ${name ?? value}`
    if (field === 'zone' || field === 'tunnel_port') return ''
    if (field === 'origin') return `marked as from ${origins[Number(value)]?.[0] ?? value}`
    if (field === 'tun_dst') return `to VTEP ${value}`
    if (field === 'tun_id') return `in VNI ${Number(value)}`
    if (field === 'vlan_vid') return `tagged ${Number(value) & 0xfff}`
    const register = registers[field]
    if (register) return register[1](value, name ?? value)[0]
    if (rewritten.test(field)) return undefined
    return `${field} := ${value}`
  },
  action: text => {
    const to = gotoTable.exec(text)?.[1]
    if (to) return `goes on to ${to}`
    const through = resubmitTo.exec(text)?.[1]
    if (through) return `through ${through}`
    if (text === 'IN_PORT') return 'back to where it came from'
    if (text.startsWith('output:')) {
      const port = text.slice(7)
      return /^\d+$/.test(port) ? `out by OpenFlow port ${port}` : `out by the port in ${port.replace('[]', '')}`
    }
    if (text.startsWith('push_vlan')) return ''
    if (text === 'pop_vlan' || text === 'strip_vlan') return 'untagged'
    if (/^controller|^CONTROLLER/.test(text)) return 'to the controller'
    if (text.startsWith('learn(')) return 'its address is learned'
    if (text.startsWith('ct('))
      return text.includes('commit')
        ? 'its connection is tracked'
        : `through conntrack to ${/table=(\w+)/.exec(text)?.[1] ?? 'the next table'}`
    if (text.startsWith('conjunction(')) return 'one part of a rule'
    return text
  },
}

const zh: Phrases = {
  comma: '，',
  colon: '：',
  leads: ' → ',
  anything: '任何报文',
  rest: '其余报文',
  drop: '丢弃',
  nothing: '此处无事',
  rewrite: '就地应答',
  uplink: '本机之外',
  kinds: { network: '网络', port: '端口', chassis: '主机' },
  protocols: { ...protocols, ...protocols6 },
  condition: (field, value, name) => {
    if (field === 'network') return `在网络 ${name ?? value} 上`
    if (field === 'source_port') return Number(value) === 0 ? '非本机端口发出' : `由 ${name ?? value} 发出`
    if (field === 'destination_port') return Number(value) === 0 ? '目的未知' : `发往 ${name ?? value}`
    if (field === 'destination_chassis') return `发往主机 ${name ?? value}`
    if (field === 'origin') return `来自${origins[Number(value)]?.[1] ?? value}`
    if (field === 'in_port') return `自 OpenFlow 端口 ${value} 进入`
    if (field === 'dl_src') return `源 ${value}`
    if (field === 'dl_dst') return value.startsWith('01:00:00:00:00:00/') ? '发往组地址' : `目的 ${value}`
    if (field === 'nw_src' || field === 'ipv6_src')
      return value === '::' || value === '0.0.0.0' ? '尚无地址' : `源 ${value}`
    if (field === 'nw_dst' || field === 'ipv6_dst') return `目的 ${value}`
    if (field === 'arp_op') return value === '1' ? '请求' : value === '2' ? '应答' : `操作 ${value}`
    if (field === 'arp_spa') return value === '0.0.0.0' ? '探测' : `来自 ${value}`
    if (field === 'arp_tpa') return `询问 ${value}`
    if (field === 'arp_sha') return `${value} 的`
    if (field === 'nd_target') return `目标 ${value}`
    if (field === 'nd_sll') return value === '00:00:00:00:00:00' ? '无源地址' : `${value} 的`
    if (field === 'nd_tll') return `${value} 的`
    if (field === 'icmp_type') return neighbour[value]?.[1] ?? `类型 ${value}`
    if (field === 'icmp_code') return value === '0' ? '' : `代码 ${value}`
    if (field === 'tp_src') return `源端口 ${value}`
    if (field === 'tp_dst') return `目的端口 ${value}`
    if (field === 'vlan_tci') return value.startsWith('0x0000') ? '无标签' : '带标签'
    if (field === 'dl_vlan') return `标签 ${value}`
    if (field === 'tun_id') return `VNI ${Number(value)}`
    if (field === 'tun_src') return `来自 VTEP ${value}`
    if (field === 'ct_state') return connection(value, 1)
    const register = registers[field]
    if (register) return register[0](value, name ?? value)[1]
    return name === undefined ? `${field}=${value}` : `${field} ${name}`
  },
  set: (field, value, name) => {
    if (field === 'network') return `归入网络 ${name ?? value}`
    if (field === 'source_port') return `记为 ${name ?? value}`
    if (field === 'destination_port') return Number(value) === 0 ? '' : `发往 ${name ?? value}`
    if (field === 'destination_chassis') return `发往主机 ${name ?? value}`
    if (field === 'zone' || field === 'tunnel_port') return ''
    if (field === 'origin') return `标记来自${origins[Number(value)]?.[1] ?? value}`
    if (field === 'tun_dst') return `发往 VTEP ${value}`
    if (field === 'tun_id') return `VNI ${Number(value)}`
    if (field === 'vlan_vid') return `打标签 ${Number(value) & 0xfff}`
    const register = registers[field]
    if (register) return register[1](value, name ?? value)[1]
    if (rewritten.test(field)) return undefined
    return `${field} := ${value}`
  },
  action: text => {
    const to = gotoTable.exec(text)?.[1]
    if (to) return `转到 ${to}`
    const through = resubmitTo.exec(text)?.[1]
    if (through) return `经过 ${through}`
    if (text === 'IN_PORT') return '从来路返回'
    if (text.startsWith('output:')) {
      const port = text.slice(7)
      return /^\d+$/.test(port) ? `从 OpenFlow 端口 ${port} 发出` : `从 ${port.replace('[]', '')} 所指端口发出`
    }
    if (text.startsWith('push_vlan')) return ''
    if (text === 'pop_vlan' || text === 'strip_vlan') return '去标签'
    if (/^controller|^CONTROLLER/.test(text)) return '交给控制器'
    if (text.startsWith('learn(')) return '学习其地址'
    if (text.startsWith('ct('))
      return text.includes('commit') ? '跟踪其连接' : `经连接跟踪到 ${/table=(\w+)/.exec(text)?.[1] ?? '下一个表'}`
    if (text.startsWith('conjunction(')) return '规则的一部分'
    return text
  },
}

/** By language. */
export const phrases = { en, zh }
