// The tracer's sentences in Chinese. The controller says them in English, after a few patterns; what fits none of these
// stays English.

/** What the parts of a sentence become. */
export interface Parts {
  /** Why something is dropped: the controller's words to Chinese, where there are any. */
  reason(words: string): string
}

type Pattern = readonly [RegExp, (found: readonly string[], parts: Parts) => string]

const list = (names: string) => names.replaceAll(/, | and /g, '、')
const placed = (names: string) =>
  list(names)
    .split('、')
    .map(one => one.replace(/^(.+) on (\S+)$/, '$2 上的 $1').replace(/^(\d+) others?$/, '另外 $1 处'))
    .join('、')
const way = (text: string | undefined) =>
  text === undefined || text === ''
    ? ''
    : `，${text
        .replace(
          /routed by ([^,]+?)(?=, source|, destination| and source| and destination|$)/,
          (_, by) => `由 ${list(by)} 路由`,
        )
        .replaceAll(
          /(?:, | and )?(source|destination) (\S+) translated to ([^\s,.]+(?:\.\d+)*)/g,
          (_, end, a, b) => `，${end === 'source' ? '源' : '目的'}地址 ${a} 转换为 ${b}`,
        )
        .replace(/^，/, '')}`
const traffic = (text: string) =>
  text.replace(/^(.*) from (.*)$/, '来自 $2 的 $1').replace(/^(.*) to (.*)$/, '去往 $2 的 $1')
const firewall = (text: string): string | undefined => {
  const none = /^no rule of the policy of firewall group (.+) allows it$/.exec(text)
  if (none) return `防火墙组 ${none[1]} 的策略没有规则放行`
  const rule = /^firewall group (.+) (rejects|denies) it by rule (.+)$/.exec(text)
  return rule ? `防火墙组 ${rule[1]} 的规则 ${rule[3]} ${rule[2] === 'rejects' ? '拒绝' : '禁止'}它` : undefined
}

/** Whole sentences, their full stop left out. */
const patterns: readonly Pattern[] = [
  [
    /^Delivered to (.+) after (\d+) hops?(?:, (.+))?$/,
    ([, where = '', hops, how]) => `经 ${hops} 跳送达 ${placed(where)}${way(how)}`,
  ],
  [
    /^Answered by the switch on (\S+), to (.+)$/,
    ([, at, to]) => `由 ${at} 上的交换机应答 ${to === 'where it came from' ? '来处' : to}`,
  ],
  [
    /^Left by (gateway )?chassis (\S+), out of the physical network (\S+) after (\d+) hops?(?:, (.+))?$/,
    ([, gateway, at, net, hops, how]) =>
      `经 ${hops} 跳，由${gateway ? '网关' : ''}主机 ${at} 从物理网络 ${net} 离开${way(how)}`,
  ],
  [
    /^Left (\S+) to the physical network (\S+), where no port of ours got it$/,
    ([, at, net]) => `从 ${at} 进入物理网络 ${net}，我们的端口都没有收到`,
  ],
  [/^Left (\S+) to the physical network (\S+)$/, ([, at, net]) => `从 ${at} 进入物理网络 ${net}`],
  [
    /^Delivered to (.+) on (\S+), not where it was meant to go$/,
    ([, to, at]) => `送到了 ${at} 上的 ${to}，而非应到之处`,
  ],
  [/^Lost on (\S+): (.+)$/, ([, at, why]) => `在 ${at} 上丢失：${why}`],
  [/^Nothing became of it$/, () => '没有任何结果'],
  [/^Before that it was (.+)$/, ([, how]) => `此前${way(how).replace(/^，/, '')}`],
  [
    /^Dropped at table (\S+) on (\S+) because port (.+) has no security group, so it (receives|sends) nothing$/,
    ([, table, at, port, what]) =>
      `在 ${at} 的表 ${table} 丢弃：端口 ${port} 没有安全组，因此不能${what === 'receives' ? '接收' : '发送'}任何报文`,
  ],
  [
    /^Dropped at table (\S+) on (\S+) because no rule of security groups? (.+) of port (.+) allows (.+?)(?:; one would: (.+) in (.+)|, and no rule can)$/,
    ([, table, at, groups = '', port, what = '', rule, group]) =>
      `在 ${at} 的表 ${table} 丢弃：端口 ${port} 的安全组 ${list(groups)} 没有规则放行${traffic(what)}；${rule ? `在 ${group} 中加入 ${rule} 即可` : '任何规则都不能放行'}`,
  ],
  [
    /^Dropped at table (\S+) on (\S+): no flow there matches it$/,
    ([, table, at]) => `在 ${at} 的表 ${table} 丢弃：没有匹配的流表项`,
  ],
  [
    /^Dropped at table (\S+) on (\S+): the flow that it met has no further action$/,
    ([, table, at]) => `在 ${at} 的表 ${table} 终止：所遇流表项没有后续动作`,
  ],
  [
    /^Dropped at table (\S+) on (\S+): (.+?)(?: \(sent by ([^)]+)\))?(?:; an allowed address pair of it would let it pass: (\S+) with (\S+))?$/,
    ([, table, at, why = '', by, ip, mac], { reason }) =>
      `在 ${at} 的表 ${table} 丢弃：${firewall(why) ?? reason(why)}${by ? `（由 ${by} 发出）` : ''}${ip ? `；为其允许地址对 ${ip}（${mac}）即可` : ''}`,
  ],
  [
    /^Handed to the controller by table (\S+) on (\S+)(?:: (.+))?$/,
    ([, table, at, told]) => `由 ${at} 的表 ${table} 交给控制器${told ? `：${told}` : ''}`,
  ],
  [
    /^A real packet was sent, and all (\d+) flows on the way counted it$/,
    ([, n]) => `已发送真实报文，途中 ${n} 条流表项全部计数`,
  ],
  [
    /^A real packet was sent: it was counted up to table (\S+) on (\S+), but not by table (\S+) on (\S+)$/,
    ([, t1, c1, t2, c2]) => `已发送真实报文：计数到 ${c1} 的表 ${t1}，但 ${c2} 的表 ${t2} 没有计数`,
  ],
  [
    /^A real packet was sent: it was not even counted by table (\S+) on (\S+)$/,
    ([, t1, c1]) => `已发送真实报文：连 ${c1} 的表 ${t1} 都没有计数`,
  ],
]

/** A sentence of the tracer, or several, in Chinese. */
export const sentenceInChinese = (text: string, parts: Parts): string =>
  text
    .split(/(?<=[^.]\.) (?=[A-Z])/)
    .map(sentence => {
      const bare = sentence.replace(/\.$/, '')
      for (const [pattern, say] of patterns) {
        const found = pattern.exec(bare)
        if (found) return `${say(found, parts)}。`
      }
      return sentence
    })
    .join('')
