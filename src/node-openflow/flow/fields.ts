// Every match field that Open vSwitch 3.1 knows, and OpenFlow's others, one row each: widths, access and prerequisites as
// in ovs-fields(7), and the codes by which it goes on the wire. Reading, writing, text and the types of matches follow from
// the rows.

/** How the value of a field looks to a program. Integers up to 32 bits are numbers, wider ones bigints. */
export type Kind = 'uint' | 'big' | 'mac' | 'ipv4' | 'ipv6' | 'bytes'

/** How `ovs-ofctl` writes an integer. */
export type Show = 'decimal' | 'hex' | 'port' | 'packetType' | 'tunFlags' | 'ctState' | 'frag' | 'tcpFlags'

/** What must be in a match or come before an action for a field to mean anything. */
export type Prerequisite =
  | 'ethernet'
  | 'vlan'
  | 'arp'
  | 'ip'
  | 'ipv4'
  | 'ipv6'
  | 'mpls'
  | 'nsh'
  | 'ct'
  | 'tcp'
  | 'udp'
  | 'sctp'
  | 'icmp'
  | 'icmp6'
  | 'nd'
  | 'ndSolicit'
  | 'ndAdvert'

/** A code of a field on the wire (OXM, OpenFlow 1.5.1 section 7.2.3). */
export interface Code {
  /** The name under which Open vSwitch has it: `NXM_OF_ETH_SRC`. */
  readonly name: string
  readonly cls: number
  readonly num: number
  /** Experimenter of class 0xffff. */
  readonly exp: number
  /** The OpenFlow version (wire number) from which it is preferred; 0 for NXM. */
  readonly since: 0 | 4 | 6
}

/** A row. `bits` counts those in use; the value stands at the low end of as few whole bytes as hold them, or of `bytes`. */
export interface FieldRow {
  readonly bits: number
  readonly bytes?: number
  readonly value: Kind
  readonly show?: Show
  readonly maskable?: true
  /** May be the destination of actions. */
  readonly writable?: true
  readonly needs?: Prerequisite
  /** Other names for it. */
  readonly aka?: readonly string[]
  /** OpenFlow has it, Open vSwitch has not. */
  readonly isForeign?: true
  /** The last one that a version has is the one to write. None: the field is known to text only. */
  readonly codes: readonly Code[]
}

const EXPERIMENTER = 0xffff

const nxm0 = (name: string, num: number): Code => ({ name, cls: 0, num, exp: 0, since: 0 })
const nxm1 = (name: string, num: number): Code => ({ name, cls: 1, num, exp: 0, since: 0 })
const oxm = (name: string, num: number, since: 4 | 6 = 4): Code => ({ name, cls: 0x8000, num, exp: 0, since })
const pktReg = (name: string, num: number): Code => ({ name, cls: 0x8001, num, exp: 0, since: 4 })
const eric = (name: string, num: number): Code => ({ name, cls: 0x1000, num, exp: 0, since: 0 })
const nicira = (name: string, num: number): Code => ({ name, cls: EXPERIMENTER, num, exp: 0x2320, since: 0 })
const nsh = (name: string, num: number): Code => ({ name, cls: EXPERIMENTER, num, exp: 0x5ad650, since: 0 })
const onf = (name: string, num: number): Code => ({ name, cls: EXPERIMENTER, num, exp: 0x4f4e4600, since: 4 })

const [uint, big, mac, ipv4, ipv6, bytes] = ['uint', 'big', 'mac', 'ipv4', 'ipv6', 'bytes'] as const

/** The fields, in the order of Open vSwitch (include/openvswitch/meta-flow.h). */
// biome-ignore format: one line a field.
export const fields = {
  // Of the datapath and of conjunctions.
  dp_hash: { bits: 32, value: uint, show: 'hex', maskable: true, codes: [nicira('NXOXM_ET_DP_HASH', 0), nxm1('NXM_NX_DP_HASH', 35)] },
  recirc_id: { bits: 32, value: uint, show: 'decimal', codes: [nxm1('NXM_NX_RECIRC_ID', 36)] },
  packet_type: { bits: 32, value: uint, show: 'packetType', codes: [oxm('OXM_OF_PACKET_TYPE', 44, 6)] },
  conj_id: { bits: 32, value: uint, show: 'decimal', codes: [nxm1('NXM_NX_CONJ_ID', 37)] },
  // Tunnels.
  tun_id: { bits: 64, value: big, show: 'hex', maskable: true, writable: true, aka: ['tunnel_id'], codes: [nxm1('NXM_NX_TUN_ID', 16), oxm('OXM_OF_TUNNEL_ID', 38)] },
  tun_src: { bits: 32, value: ipv4, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_IPV4_SRC', 31)] },
  tun_dst: { bits: 32, value: ipv4, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_IPV4_DST', 32)] },
  tun_ipv6_src: { bits: 128, value: ipv6, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_IPV6_SRC', 109)] },
  tun_ipv6_dst: { bits: 128, value: ipv6, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_IPV6_DST', 110)] },
  tun_flags: { bits: 1, bytes: 2, value: uint, show: 'tunFlags', maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_FLAGS', 104)] },
  tun_ttl: { bits: 8, value: uint, show: 'decimal', codes: [] },
  tun_tos: { bits: 8, value: uint, show: 'decimal', codes: [] },
  tun_gbp_id: { bits: 16, value: uint, show: 'decimal', maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_GBP_ID', 38)] },
  tun_gbp_flags: { bits: 8, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_GBP_FLAGS', 39)] },
  tun_erspan_idx: { bits: 20, value: uint, show: 'hex', maskable: true, writable: true, codes: [nicira('NXOXM_ET_ERSPAN_IDX', 11)] },
  tun_erspan_ver: { bits: 4, value: uint, show: 'decimal', maskable: true, writable: true, codes: [nicira('NXOXM_ET_ERSPAN_VER', 12)] },
  tun_erspan_dir: { bits: 1, value: uint, show: 'decimal', maskable: true, writable: true, codes: [nicira('NXOXM_ET_ERSPAN_DIR', 13)] },
  tun_erspan_hwid: { bits: 6, value: uint, show: 'hex', maskable: true, writable: true, codes: [nicira('NXOXM_ET_ERSPAN_HWID', 14)] },
  tun_gtpu_flags: { bits: 8, value: uint, show: 'hex', maskable: true, codes: [nicira('NXOXM_ET_GTPU_FLAGS', 15)] },
  tun_gtpu_msgtype: { bits: 8, value: uint, show: 'decimal', maskable: true, codes: [nicira('NXOXM_ET_GTPU_MSGTYPE', 16)] },
  // Metadata, ports, marks.
  metadata: { bits: 64, value: big, show: 'hex', maskable: true, writable: true, codes: [oxm('OXM_OF_METADATA', 2)] },
  in_port: { bits: 16, value: uint, show: 'port', writable: true, codes: [nxm0('NXM_OF_IN_PORT', 0)] },
  in_port_oxm: { bits: 32, value: uint, show: 'port', writable: true, codes: [oxm('OXM_OF_IN_PORT', 0)] },
  actset_output: { bits: 32, value: uint, show: 'port', codes: [onf('ONFOXM_ET_ACTSET_OUTPUT', 43), oxm('OXM_OF_ACTSET_OUTPUT', 43, 6)] },
  skb_priority: { bits: 32, value: uint, show: 'hex', codes: [] },
  pkt_mark: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_PKT_MARK', 33)] },
  // Connection tracking (ct_nw_src to ct_tp_dst: the original direction).
  ct_state: { bits: 32, value: uint, show: 'ctState', maskable: true, codes: [nxm1('NXM_NX_CT_STATE', 105)] },
  ct_zone: { bits: 16, value: uint, show: 'hex', codes: [nxm1('NXM_NX_CT_ZONE', 106)] },
  ct_mark: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_CT_MARK', 107)] },
  ct_label: { bits: 128, value: big, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_CT_LABEL', 108)] },
  ct_nw_proto: { bits: 8, value: uint, show: 'decimal', needs: 'ct', codes: [nxm1('NXM_NX_CT_NW_PROTO', 119)] },
  ct_nw_src: { bits: 32, value: ipv4, maskable: true, needs: 'ct', codes: [nxm1('NXM_NX_CT_NW_SRC', 120)] },
  ct_nw_dst: { bits: 32, value: ipv4, maskable: true, needs: 'ct', codes: [nxm1('NXM_NX_CT_NW_DST', 121)] },
  ct_ipv6_src: { bits: 128, value: ipv6, maskable: true, needs: 'ct', codes: [nxm1('NXM_NX_CT_IPV6_SRC', 122)] },
  ct_ipv6_dst: { bits: 128, value: ipv6, maskable: true, needs: 'ct', codes: [nxm1('NXM_NX_CT_IPV6_DST', 123)] },
  ct_tp_src: { bits: 16, value: uint, show: 'decimal', maskable: true, needs: 'ct', codes: [nxm1('NXM_NX_CT_TP_SRC', 124)] },
  ct_tp_dst: { bits: 16, value: uint, show: 'decimal', maskable: true, needs: 'ct', codes: [nxm1('NXM_NX_CT_TP_DST', 125)] },
  // Ethernet and VLAN.
  eth_src: { bits: 48, value: mac, maskable: true, writable: true, needs: 'ethernet', aka: ['dl_src'], codes: [nxm0('NXM_OF_ETH_SRC', 2), oxm('OXM_OF_ETH_SRC', 4)] },
  eth_dst: { bits: 48, value: mac, maskable: true, writable: true, needs: 'ethernet', aka: ['dl_dst'], codes: [nxm0('NXM_OF_ETH_DST', 1), oxm('OXM_OF_ETH_DST', 3)] },
  eth_type: { bits: 16, value: uint, show: 'hex', needs: 'ethernet', aka: ['dl_type'], codes: [nxm0('NXM_OF_ETH_TYPE', 3), oxm('OXM_OF_ETH_TYPE', 5)] },
  vlan_tci: { bits: 16, value: uint, show: 'hex', maskable: true, writable: true, needs: 'ethernet', codes: [nxm0('NXM_OF_VLAN_TCI', 4)] },
  dl_vlan: { bits: 12, value: uint, show: 'decimal', writable: true, needs: 'ethernet', codes: [] },
  vlan_vid: { bits: 12, value: uint, show: 'decimal', maskable: true, writable: true, needs: 'ethernet', codes: [oxm('OXM_OF_VLAN_VID', 6)] },
  dl_vlan_pcp: { bits: 3, value: uint, show: 'decimal', writable: true, needs: 'ethernet', codes: [] },
  vlan_pcp: { bits: 3, value: uint, show: 'decimal', writable: true, needs: 'vlan', codes: [oxm('OXM_OF_VLAN_PCP', 7)] },
  // MPLS.
  mpls_label: { bits: 20, value: uint, show: 'decimal', writable: true, needs: 'mpls', codes: [oxm('OXM_OF_MPLS_LABEL', 34)] },
  mpls_tc: { bits: 3, value: uint, show: 'decimal', writable: true, needs: 'mpls', codes: [oxm('OXM_OF_MPLS_TC', 35)] },
  mpls_bos: { bits: 1, value: uint, show: 'decimal', needs: 'mpls', codes: [oxm('OXM_OF_MPLS_BOS', 36)] },
  mpls_ttl: { bits: 8, value: uint, show: 'decimal', writable: true, needs: 'mpls', codes: [nxm1('NXM_NX_MPLS_TTL', 30)] },
  // IPv4, IPv6.
  ip_src: { bits: 32, value: ipv4, maskable: true, writable: true, needs: 'ipv4', aka: ['nw_src'], codes: [nxm0('NXM_OF_IP_SRC', 7), oxm('OXM_OF_IPV4_SRC', 11)] },
  ip_dst: { bits: 32, value: ipv4, maskable: true, writable: true, needs: 'ipv4', aka: ['nw_dst'], codes: [nxm0('NXM_OF_IP_DST', 8), oxm('OXM_OF_IPV4_DST', 12)] },
  ipv6_src: { bits: 128, value: ipv6, maskable: true, writable: true, needs: 'ipv6', codes: [nxm1('NXM_NX_IPV6_SRC', 19), oxm('OXM_OF_IPV6_SRC', 26)] },
  ipv6_dst: { bits: 128, value: ipv6, maskable: true, writable: true, needs: 'ipv6', codes: [nxm1('NXM_NX_IPV6_DST', 20), oxm('OXM_OF_IPV6_DST', 27)] },
  ipv6_label: { bits: 20, value: uint, show: 'hex', maskable: true, writable: true, needs: 'ipv6', codes: [nxm1('NXM_NX_IPV6_LABEL', 27), oxm('OXM_OF_IPV6_FLABEL', 28)] },
  nw_proto: { bits: 8, value: uint, show: 'decimal', needs: 'ip', aka: ['ip_proto'], codes: [nxm0('NXM_OF_IP_PROTO', 6), oxm('OXM_OF_IP_PROTO', 10)] },
  nw_tos: { bits: 8, value: uint, show: 'decimal', writable: true, needs: 'ip', codes: [nxm0('NXM_OF_IP_TOS', 5)] },
  ip_dscp: { bits: 6, value: uint, show: 'decimal', writable: true, needs: 'ip', codes: [oxm('OXM_OF_IP_DSCP', 8)] },
  nw_ecn: { bits: 2, value: uint, show: 'decimal', writable: true, needs: 'ip', aka: ['ip_ecn'], codes: [nxm1('NXM_NX_IP_ECN', 28), oxm('OXM_OF_IP_ECN', 9)] },
  nw_ttl: { bits: 8, value: uint, show: 'decimal', writable: true, needs: 'ip', codes: [nxm1('NXM_NX_IP_TTL', 29)] },
  ip_frag: { bits: 2, value: uint, show: 'frag', maskable: true, needs: 'ip', aka: ['nw_frag'], codes: [nxm1('NXM_NX_IP_FRAG', 26)] },
  // ARP and RARP.
  arp_op: { bits: 16, value: uint, show: 'decimal', writable: true, needs: 'arp', codes: [nxm0('NXM_OF_ARP_OP', 15), oxm('OXM_OF_ARP_OP', 21)] },
  arp_spa: { bits: 32, value: ipv4, maskable: true, writable: true, needs: 'arp', codes: [nxm0('NXM_OF_ARP_SPA', 16), oxm('OXM_OF_ARP_SPA', 22)] },
  arp_tpa: { bits: 32, value: ipv4, maskable: true, writable: true, needs: 'arp', codes: [nxm0('NXM_OF_ARP_TPA', 17), oxm('OXM_OF_ARP_TPA', 23)] },
  arp_sha: { bits: 48, value: mac, maskable: true, writable: true, needs: 'arp', codes: [nxm1('NXM_NX_ARP_SHA', 17), oxm('OXM_OF_ARP_SHA', 24)] },
  arp_tha: { bits: 48, value: mac, maskable: true, writable: true, needs: 'arp', codes: [nxm1('NXM_NX_ARP_THA', 18), oxm('OXM_OF_ARP_THA', 25)] },
  // TCP, UDP, SCTP, ICMP.
  tcp_src: { bits: 16, value: uint, show: 'decimal', maskable: true, writable: true, needs: 'tcp', aka: ['tp_src'], codes: [nxm0('NXM_OF_TCP_SRC', 9), oxm('OXM_OF_TCP_SRC', 13)] },
  tcp_dst: { bits: 16, value: uint, show: 'decimal', maskable: true, writable: true, needs: 'tcp', aka: ['tp_dst'], codes: [nxm0('NXM_OF_TCP_DST', 10), oxm('OXM_OF_TCP_DST', 14)] },
  tcp_flags: { bits: 12, value: uint, show: 'tcpFlags', maskable: true, needs: 'tcp', codes: [nxm1('NXM_NX_TCP_FLAGS', 34), onf('ONFOXM_ET_TCP_FLAGS', 42), oxm('OXM_OF_TCP_FLAGS', 42, 6)] },
  udp_src: { bits: 16, value: uint, show: 'decimal', maskable: true, writable: true, needs: 'udp', codes: [nxm0('NXM_OF_UDP_SRC', 11), oxm('OXM_OF_UDP_SRC', 15)] },
  udp_dst: { bits: 16, value: uint, show: 'decimal', maskable: true, writable: true, needs: 'udp', codes: [nxm0('NXM_OF_UDP_DST', 12), oxm('OXM_OF_UDP_DST', 16)] },
  sctp_src: { bits: 16, value: uint, show: 'decimal', maskable: true, writable: true, needs: 'sctp', codes: [oxm('OXM_OF_SCTP_SRC', 17)] },
  sctp_dst: { bits: 16, value: uint, show: 'decimal', maskable: true, writable: true, needs: 'sctp', codes: [oxm('OXM_OF_SCTP_DST', 18)] },
  icmp_type: { bits: 8, value: uint, show: 'decimal', writable: true, needs: 'icmp', codes: [nxm0('NXM_OF_ICMP_TYPE', 13), oxm('OXM_OF_ICMPV4_TYPE', 19)] },
  icmp_code: { bits: 8, value: uint, show: 'decimal', writable: true, needs: 'icmp', codes: [nxm0('NXM_OF_ICMP_CODE', 14), oxm('OXM_OF_ICMPV4_CODE', 20)] },
  icmpv6_type: { bits: 8, value: uint, show: 'decimal', writable: true, needs: 'icmp6', codes: [nxm1('NXM_NX_ICMPV6_TYPE', 21), oxm('OXM_OF_ICMPV6_TYPE', 29)] },
  icmpv6_code: { bits: 8, value: uint, show: 'decimal', writable: true, needs: 'icmp6', codes: [nxm1('NXM_NX_ICMPV6_CODE', 22), oxm('OXM_OF_ICMPV6_CODE', 30)] },
  // Neighbor discovery.
  nd_target: { bits: 128, value: ipv6, maskable: true, writable: true, needs: 'nd', codes: [nxm1('NXM_NX_ND_TARGET', 23), oxm('OXM_OF_IPV6_ND_TARGET', 31)] },
  nd_sll: { bits: 48, value: mac, maskable: true, writable: true, needs: 'ndSolicit', codes: [nxm1('NXM_NX_ND_SLL', 24), oxm('OXM_OF_IPV6_ND_SLL', 32)] },
  nd_tll: { bits: 48, value: mac, maskable: true, writable: true, needs: 'ndAdvert', codes: [nxm1('NXM_NX_ND_TLL', 25), oxm('OXM_OF_IPV6_ND_TLL', 33)] },
  nd_reserved: { bits: 32, value: uint, show: 'decimal', writable: true, needs: 'nd', codes: [eric('ERICOXM_OF_ICMPV6_ND_RESERVED', 1)] },
  nd_options_type: { bits: 8, value: uint, show: 'decimal', writable: true, needs: 'nd', codes: [eric('ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE', 2)] },
  // Network service header.
  nsh_flags: { bits: 8, value: uint, show: 'decimal', maskable: true, writable: true, needs: 'nsh', codes: [nsh('NXOXM_NSH_FLAGS', 1)] },
  nsh_mdtype: { bits: 8, value: uint, show: 'decimal', needs: 'nsh', codes: [nsh('NXOXM_NSH_MDTYPE', 2)] },
  nsh_np: { bits: 8, value: uint, show: 'decimal', needs: 'nsh', codes: [nsh('NXOXM_NSH_NP', 3)] },
  nsh_spi: { bits: 24, value: uint, show: 'hex', writable: true, needs: 'nsh', aka: ['nsp'], codes: [nsh('NXOXM_NSH_SPI', 4)] },
  nsh_si: { bits: 8, value: uint, show: 'decimal', writable: true, needs: 'nsh', aka: ['nsi'], codes: [nsh('NXOXM_NSH_SI', 5)] },
  nsh_ttl: { bits: 8, value: uint, show: 'decimal', writable: true, needs: 'nsh', codes: [nsh('NXOXM_NSH_TTL', 10)] },
  // Registers; xreg and xxreg are two and four of them side by side.
  reg0: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG0', 0)] },
  reg1: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG1', 1)] },
  reg2: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG2', 2)] },
  reg3: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG3', 3)] },
  reg4: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG4', 4)] },
  reg5: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG5', 5)] },
  reg6: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG6', 6)] },
  reg7: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG7', 7)] },
  reg8: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG8', 8)] },
  reg9: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG9', 9)] },
  reg10: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG10', 10)] },
  reg11: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG11', 11)] },
  reg12: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG12', 12)] },
  reg13: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG13', 13)] },
  reg14: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG14', 14)] },
  reg15: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_REG15', 15)] },
  xreg0: { bits: 64, value: big, show: 'hex', maskable: true, writable: true, codes: [pktReg('OXM_OF_PKT_REG0', 0)] },
  xreg1: { bits: 64, value: big, show: 'hex', maskable: true, writable: true, codes: [pktReg('OXM_OF_PKT_REG1', 1)] },
  xreg2: { bits: 64, value: big, show: 'hex', maskable: true, writable: true, codes: [pktReg('OXM_OF_PKT_REG2', 2)] },
  xreg3: { bits: 64, value: big, show: 'hex', maskable: true, writable: true, codes: [pktReg('OXM_OF_PKT_REG3', 3)] },
  xreg4: { bits: 64, value: big, show: 'hex', maskable: true, writable: true, codes: [pktReg('OXM_OF_PKT_REG4', 4)] },
  xreg5: { bits: 64, value: big, show: 'hex', maskable: true, writable: true, codes: [pktReg('OXM_OF_PKT_REG5', 5)] },
  xreg6: { bits: 64, value: big, show: 'hex', maskable: true, writable: true, codes: [pktReg('OXM_OF_PKT_REG6', 6)] },
  xreg7: { bits: 64, value: big, show: 'hex', maskable: true, writable: true, codes: [pktReg('OXM_OF_PKT_REG7', 7)] },
  xxreg0: { bits: 128, value: big, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_XXREG0', 111)] },
  xxreg1: { bits: 128, value: big, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_XXREG1', 112)] },
  xxreg2: { bits: 128, value: big, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_XXREG2', 113)] },
  xxreg3: { bits: 128, value: big, show: 'hex', maskable: true, writable: true, codes: [nxm1('NXM_NX_XXREG3', 114)] },
  // Options of tunnels, in the lengths that the switch's TLV table gives them.
  tun_metadata0: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA0', 40)] },
  tun_metadata1: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA1', 41)] },
  tun_metadata2: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA2', 42)] },
  tun_metadata3: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA3', 43)] },
  tun_metadata4: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA4', 44)] },
  tun_metadata5: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA5', 45)] },
  tun_metadata6: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA6', 46)] },
  tun_metadata7: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA7', 47)] },
  tun_metadata8: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA8', 48)] },
  tun_metadata9: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA9', 49)] },
  tun_metadata10: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA10', 50)] },
  tun_metadata11: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA11', 51)] },
  tun_metadata12: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA12', 52)] },
  tun_metadata13: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA13', 53)] },
  tun_metadata14: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA14', 54)] },
  tun_metadata15: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA15', 55)] },
  tun_metadata16: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA16', 56)] },
  tun_metadata17: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA17', 57)] },
  tun_metadata18: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA18', 58)] },
  tun_metadata19: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA19', 59)] },
  tun_metadata20: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA20', 60)] },
  tun_metadata21: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA21', 61)] },
  tun_metadata22: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA22', 62)] },
  tun_metadata23: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA23', 63)] },
  tun_metadata24: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA24', 64)] },
  tun_metadata25: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA25', 65)] },
  tun_metadata26: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA26', 66)] },
  tun_metadata27: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA27', 67)] },
  tun_metadata28: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA28', 68)] },
  tun_metadata29: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA29', 69)] },
  tun_metadata30: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA30', 70)] },
  tun_metadata31: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA31', 71)] },
  tun_metadata32: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA32', 72)] },
  tun_metadata33: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA33', 73)] },
  tun_metadata34: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA34', 74)] },
  tun_metadata35: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA35', 75)] },
  tun_metadata36: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA36', 76)] },
  tun_metadata37: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA37', 77)] },
  tun_metadata38: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA38', 78)] },
  tun_metadata39: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA39', 79)] },
  tun_metadata40: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA40', 80)] },
  tun_metadata41: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA41', 81)] },
  tun_metadata42: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA42', 82)] },
  tun_metadata43: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA43', 83)] },
  tun_metadata44: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA44', 84)] },
  tun_metadata45: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA45', 85)] },
  tun_metadata46: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA46', 86)] },
  tun_metadata47: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA47', 87)] },
  tun_metadata48: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA48', 88)] },
  tun_metadata49: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA49', 89)] },
  tun_metadata50: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA50', 90)] },
  tun_metadata51: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA51', 91)] },
  tun_metadata52: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA52', 92)] },
  tun_metadata53: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA53', 93)] },
  tun_metadata54: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA54', 94)] },
  tun_metadata55: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA55', 95)] },
  tun_metadata56: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA56', 96)] },
  tun_metadata57: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA57', 97)] },
  tun_metadata58: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA58', 98)] },
  tun_metadata59: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA59', 99)] },
  tun_metadata60: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA60', 100)] },
  tun_metadata61: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA61', 101)] },
  tun_metadata62: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA62', 102)] },
  tun_metadata63: { bits: 992, value: bytes, maskable: true, writable: true, codes: [nxm1('NXM_NX_TUN_METADATA63', 103)] },
  nsh_c1: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, needs: 'nsh', codes: [nsh('NXOXM_NSH_C1', 6)] },
  nsh_c2: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, needs: 'nsh', codes: [nsh('NXOXM_NSH_C2', 7)] },
  nsh_c3: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, needs: 'nsh', codes: [nsh('NXOXM_NSH_C3', 8)] },
  nsh_c4: { bits: 32, value: uint, show: 'hex', maskable: true, writable: true, needs: 'nsh', codes: [nsh('NXOXM_NSH_C4', 9)] },
  // Of OpenFlow, and not of Open vSwitch.
  in_phy_port: { bits: 32, value: uint, show: 'decimal', isForeign: true, codes: [oxm('OXM_OF_IN_PHY_PORT', 1)] },
  pbb_isid: { bits: 24, bytes: 3, value: uint, show: 'hex', maskable: true, isForeign: true, codes: [oxm('OXM_OF_PBB_ISID', 37)] },
  ipv6_exthdr: { bits: 9, value: uint, show: 'hex', maskable: true, isForeign: true, codes: [oxm('OXM_OF_IPV6_EXTHDR', 39)] },
  pbb_uca: { bits: 1, value: uint, show: 'decimal', isForeign: true, codes: [oxm('OXM_OF_PBB_UCA', 41)] },
} as const satisfies { readonly [name: string]: FieldRow }

type Rows = typeof fields

/** The name of a field, as in ovs-fields(7). */
export type FieldName = keyof Rows

/** Another name of a field. */
export type FieldAlias = {
  [F in FieldName]: Rows[F] extends { readonly aka: readonly (infer A extends string)[] } ? A : never
}[FieldName]

type Aka<A extends string> = {
  [F in FieldName]: Rows[F] extends { readonly aka: readonly (infer B)[] } ? (A extends B ? F : never) : never
}[FieldName]

type KindValue<K extends Kind> = K extends 'uint'
  ? number
  : K extends 'big'
    ? bigint | number
    : K extends 'bytes'
      ? Uint8Array
      : string

/**
 * What the value of a field may be: a number up to 32 bits, a bigint (or a whole number) beyond; MAC, IPv4 and IPv6
 * addresses as text; the bytes of a tunnel option.
 */
export type FieldValue<F extends FieldName | FieldAlias> = F extends FieldName
  ? KindValue<Rows[F]['value']>
  : F extends FieldAlias
    ? KindValue<Rows[Aka<F>]['value']>
    : never

/** Any value of any field. */
export type AnyValue = number | bigint | string | Uint8Array
