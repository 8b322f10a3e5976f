// What the controller says in English is said in Chinese in the console: sentences of the tracer, why flows drop, and what
// tables do. Names are left as they are.
import { expect, it } from 'vitest'
import { dropReasons } from '#flows/drop-reasons'
import { pipeline } from '#flows/pipeline'
import { dropWords } from '../../src/console/text/drops.ts'
import { sentenceInChinese } from '../../src/console/text/sentences.ts'
import { tableWords } from '../../src/console/text/tables.ts'

const say = (text: string) =>
  sentenceInChinese(text, { reason: words => (words === 'for a port' ? '发往端口' : words) })

it.each([
  ['Delivered to db1 on host2 after 3 hops, routed by edge.', '经 3 跳送达 host2 上的 db1，由 edge 路由。'],
  ['Delivered to a on h1, b on h2 and 3 others after 1 hop.', '经 1 跳送达 h1 上的 a、h2 上的 b、另外 3 处。'],
  [
    'Left by gateway chassis gw, out of the physical network phys after 4 hops, routed by edge, source 10.0.0.5 translated to 203.0.113.7.',
    '经 4 跳，由网关主机 gw 从物理网络 phys 离开，由 edge 路由，源地址 10.0.0.5 转换为 203.0.113.7。',
  ],
  [
    'Dropped at table ingress_verdict on host2 because no rule of security groups a and b of port db1 allows tcp 443 from web1 (10.0.0.5); one would: ingress tcp 443 IPv4 from 10.0.0.5/32 in a. Before that it was routed by edge.',
    '在 host2 的表 ingress_verdict 丢弃：端口 db1 的安全组 a、b 没有规则放行来自 web1 (10.0.0.5) 的 tcp 443；在 a 中加入 ingress tcp 443 IPv4 from 10.0.0.5/32 即可。此前由 edge 路由。',
  ],
  ['Dropped at table unicast on host1: for a port.', '在 host1 的表 unicast 丢弃：发往端口。'],
  [
    'A real packet was sent: it was counted up to table vtep on host1, but not by table tunnel_classify on host2.',
    '已发送真实报文：计数到 host1 的表 vtep，但 host2 的表 tunnel_classify 没有计数。',
  ],
  ['Something new happened.', 'Something new happened.'],
])('%s', (english, chinese) => {
  expect(say(english)).toBe(chinese)
})

it('describes every table and every drop', () => {
  expect(pipeline.tables.map(({ name }) => name).filter(name => !(name in tableWords))).toEqual([])
  expect(Object.keys(dropReasons).filter(reason => !(reason in dropWords))).toEqual([])
})
