// The console in a browser, on a whole controller with real chassis and traffic: the way through each view.
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { ipOf, type PortResource, type Resource, type World } from '#test/dataplane/world'
import type { Host, Vm } from '#test/support/cloud'
import { describeConsole, type Operator, openConsole, startBrowser } from './browser.ts'
import { startTwoHosts } from './two-hosts.ts'

describeConsole('the console', () => {
  let world: World
  let browser: Browser
  let operator: Operator
  let host1: Host
  let host2: Host
  let blue: Resource
  let web: [Vm, PortResource]
  let db: [Vm, PortResource]

  beforeAll(async () => {
    ;({ world, host1, host2, blue, web, db } = await startTwoHosts())
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await world?.stop()
  })
  beforeEach(async () => {
    operator = await openConsole(browser, world.controller().api)
  })
  afterEach(() => operator.close())

  const rows = () => operator.page.locator('[role=grid] [role=row]')

  it('is what a browser gets at the root, while clients get the versions', async () => {
    await operator.page.goto(`http://${world.controller().api}/`)
    expect(operator.page.url()).toContain('/console/')
    expect(await world.call('GET', '/')).toHaveProperty('versions')
  })

  it('shows which networks are on which chassis, and what changes, as it changes', async () => {
    const { page } = operator
    const topology = page.getByRole('table', { name: 'Where networks are' })
    await topology.getByRole('row', { name: /host1/ }).getByText('web1').waitFor()
    await topology.getByRole('row', { name: /host2/ }).getByText('db1').waitFor()
    await world.call('PUT', `/v2.0/ports/${web[1].id}`, { port: { name: 'front1' } })
    await topology.getByText('front1').waitFor()
    await page.getByText('port front1 changed (name)').waitFor()
    await world.call('PUT', `/v2.0/ports/${web[1].id}`, { port: { name: 'web1' } })
    await topology.getByText('web1').waitFor()
  })

  it('leads from a flow to who asked for it, and from there to its flows on every chassis', async () => {
    const { page } = operator
    await operator.goto('chassis/host1/flows')
    await page.getByLabel('Filter flows').fill('table:l2_lookup port:web1')
    await expect.poll(() => page.evaluate('location.hash')).toContain('q=table%3Al2_lookup+port%3Aweb1')
    await page
      .getByRole('status')
      .filter({ hasText: /^1 of \d+ flows/ })
      .waitFor()
    expect(await rows().first().textContent()).toMatch(/l2_lookup\s*20\s*Anything, on blue, to fa:16:3e/)
    await rows().first().click()
    const why = page.getByRole('complementary', { name: 'Why this flow is there' })
    await why.getByText('flows/br-int/60-l2-lookup.ts').waitFor()
    await why.getByText(/req-/).first().waitFor()
    await why.getByRole('link', { name: 'port web1' }).click()
    const flows = page.getByRole('region', { name: 'Flows of web1' })
    for (const chassis of ['host1', 'host2']) await flows.getByRole('link', { name: chassis, exact: true }).waitFor()
    await flows.getByText('l2_lookup').first().waitFor()
  })

  it('filters by what is hit now, moves by keyboard, and keeps the filter in the address', async () => {
    const { page } = operator
    await operator.goto('chassis/host1/flows?q=table:l2_lookup+rate>0')
    const pinging = web[0].ping(ipOf(db[1]), { count: 40 })
    await rows().filter({ hasText: db[1].mac_address }).waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('table:classify')
    await page
      .getByRole('status')
      .filter({ hasText: /^\d+ of/ })
      .waitFor()
    await page.keyboard.press('Enter')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByRole('complementary', { name: 'Why this flow is there' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('complementary').waitFor({ state: 'detached' })
    await page.reload()
    expect(await page.getByLabel('Filter flows').inputValue()).toBe('table:classify')
    await pinging
  })

  it('finds in one step why a packet does not arrive: a missing rule, an unplugged port', async () => {
    const { page } = operator
    const closed = await world.create('security-group', { name: 'closed' })
    await world.vmOn(host2, blue, { name: 'vault', security_groups: [closed.id] })
    await world.createPort(blue, { name: 'unplugged' })
    await operator.goto('trace?from=web1&to=db1')
    await page.getByText('Delivered to db1 on host2 after 3 hops.').waitFor()
    const way = page.getByRole('list', { name: 'The way of the packet' })
    expect(await way.getByRole('heading').allTextContents()).toEqual([
      ...['host1 br-int', 'host1 br-tun', 'host2 br-tun', 'host2 br-int'],
    ])
    await way.getByRole('button', { name: 'l2_lookup' }).first().click()
    await page.getByRole('complementary', { name: 'l2_lookup' }).getByRole('link', { name: 'port db1' }).waitFor()

    await operator.goto('trace?from=web1&to=vault&protocol=tcp+443')
    await page
      .getByRole('status')
      .filter({ hasText: /^✕ .*tcp 443/ })
      .waitFor()
    await page.getByText('This rule would let it pass:').waitFor()
    await operator.goto(`resource/security_group/${closed.id}`)
    await page.getByRole('button', { name: 'Read-only' }).click()
    await page.getByLabel('Ports').fill('443')
    await page.getByLabel('Remote').fill('10.0.0.0/24')
    await page.getByRole('button', { name: 'Add a rule' }).click()
    const preview = page.getByRole('dialog', { name: 'What this changes' })
    await preview.getByRole('row', { name: /^host2 \+[1-9]\d* 0/ }).waitFor()
    await preview.getByText('tp_dst=443').first().waitFor()
    expect(
      (await world.call<{ security_group: Resource }>('GET', `/v2.0/security-groups/${closed.id}`)).security_group
        .security_group_rules,
    ).toHaveLength(2)
    await preview.getByRole('button', { name: 'Add a rule' }).click()
    const rules = page.getByRole('region', { name: 'Rules' })
    await rules.getByRole('cell', { name: '10.0.0.0/24' }).waitFor()
    await operator.goto('trace?from=web1&to=vault&protocol=tcp+443')
    await page.getByText('Delivered to vault on host2').waitFor()
    await page.getByRole('button', { name: 'Send a real packet' }).click()
    await page.getByText('A real packet was sent').waitFor()
    await operator.goto('trace?from=web1&to=unplugged')
    await page
      .getByRole('status')
      .filter({ hasText: /^✕ .*plugged in nowhere/ })
      .waitFor()
  })

  it('finds a tunnel that is down by a real packet, and an address that is not allowed among the drops', async () => {
    const { page } = operator
    await operator.goto('trace?from=web1&to=db1')
    await page.getByRole('button', { name: 'Read-only' }).click()
    await host2.exec('ip', 'link', 'set', 'phy0', 'down')
    await page.getByRole('button', { name: 'Send a real packet' }).click()
    await page.locator('.notice.bad').filter({ hasText: 'host2' }).waitFor()
    await host2.exec('ip', 'link', 'set', 'phy0', 'up')

    await operator.goto('drops')
    await web[0].exec('ip', 'addr', 'add', '10.0.0.200/24', 'dev', 'eth0')
    const pinging = web[0].exec('ping', '-I', '10.0.0.200', '-c', '3', '-W', '1', ipOf(db[1])).catch(() => '')
    await page
      .getByRole('row', { name: /host1 address_security sent from an address that is not of the port/ })
      .waitFor()
    await pinging
    await web[0].exec('ip', 'addr', 'del', '10.0.0.200/24', 'dev', 'eth0')
  })

  it('draws the pipeline with what goes through it now', async () => {
    const { page } = operator
    await operator.goto('chassis/host1/pipeline')
    const pinging = web[0].ping(ipOf(db[1]), { count: 40 })
    const map = page.getByRole('region', { name: 'br-int' })
    await map.locator('path.live').first().waitFor({ state: 'attached' })
    const names = await map.getByRole('link').allTextContents()
    const order = names.map(text => Number(/^\s*\d+/.exec(text)?.[0]))
    expect(order).toEqual(order.toSorted((a, b) => a - b))
    await map.getByRole('link', { name: 'Flows of l2_lookup' }).click()
    expect(await page.getByLabel('Filter flows').inputValue()).toBe('table:l2_lookup')
    await pinging
  })

  it('compares what is installed with what should be, and shows drift as it happens', async () => {
    const { page } = operator
    await operator.goto('chassis/host1/verify')
    await page.getByText('Every flow is as it should be.').waitFor()
    await host1.ovs.ofctl('del-flows', 'br-int', `table=60,dl_dst=${db[1].mac_address}`)
    const drift = page.getByRole('region', { name: 'Drift, as it happens' })
    await drift.getByText('removed').waitFor()
    await drift.getByText(db[1].mac_address).first().waitFor()
    await drift.getByText('port db1').waitFor()
  })

  it('names what is dropped, where and why', async () => {
    const { page } = operator
    await operator.goto('drops')
    await web[0].exec('ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:99')
    const pinging = web[0].ping(ipOf(db[1]), { count: 30 })
    const row = page.getByRole('row', { name: /port_security/ })
    await row.getByText('sent from a MAC address that is not of the port').waitFor()
    await pinging
    await web[0].exec('ip', 'link', 'set', 'eth0', 'address', web[1].mac_address)
    await row.getByRole('link', { name: 'port_security' }).click()
    const why = page.getByRole('complementary', { name: 'Why this flow is there' })
    await why.getByText('dropped: sent from a MAC address that is not of the port').waitFor()
    expect(await page.getByLabel('Filter flows').inputValue()).toMatch(/^cookie:0xf10e/)
  })

  it('tells what each change cost, and what changed between two of them', async () => {
    const { page } = operator
    await operator.goto('timeline')
    const first = await world.create('network', { name: 'first' })
    await world.createPort(blue, { name: 'second' })
    const options = page.getByRole('listbox', { name: 'Timeline' })
    await options.getByText('network first created').click()
    await options.getByText('port second created').click()
    const between = page.getByRole('complementary')
    await between.getByText('network first').waitFor()
    await between.getByText('port second').waitFor()
    expect(await options.getByRole('option', { name: /port second/ }).textContent()).toMatch(
      /ms[\s\S]*\+\d+ −0[\s\S]*kB|B[\s\S]*ms/,
    )
    await world.call('DELETE', `/v2.0/networks/${first.id}`)
  })

  it('makes, changes and deletes resources, and shows what is wrong beside the field', async () => {
    const { page } = operator
    await operator.goto('resources/subnet')
    await page.getByRole('button', { name: 'New subnet' }).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Read-only' }).click()
    await page.getByRole('button', { name: 'New subnet' }).click()
    await page.getByLabel('Network').selectOption({ label: 'blue' })
    await page.getByLabel('CIDR').fill('10.9.0.0/99')
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByText("'10.9.0.0/99' is not a valid IP subnet").waitFor()
    expect(await page.getByLabel('CIDR').getAttribute('aria-invalid')).toBe('true')
    await page.getByLabel('CIDR').fill('10.9.0.0/24')
    await page.getByLabel('Name', { exact: true }).fill('extra')
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { name: 'extra', level: 1 }).waitFor()
    await page.getByRole('button', { name: 'Edit', exact: true }).click()
    await page.getByLabel('Name', { exact: true }).fill('renamed')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: 'renamed', level: 1 }).waitFor()
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('button', { name: 'New subnet' }).waitFor()
    const { subnets } = await world.call<{ subnets: Resource[] }>('GET', '/v2.0/subnets?name=renamed')
    expect(subnets).toEqual([])
  })

  it('says that a resource is gone, and asks for no flows of it', async () => {
    const { page } = operator
    const brief = await world.create('network', { name: 'brief' })
    await operator.goto(`resource/network/${brief.id}`)
    await page.getByText('No chassis holds a flow for it.').waitFor()
    await world.call('DELETE', `/v2.0/networks/${brief.id}`)
    const gone = page.getByText('There is no such resource any more.')
    await gone.waitFor()
    await operator.goto('resources/network')
    await operator.goto(`resource/network/${brief.id}`)
    await gone.waitFor()
    await page.getByText('No chassis holds a flow for it.').waitFor()
    expect(await page.getByRole('alert').count()).toBe(0)
  })

  it('connects networks by a router and guards a port by a firewall, with forms alone', async () => {
    const { page } = operator
    await page.getByRole('button', { name: 'Read-only' }).click()
    const make = async (kind: string, title: string, fill: () => Promise<void>) => {
      await operator.goto(`resources/${kind}`)
      await page.getByRole('button', { name: `New ${title}` }).click()
      await fill()
      await page.getByRole('button', { name: 'Create' }).click()
    }
    const field = (name: string) => page.getByRole('form').getByLabel(name, { exact: true })
    const titled = (name: string) => page.getByRole('heading', { name, level: 1 }).waitFor()
    const outside = await world.create('network', { name: 'outside', 'router:external': true })
    await world.create('subnet', { network_id: outside.id, cidr: '198.51.100.0/24', ip_version: 4 })
    const green = await world.create('network', { name: 'green' })
    await world.vmOn(host1, blue, { name: 'guarded', device_owner: 'compute:nova' })
    await world.create('subnet', { network_id: green.id, cidr: '10.7.0.0/24', ip_version: 4, name: 'green4' })

    await make('router', 'router', async () => {
      await field('Name').fill('edge')
      await field('External network').selectOption({ label: 'outside' })
    })
    await titled('edge')
    await page.getByLabel('subnet').selectOption({ label: 'green4 (green)' })
    await page.getByRole('button', { name: 'Add an interface' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Add an interface' }).click()
    const interfaces = page.getByRole('region', { name: 'Interfaces' })
    await interfaces.getByRole('link', { name: '10.7.0.1' }).waitFor()
    await interfaces.getByRole('button', { name: /^Remove the interface/ }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove the interface' }).click()
    await interfaces.getByText('It connects no network yet.').waitFor()
    await page.getByRole('button', { name: 'Edit', exact: true }).click()
    await field('Translates source addresses (SNAT)').uncheck()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('"enable_snat":false').waitFor()

    await make('firewall_rule', 'firewall rule', async () => {
      await field('Name').fill('https')
      await field('Protocol').fill('nonsense')
    })
    await field('Protocol').and(page.locator('[aria-invalid=true]')).waitFor()
    await field('Protocol').fill('tcp')
    await field('Ports').fill('443')
    await page.getByRole('button', { name: 'Create' }).click()
    await titled('https')
    await make('firewall_policy', 'firewall policy', async () => {
      await field('Name').fill('web')
      await field('Rules, first match first').fill('https, nothing')
    })
    await page.getByText('There is no nothing.').waitFor()
    await field('Rules, first match first').fill('https')
    await page.getByRole('button', { name: 'Create' }).click()
    await titled('web')
    await make('firewall_group', 'firewall group', async () => {
      await field('Name').fill('guard')
      await field('Ingress policy').selectOption({ label: 'web' })
      await field('Ports').fill('guarded')
      await page.getByRole('button', { name: 'Preview' }).click()
      const preview = page.getByRole('dialog', { name: 'What this changes' })
      await preview.getByRole('row', { name: /^host1 \+[1-9]/ }).waitFor()
      await preview.getByRole('button', { name: 'Cancel' }).click()
    })
    await titled('guard')
    await page.getByText('ACTIVE', { exact: true }).first().waitFor()
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('alert').filter({ hasText: 'is still active' }).waitFor()
  }, 60_000)

  it('is used by keyboard alone: from the first page to why two ports cannot talk, and out of a preview', async () => {
    const { page } = operator
    const silent = await world.create('security-group', { name: 'silent' })
    await world.vmOn(host2, blue, { name: 'mute', security_groups: [silent.id] })
    const focused = () =>
      page.evaluate<string>('document.activeElement.ariaLabel ?? document.activeElement.textContent')
    const tabTo = async (name: RegExp) => {
      for (let i = 0; i < 80 && !name.test(await focused()); i++) await page.keyboard.press('Tab')
      expect(await focused()).toMatch(name)
    }
    await page.getByRole('button', { name: 'port mute on host2' }).waitFor()
    await page.keyboard.press('1')
    await tabTo(/^port web1 /)
    await page.keyboard.press('Enter')
    await tabTo(/^port mute /)
    await page.keyboard.press('Enter')
    await page
      .getByRole('status')
      .filter({ hasText: /^✕ .*silent.*tcp 443/ })
      .waitFor()
    await page.getByRole('button', { name: 'Read-only' }).focus()
    await page.keyboard.press('Enter')
    await tabTo(/^Add it to silent/)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'What this changes' }).waitFor()
    expect(await page.evaluate('document.activeElement.closest("dialog") !== null')).toBe(true)
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    const { security_group: shown } = await world.call<{ security_group: Resource }>(
      'GET',
      `/v2.0/security-groups/${silent.id}`,
    )
    expect(shown.security_group_rules).toHaveLength(2)
  })

  it('gives a port a floating IP, takes it off it, and deletes it, with forms', async () => {
    const { page } = operator
    const wan = await world.create('network', { name: 'wan', 'router:external': true })
    await world.create('subnet', { network_id: wan.id, cidr: '203.0.113.0/24', ip_version: 4 })
    const lan = await world.create('network', { name: 'lan' })
    const subnet = await world.create('subnet', { network_id: lan.id, cidr: '10.8.0.0/24', ip_version: 4 })
    const router = await world.create('router', { name: 'door', external_gateway_info: { network_id: wan.id } })
    const served = await world.createPort(lan, { name: 'served' })
    await operator.goto('resources/floating_ip')
    await page.getByRole('button', { name: 'Read-only' }).click()
    await page.getByRole('button', { name: 'New floating IP' }).click()
    const form = page.getByRole('form')
    await form.getByLabel('External network').selectOption({ label: 'wan' })
    await form.getByLabel('port', { exact: true }).selectOption({ label: 'served' })
    await page.getByRole('button', { name: 'Create' }).click()
    await form.getByText(/is not reachable from subnet/).waitFor()

    await world.call('PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { name: /203\.0\.113\.\d+/, level: 1 }).waitFor()
    const shown = async () =>
      (await world.call<{ floatingips: Resource[] }>('GET', `/v2.0/floatingips?floating_network_id=${wan.id}`))
        .floatingips
    expect(await shown()).toMatchObject([{ port_id: served.id, router_id: router.id }])
    await page.getByRole('button', { name: 'Edit', exact: true }).click()
    await form.getByLabel('port', { exact: true }).selectOption('')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect.poll(shown).toMatchObject([{ port_id: null }])
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await expect.poll(shown).toEqual([])
  })

  it('changes nothing while it is read-only', async () => {
    const { page } = operator
    const written: string[] = []
    page.on('request', request => {
      if (request.method() !== 'GET') written.push(`${request.method()} ${request.url()}`)
    })
    const { security_groups: groups } = await world.call<{ security_groups: Resource[] }>(
      'GET',
      '/v2.0/security-groups',
    )
    const places = ['overview', `overview?from=${web[1].id}&to=${db[1].id}`, 'trace?from=web1&to=db1', 'resources/port']
    for (const place of [...places, `resource/port/${web[1].id}`, `resource/security_group/${groups[0]?.id}`]) {
      await operator.goto(place)
      await page.locator('.view').waitFor()
      await page.waitForTimeout(400)
      const offered = await page.getByRole('main').getByRole('button').allTextContents()
      expect(offered.filter(text => /^(New|Edit|Delete|Send|Add|✕|Save|Create)/.test(text.trim()))).toEqual([])
    }
    expect(written).toEqual([])
  })

  it('speaks Chinese in every view, and names everything that can be used', async () => {
    const { page } = operator
    await page.getByLabel('Language').selectOption('zh')
    const port = `resource/port/${web[1].id}`
    for (const place of [
      'overview',
      'trace?from=web1&to=db1',
      'chassis/host1/flows',
      'chassis/host1/pipeline',
      'chassis/host1/verify',
      'drops',
      'timeline',
      'resources/port',
      port,
    ]) {
      await operator.goto(place)
      await page.locator('.view').waitFor()
      await page.waitForTimeout(300)
      const nameless = await page.evaluate(`[...document.querySelectorAll('button, a, input, select')]
        .filter(e => !(e.textContent || e.ariaLabel || e.title || e.labels?.length))
        .map(e => e.outerHTML.slice(0, 120))`)
      expect(nameless).toEqual([])
    }
    expect(await page.locator('html').getAttribute('lang')).toBe('zh')
    await page.getByText('总览').waitFor()
  })

  it('comes back by itself when the controller was away, and has missed nothing', async () => {
    const { page } = operator
    const port = world.controller().api.split(':')[1]
    await world.stopController()
    await page.locator('[data-connection=lost], [data-connection=connecting]').first().waitFor()
    await page.getByText('The connection to the controller is lost').waitFor()
    await world.startController(Number(port))
    await page.locator('[data-connection=live]').waitFor()
    await world.call('PUT', `/v2.0/networks/${blue.id}`, { network: { name: 'azure' } })
    await page.getByRole('table', { name: 'Where networks are' }).getByText('azure').waitFor()
    await world.call('PUT', `/v2.0/networks/${blue.id}`, { network: { name: 'blue' } })
  })
})
