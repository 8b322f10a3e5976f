// Five classic faults, made in a real cloud with traffic, and found in the console in at most three clicks from its first
// page. Clicks are counted by the page itself.
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { ipOf, type PortResource, type Resource, type World } from '#test/dataplane/world'
import type { Host, Vm } from '#test/support/cloud'
import { describeConsole, type Operator, openConsole, startBrowser } from './browser.ts'
import { startTwoHosts } from './two-hosts.ts'

describeConsole('the console finds', () => {
  let world: World
  let browser: Browser
  let operator: Operator
  let host2: Host
  let blue: Resource
  let web: [Vm, PortResource]
  let db: [Vm, PortResource]

  beforeAll(async () => {
    ;({ world, host2, blue, web, db } = await startTwoHosts())
    await world.openDefaultGroup()
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await world?.stop()
  })
  beforeEach(async () => {
    operator = await openConsole(browser, world.controller().api)
    await operator.page.evaluate(`window.clicks = 0; addEventListener('click', () => window.clicks++, true)`)
  })
  afterEach(() => operator.close())

  const pick = (name: string) =>
    operator.page
      .getByRole('table', { name: 'Where networks are' })
      .getByRole('button', { name: `port ${name} ` })
      .click()
  const says = (text: RegExp) =>
    operator.page
      .getByRole('group', { name: 'Whether they can talk' })
      .getByRole('status')
      .filter({ hasText: text })
      .waitFor()
  const clicks = () => operator.page.evaluate<number>('window.clicks')

  it('a missing rule, says which one, and adds it', async () => {
    const { page } = operator
    const closed = await world.create('security-group', { name: 'closed' })
    await world.vmOn(host2, blue, { name: 'vault', security_groups: [closed.id] })
    await pick('web1')
    await pick('vault')
    await says(/^✕ .*closed.* tcp 443/)
    await page.getByText('This rule would let it pass:').waitFor()
    expect(await clicks()).toBe(2)

    await page.getByRole('button', { name: 'Read-only' }).click()
    await page.getByRole('button', { name: 'Add it to closed' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Add a rule' }).click()
    await says(/^✓ Delivered to vault/)
  })

  it('a port in the wrong group: the group that it is in is named', async () => {
    const [right, wrong] = [
      await world.create('security-group', { name: 'databases' }),
      await world.create('security-group', { name: 'printers' }),
    ]
    const rule = { security_group_id: right.id, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp' }
    await world.create('security-group-rule', { ...rule, port_range_min: 443, port_range_max: 443 })
    const [vm, port] = await world.vmOn(host2, blue, { name: 'archive', security_groups: [wrong.id] })
    await pick('web1')
    await pick('archive')
    await says(/^✕ .*printers.*tcp 443/)
    expect(await clicks()).toBe(2)
    await world.call('PUT', `/v2.0/ports/${port.id}`, { port: { security_groups: [right.id] } })
    await says(/^✓ Delivered to archive/)
    await vm.unplug()
  })

  it('a port that is unplugged', async () => {
    const [vm] = await world.vmOn(host2, blue, { name: 'loose' })
    await operator.page.getByRole('row', { name: /host2.*loose/ }).waitFor()
    await vm.unplug()
    await operator.page.getByRole('row', { name: /Plugged in nowhere.*loose/ }).waitFor()
    await pick('web1')
    await pick('loose')
    await says(/^✕ .*plugged in nowhere/)
    expect(await clicks()).toBe(2)
  })

  it('a tunnel that is down, while the tables are right', async () => {
    const pinging = web[0].exec('ping', '-i', '0.1', '-c', '200', '-W', '1', ipOf(db[1])).catch(() => '')
    const tunnel = (query: string) => world.call('GET', `/flowright/v1/tunnels?${query}`)
    await expect(tunnel('from=nobody&to=host2')).rejects.toThrow('404')
    await expect(tunnel('from=host1')).rejects.toThrow('400 {"NeutronError":{"type":"HTTPBadRequest"')
    await pick('web1')
    await pick('db1')
    await says(/^✓ Tunnel host1 → host2/)
    await host2.exec('ip', 'link', 'set', 'phy0', 'down')
    await says(/^✕ The tunnel host1 → host2 is down/)
    await says(/^✓ Delivered to db1/)
    expect(await clicks()).toBe(2)
    await host2.exec('ip', 'link', 'set', 'phy0', 'up')
    await says(/^✓ Tunnel host1 → host2/)
    await pinging
  }, 60_000)

  it('a tunnel of a gateway that is down, by BFD, on its first page', async () => {
    const { page } = operator
    const gateway = await world.addHost('gate', 3, { externalIds: { 'flowright-gateway': '10' } })
    await page.getByRole('row', { name: /^in sync gate GW 192\.0\.2\.3 BFD ✓ 2/ }).waitFor()
    await gateway.exec('ip', 'link', 'set', 'phy0', 'down')
    await page.getByRole('row', { name: /^in sync gate GW 192\.0\.2\.3 BFD ✕ host1, host2/ }).waitFor()
    await page.getByText('host1 hears nothing from gate: the tunnel between them is down (BFD)').waitFor()
    expect(await clicks()).toBe(0)
    await gateway.exec('ip', 'link', 'set', 'phy0', 'up')
    await page.getByRole('row', { name: /^in sync gate GW 192\.0\.2\.3 BFD ✓ 2/ }).waitFor()
  })

  it('a wrong allowed address pair: what is dropped, at which port, and what that port may send from', async () => {
    const { page } = operator
    const pairs = [{ ip_address: '10.0.0.201' }]
    await world.call('PUT', `/v2.0/ports/${web[1].id}`, { port: { allowed_address_pairs: pairs } })
    await web[0].exec('ip', 'addr', 'add', '10.0.0.200/24', 'dev', 'eth0')
    const pinging = web[0].exec('ping', '-I', '10.0.0.200', '-i', '0.2', '-c', '60', ipOf(db[1])).catch(() => '')
    await page.getByRole('link', { name: 'Drops' }).click()
    const row = page.getByRole('row', { name: /address_security sent from an address that is not of the port/ })
    await row.getByRole('link', { name: 'port web1' }).click()
    const drops = page.getByRole('region', { name: 'Dropped at this port' })
    await drops.getByText('sent from an address that is not of the port').waitFor()
    await drops.getByText('10.0.0.201').waitFor()
    expect(await clicks()).toBe(2)
    const metrics = async () => (await fetch(`http://${world.controller().api}/metrics`)).text()
    const dropped = /^flowright_dropped_packets_total\{chassis="host1",reason="spoofed_address"\} [1-9]/m
    await expect.poll(metrics).toMatch(dropped)
    await pinging
    await web[0].exec('ip', 'addr', 'del', '10.0.0.200/24', 'dev', 'eth0')
  })
})
