// "Why was it dropped?": from a counter on the drop board, and from a flow that drops, to the trace of a packet that it drops.
import { mkdirSync } from 'node:fs'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ipOf, type PortResource, type Resource, startWorld, type World } from '#test/dataplane/world'
import type { Vm } from '#test/support/cloud'
import { describeConsole, type Operator, openConsole, startBrowser } from './browser.ts'

const SHOTS = process.env.FLOWRIGHT_TEST_SHOTS

describeConsole('a drop is traced', () => {
  let world: World
  let browser: Browser
  let operator: Operator
  let web: [Vm, PortResource]
  let db: [Vm, PortResource]
  let blue: Resource

  beforeAll(async () => {
    world = await startWorld()
    const host1 = await world.addHost('host1', 1)
    const host2 = await world.addHost('host2', 2)
    blue = await world.create('network', { name: 'blue' })
    const subnet = await world.create('subnet', { network_id: blue.id, cidr: '10.0.0.0/24', ip_version: 4 })
    const router = await world.create('router', { name: 'edge' })
    await world.call('PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })
    const closed = await world.create('security-group', { name: 'closed' })
    web = await world.vmOn(host1, blue, { name: 'web1', device_owner: 'compute:nova' })
    db = await world.vmOn(host2, blue, { name: 'db1', security_groups: [closed.id] })
    browser = await startBrowser()
    operator = await openConsole(browser, world.controller().api)
  })
  afterAll(async () => {
    try {
      await operator?.close()
    } finally {
      await browser?.close()
      await world?.stop()
    }
  })

  const shoot = async (name: string) => {
    if (SHOTS === undefined) return
    mkdirSync(SHOTS, { recursive: true })
    await operator.page.screenshot({ path: `${SHOTS}/${name}.png` })
  }
  /** Its table in the drawn way, chosen and on the screen. */
  const inView = (table: string) =>
    expect
      .poll(async () => {
        const box = await operator.page.locator('.way button.chosen', { hasText: table }).boundingBox()
        return box !== null && box.x < 920 && box.y > 0 && box.y < 800
      })
      .toBe(true)
  /** The sentence of the trace, and the flow that is open beside it: the one that was asked about. */
  const isTold = async (sentence: RegExp, table: string) => {
    const { page } = operator
    await page.getByRole('status').filter({ hasText: sentence }).waitFor()
    await page.getByText(/A packet of the kind that the flow drops|此流表项会丢弃的一个同类报文/).waitFor()
    await page.getByRole('complementary', { name: table }).waitFor()
    await inView(table)
    await shoot(table)
  }

  it('from the drop board: what no rule of a group allows, with the rule that would', async () => {
    const { page } = operator
    const pinging = web[0].exec('ping', '-i', '0.2', '-c', '40', '-W', '1', ipOf(db[1])).catch(() => '')
    await operator.goto('drops')
    const row = page.getByRole('row', { name: /host2 ingress_verdict.*policy closed/ })
    await row.getByRole('link', { name: 'Why?' }).click()
    await isTold(/no rule of security group closed of port db1 allows/, 'ingress_verdict')
    await page.getByText('This rule would let it pass:').waitFor()
    await pinging
  })

  it('from the drop board: a spoofed address, sent by the port that most likely did', async () => {
    const { page } = operator
    await operator.goto('drops')
    await web[0].exec('ip', 'addr', 'add', '10.0.0.200/24', 'dev', 'eth0')
    const pinging = web[0].exec('ping', '-I', '10.0.0.200', '-i', '0.2', '-c', '60', ipOf(db[1])).catch(() => '')
    const row = page.getByRole('row', { name: /address_security.*web1/ })
    await row.getByRole('link', { name: 'Why?' }).click()
    await isTold(/not of the port \(sent by web1\)/, 'address_security')
    await pinging
  })

  /** Asks about the flow of a filter from the flow table. */
  const askFlow = async (chassis: string, filter: string) => {
    const { page } = operator
    await operator.goto(`chassis/${chassis}/flows?q=${encodeURIComponent(filter)}`)
    await page
      .locator('[role=grid] [role=row]')
      .filter({ hasText: filter.split(/[: ]/)[1] as string })
      .first()
      .click()
    await page.getByRole('link', { name: /^(Why\?|为何丢弃？)$/ }).click()
  }

  it('from the flow table: what a firewall group does not let pass', async () => {
    const { firewall_policy } = await world.call<{ firewall_policy: Resource }>(
      'POST',
      '/v2.0/fwaas/firewall_policies',
      {
        firewall_policy: { name: 'none', firewall_rules: [] },
      },
    )
    const policy = { ingress_firewall_policy_id: firewall_policy.id, egress_firewall_policy_id: firewall_policy.id }
    const firewall_group = { name: 'porch', ports: [web[1].id], ...policy }
    await world.call('POST', '/v2.0/fwaas/firewall_groups', { firewall_group })
    await askFlow('host1', 'table:egress_firewall_verdict drop priority=10')
    await isTold(/no rule of the policy of firewall group porch allows it/, 'egress_firewall_verdict')
  })

  it('from the flow table: what a router does not route, in Chinese', async () => {
    const { page } = operator
    await page.getByLabel('Language').selectOption('zh')
    await askFlow('host2', 'table:router_input drop 127.0.0.0')
    await page.getByText('此流表项会丢弃的一个同类报文').waitFor()
    await page.getByRole('complementary', { name: 'router_input' }).waitFor()
    await shoot('router_input')
  })

  it('and says so of a flow that drops nothing that it can think of', async () => {
    const { flows } = await world.call<{ flows: { cookie: string; text: string }[] }>(
      'GET',
      '/flowright/v1/chassis/host2/flows?table=egress_verdict',
    )
    const last = flows.find(flow => /priority=0\b/.test(flow.text))
    await operator.goto(`trace?chassis=host2&why=${last?.cookie}`)
    await operator.page.getByText(/Of \d+ packets that were traced, the flow drops none|追踪了 \d+ 个报文/).waitFor()
    await expect(world.call('GET', '/flowright/v1/chassis/host2/flows/0x1/packet')).rejects.toThrow('404')
    await shoot('none')
  })
})
